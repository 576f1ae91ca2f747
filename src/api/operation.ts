import type { TObject, TSchema } from "typebox";
import type { Role } from "../core/access/access-key.ts";
import type { ErrorCode } from "../core/errors.ts";

/** One operation of the contract, without its method and path, which stand in paths.ts. */
export interface OperationSchema {
  /** One line, for the reference. */
  readonly summary: string;
  readonly tag: "Services" | "Groups" | "Regions" | "Access" | "Internal";
  readonly query: TObject;
  /** `service-json`: the body is a service.json, which the spec parser checks. `lines`: text that its handler reads. null: a body is not read. */
  readonly body: TSchema | "service-json" | "lines" | null;
  readonly response: TSchema;
  /** Answers without a key. */
  readonly isOpen?: true;
  /** Codes that it refuses with, beside those that follow from its path, its input and its method (refusals.ts). */
  readonly refusals?: readonly ErrorCode[];
  /** A body that is taken as it stands, when what its path names is there. */
  readonly example?: unknown;
  /** It can also answer with text that goes on, as `text/plain`. */
  readonly canStream?: true;
  /** The least role that may; viewer for GET and operator for all else unless told. */
  readonly role?: Role;
  /** It is about the whole installation: no key that is restricted to some services may. */
  readonly isInstallationWide?: true;
  /** An accepted request is answered with text of many lines, and not with `response`. */
  readonly answersLines?: true;
}

/** The least role that may call an operation. */
export const roleOf = (operation: { readonly method: string; readonly role?: Role }): Role =>
  operation.role ?? (operation.method === "GET" ? "viewer" : "operator");
