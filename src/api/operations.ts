import type { Static, TSchema } from "typebox";
import { ACCESS_OPERATIONS } from "./access-operations.ts";
import { BACKUP_OPERATIONS } from "./backup-operations.ts";
import { CONTAINER_OPERATIONS } from "./container-operations.ts";
import { DOCUMENT_OPERATIONS } from "./document-operations.ts";
import { ENVIRONMENT_OPERATIONS } from "./environment-operations.ts";
import { GROUP_OPERATIONS } from "./group-operations.ts";
import { INTERNAL_OPERATIONS } from "./internal-operations.ts";
import { LABEL_OPERATIONS } from "./label-operations.ts";
import { MANUAL_OPERATIONS } from "./manual-operations.ts";
import { MIRROR_OPERATIONS } from "./mirror-operations.ts";
import type { OperationSchema } from "./operation.ts";
import { type OperationName, PATHS, type PathOf } from "./paths.ts";
import { ROLLOUT_OPERATIONS } from "./rollout-operations.ts";
import { SERVICE_OPERATIONS } from "./service-operations.ts";
import { TOKEN_OPERATIONS } from "./token-operations.ts";

/** The whole contract: every operation with what it takes and gives. Its method and path stand in paths.ts. */
export const OPERATIONS = {
  ...SERVICE_OPERATIONS,
  ...DOCUMENT_OPERATIONS,
  ...MIRROR_OPERATIONS,
  ...ROLLOUT_OPERATIONS,
  ...MANUAL_OPERATIONS,
  ...LABEL_OPERATIONS,
  ...CONTAINER_OPERATIONS,
  ...GROUP_OPERATIONS,
  ...TOKEN_OPERATIONS,
  ...ACCESS_OPERATIONS,
  ...ENVIRONMENT_OPERATIONS,
  ...BACKUP_OPERATIONS,
  ...INTERNAL_OPERATIONS,
} as const satisfies Record<OperationName, OperationSchema>;

type Operations = typeof OPERATIONS;
type BodyOf<B> = B extends "lines"
  ? string
  : B extends "service-json"
    ? unknown
    : B extends TSchema
      ? Static<B>
      : undefined;

// Tables, so that the compiler works out each entry once and not again at every call of the client: that is too much for it.
type Queries = { readonly [N in OperationName]: Static<Operations[N]["query"]> };
type Bodies = { readonly [N in OperationName]: BodyOf<Operations[N]["body"]> };
type Responses = { readonly [N in OperationName]: Static<Operations[N]["response"]> };

export type QueryOf<N extends OperationName> = Queries[N];
export type RequestBodyOf<N extends OperationName> = Bodies[N];
export type ResponseOf<N extends OperationName> = Responses[N];

/** Name, method, path and schemas of every operation, in the order of the reference. */
export const OPERATION_LIST = (Object.keys(PATHS) as OperationName[]).map((name) => ({
  name,
  ...PATHS[name],
  ...(OPERATIONS[name] as OperationSchema),
}));

/** What a caller of one operation gives. */
export interface Input<N extends OperationName> {
  readonly path: PathOf<N>;
  readonly query: QueryOf<N>;
  readonly body: RequestBodyOf<N>;
}
