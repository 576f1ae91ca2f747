import { ServingError } from "../errors.ts";
import { type Restriction, ROLES, type Role } from "./access-key.ts";

/** Who has shown to have an access key, and what it may do. */
export interface Caller {
  readonly keyId: string;
  /** The key's note; may be empty. */
  readonly note: string;
  readonly role: Role;
  /** Null: all services and groups. */
  readonly restriction: Restriction | null;
}

/** One request of a caller: what an audit entry says of it. */
export interface Actor {
  readonly caller: Caller;
  readonly requestId: string;
  /** As the connection had it; may be empty. */
  readonly remoteAddress: string;
  /** Name in the contract, e.g. `ScaleService`. */
  readonly operation: string;
  /** From the path, e.g. `service/a`; empty where the path names nothing. */
  readonly target: string;
}

/** What an operation of the contract asks of its caller. */
export interface Need {
  readonly operation: string;
  readonly role: Role;
  /** It is about the whole installation: a key that is restricted to some services cannot have it. */
  readonly isInstallationWide: boolean;
}

/** @throws ServingError FORBIDDEN that names what is missing */
export function refuseUnfit({ keyId, role, restriction }: Caller, need: Need): void {
  const { operation } = need;
  if (ROLES.indexOf(role) < ROLES.indexOf(need.role)) {
    const detail = `${operation} needs the role ${need.role}, and access key ${keyId} has the role ${role}`;
    throw new ServingError("FORBIDDEN", { operation, role: need.role, detail });
  }
  if (restriction !== null && need.isInstallationWide) {
    const detail = `${operation} is about the whole installation, and access key ${keyId} is restricted to ${restrictionText(restriction)}`;
    throw new ServingError("FORBIDDEN", { operation, role: need.role, detail });
  }
}

/** e.g. `groups a, b and workspaces 12` */
export function restrictionText({ groups, workspaces }: Restriction): string {
  const parts = [
    ...(groups.length > 0 ? [`groups ${groups.join(", ")}`] : []),
    ...(workspaces.length > 0 ? [`workspaces ${workspaces.join(", ")}`] : []),
  ];
  return parts.join(" and ");
}
