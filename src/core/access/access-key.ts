/** What a key may do. `viewer`: read, without secrets. `operator`: change services and groups. `admin`: everything, keys among it. */
export type Role = "viewer" | "operator" | "admin";

/** All roles, the least first: each may do what the ones before it may. */
export const ROLES: readonly Role[] = ["viewer", "operator", "admin"];

/**
 * What a restricted key sees and changes: services that are in one of the groups or carry one of the workspaces. One of both lists has
 * an entry at least.
 */
export interface Restriction {
  /** Names of groups; those groups themselves belong to it. */
  readonly groups: readonly string[];
  /** `metadata.workspace_id` of the service.json. */
  readonly workspaces: readonly string[];
}

/** A secret as it is kept: enough to recognise it, and enough to sign with it when the sealing key is there, too. */
export interface KeptSecret {
  /** SHA-256 in lower-case hex: what a bearer token is looked up by. */
  readonly sha256: string;
  /** The secret, sealed with AES-256-GCM by a key that is not in the store; the form is the sealer's (server/sealing.ts). */
  readonly sealed: string;
}

/** An access key of the control API, made by a command. The installation's own key is none of these: it is in a file. */
export interface AccessKeyRecord {
  /** Public name of the key: what an SDK calls the access key id. */
  readonly id: string;
  readonly role: Role;
  /** For people: whose key it is. At most 200 characters. */
  readonly note: string;
  /** Null: all services and groups. */
  readonly restriction: Restriction | null;
  readonly secret: KeptSecret;
  /** The secret before the last rotation, until its grace time is over; null: there is none. */
  readonly olderSecret: (KeptSecret & { readonly validUntilMs: number }) | null;
  /** Wall clock; from then on it opens nothing. Null: never. */
  readonly expiresAtMs: number | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}
