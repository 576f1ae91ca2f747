/** One entry of the catalogue: HTTP status, whether trying again can help, and the text made from the facts. */
const code = <F>(status: number, retriable: boolean, text: (facts: F) => string) => ({
  status,
  retriable,
  text,
});

/** One thing wrong with a document from outside. */
export interface Problem {
  /** JSON path as the user spelled it, e.g. `$.metadata.instance` or `$["metadata.instance"]`. */
  readonly path: string;
  /** What was found there, short and safe to show. */
  readonly found: string;
  /** What is allowed there. */
  readonly allowed: string;
}

const problemText = (p: Problem) => `${p.path}: found ${p.found}, allowed: ${p.allowed}`;

/**
 * Every refusal of Sluice. `docs/reference/errors.md` lists each exactly once; a test holds them together.
 * The data path's own codes (sent as X-Sluice-Reason) stand at the end.
 */
const CODES = {
  INVALID_JSON: code(400, false, (f: { detail: string }) => `the body is not JSON: ${f.detail}`),
  INVALID_SPEC: code(400, false, (f: { problems: readonly Problem[] }) =>
    f.problems.map(problemText).join("; "),
  ),
  INVALID_ARGUMENT: code(400, false, (f: { problems: readonly Problem[] }) =>
    f.problems.map(problemText).join("; "),
  ),
  BAD_REQUEST: code(400, false, (f: { detail: string }) => `the request is not valid HTTP: ${f.detail}`),
  UNAUTHORIZED: code(401, false, (_: { detail: string }) => `${_.detail}`),
  FORBIDDEN: code(403, false, (f: { operation: string; role: string; detail: string }) => f.detail),
  TOO_MANY_FAILURES: code(
    429,
    true,
    (f: { retryAfterS: number }) =>
      `too many requests from this address had no right access key; try again in ${f.retryAfterS} s`,
  ),
  ACCESS_KEY_NOT_FOUND: code(404, false, (f: { key: string }) => `there is no access key ${f.key}`),
  ACCESS_KEY_IN_FILE: code(
    409,
    false,
    (f: { key: string }) =>
      `access key ${f.key} is the installation's own, which is in a file of its home: it can be rotated, not revoked`,
  ),
  TOO_MANY_ACCESS_KEYS: code(
    409,
    false,
    (f: { limit: number }) =>
      `there are ${f.limit} access keys, the most; revoke one that nobody uses any more`,
  ),
  NOT_FOUND: code(404, false, (f: { method: string; path: string }) => `no operation ${f.method} ${f.path}`),
  METHOD_NOT_ALLOWED: code(
    405,
    false,
    (f: { method: string; path: string; allowed: readonly string[] }) =>
      `no operation ${f.method} ${f.path}; there is ${f.allowed.join(", ")}`,
  ),
  REGION_NOT_FOUND: code(
    404,
    false,
    (f: { region: string; own: string }) => `no region named ${f.region}; this is ${f.own}`,
  ),
  SERVICE_NOT_FOUND: code(404, false, (f: { service: string }) => `no service named ${f.service}`),
  GROUP_NOT_FOUND: code(404, false, (f: { group: string }) => `no group named ${f.group}`),
  VERSION_NOT_FOUND: code(
    404,
    false,
    (f: { service: string; version: number; versions: readonly number[] }) =>
      `service ${f.service} has no version ${f.version}; it has ${f.versions.join(", ")}`,
  ),
  VERSION_NOT_RUNNABLE: code(
    409,
    false,
    (f: { service: string; version: number; why: string }) =>
      `version ${f.version} of service ${f.service} cannot be run: ${f.why}`,
  ),
  CONTENT_NOT_FOUND: code(
    404,
    false,
    (f: { content: string }) => `the model cache holds no content ${f.content}`,
  ),
  ENVIRONMENT_NOT_FOUND: code(
    404,
    false,
    (f: { environment: string }) => `there is no Python environment ${f.environment}`,
  ),
  ENVIRONMENT_IN_USE: code(
    409,
    false,
    (f: { environment: string }) =>
      `Python environment ${f.environment} is in use: sluice env ls shows by whom`,
  ),
  CONTENT_IN_USE: code(
    409,
    false,
    (f: { content: string }) => `content ${f.content} is in use: sluice cache ls shows by whom`,
  ),
  INSTANCE_NOT_FOUND: code(
    404,
    false,
    (f: { service: string; instances: readonly string[] }) =>
      `service ${f.service} has no instance ${f.instances.join(", ")}`,
  ),
  SERVICE_EXISTS: code(409, false, (f: { service: string }) => `a service named ${f.service} exists`),
  GROUP_EXISTS: code(409, false, (f: { group: string }) => `a group named ${f.group} exists`),
  GROUP_NOT_EMPTY: code(
    409,
    false,
    (f: { group: string; members: readonly string[] }) =>
      `group ${f.group} has services: ${f.members.join(", ")}; delete them first, or ask for CascadeDelete`,
  ),
  INGRESS_TAKEN: code(
    409,
    false,
    (f: { name: string; owner: string }) => `the address /api/predict/${f.name} belongs to ${f.owner}`,
  ),
  GROUP_IS_FIXED: code(
    409,
    false,
    (f: { service: string; group: string }) =>
      `service ${f.service} was created in ${f.group}; the group of a service cannot change`,
  ),
  SERVICE_DELETING: code(409, true, (f: { service: string }) => `service ${f.service} is being deleted`),
  SAFETY_LOCKED: code(
    409,
    false,
    (f: { service: string; lock: string }) =>
      `service ${f.service} has the safety lock ${f.lock}, which refuses ${f.lock === "all" ? "every change" : "to delete, to stop, to scale to 0 and to delete instances"}`,
  ),
  NOT_IN_GROUP: code(
    409,
    false,
    (f: { service: string }) => `service ${f.service} is in no group, so it has no share of traffic`,
  ),
  MODE_IS_EXCLUSIVE: code(
    409,
    false,
    (f: { group: string; mode: string }) =>
      `group ${f.group} is in ${f.mode} mode; traffic states grouping and standalone do not apply there`,
  ),
  TOKEN_NOT_FOUND: code(
    404,
    false,
    (f: { owner: string; number: number; numbers: readonly number[] }) =>
      `${f.owner} has no token ${f.number}; it has ${f.numbers.join(", ")}`,
  ),
  TOKEN_IN_FORCE: code(
    409,
    false,
    (f: { owner: string; number: number }) =>
      `token ${f.number} is the newest of ${f.owner}; add another before this one is revoked`,
  ),
  TOO_MANY_TOKENS: code(
    409,
    false,
    (f: { owner: string; limit: number }) =>
      `${f.owner} has ${f.limit} tokens, the most; revoke one that nobody uses any more`,
  ),
  MIRROR_EXISTS: code(409, false, (f: { service: string; targets: readonly string[] }) =>
    f.targets.length === 0
      ? `service ${f.service} is mirrored already`
      : `service ${f.service} is mirrored to ${f.targets.join(", ")} already`,
  ),
  MIRROR_NOT_FOUND: code(404, false, (f: { service: string }) => `service ${f.service} is not mirrored`),
  INVALID_BACKUP: code(400, false, (f: { detail: string }) => `this is no whole backup: ${f.detail}`),
  RESTORE_REFUSED: code(
    409,
    false,
    (f: { reasons: readonly string[] }) => `nothing was restored: ${f.reasons.join("; ")}`,
  ),
  WRITE_CONFLICT: code(
    409,
    true,
    (f: { service: string }) => `${f.service} was changed by another request at the same time`,
  ),
  REQUEST_TIMEOUT: code(
    408,
    true,
    (f: { limitMs: number }) => `the request was not complete after ${f.limitMs} ms`,
  ),
  BODY_TOO_LARGE: code(
    413,
    false,
    (f: { limitBytes: number }) => `the body is larger than ${f.limitBytes} bytes`,
  ),
  NOT_READY: code(
    503,
    true,
    (f: { checks: readonly { readonly name: string; readonly isOk: boolean; readonly reason: string }[] }) =>
      `not ready: ${f.checks
        .filter(({ isOk }) => !isOk)
        .map(({ name, reason }) => `${name}: ${reason}`)
        .join("; ")}`,
  ),
  NOT_IMPLEMENTED: code(
    501,
    false,
    (f: { operation: string; instead: string }) => `${f.operation} is not implemented here; ${f.instead}`,
  ),
  STORE_FULL: code(507, true, (f: { detail: string }) => `the disk of the store is full: ${f.detail}`),
  STORE_UNAVAILABLE: code(
    503,
    true,
    (f: { detail: string }) => `the store does not answer, or takes no writes now: ${f.detail}`,
  ),
  NOT_LEADER: code(503, true, (f: { leader: string | null }) =>
    f.leader === null
      ? "this control process does not lead now; another takes over within seconds"
      : `this control process stands by; the one that leads is at ${f.leader}`,
  ),
  INTERNAL: code(
    500,
    true,
    (f: { requestId: string }) => `something in Sluice failed; its log has request ${f.requestId}`,
  ),
} as const;

export type ErrorCode = keyof typeof CODES;
export type Facts<C extends ErrorCode> = Parameters<(typeof CODES)[C]["text"]>[0];

/** A refusal with a code from the catalogue and the typed facts of this case. */
export class ServingError<C extends ErrorCode = ErrorCode> extends Error {
  override readonly name = "ServingError";
  readonly code: C;
  readonly facts: Facts<C>;

  constructor(code: C, facts: Facts<C>, options?: ErrorOptions) {
    super((CODES[code].text as (facts: Facts<C>) => string)(facts), options);
    this.code = code;
    this.facts = facts;
  }

  get status(): number {
    return CODES[this.code].status;
  }

  get isRetriable(): boolean {
    return CODES[this.code].retriable;
  }
}

/** All codes, for the reference and its test. */
export const ERROR_CODES = Object.keys(CODES) as ErrorCode[];

/**
 * A code as the API writes it. One is spelled as clients of PAI-EAS know it from other products there (eas-reference §8.0): they look for
 * it to tell what a service of theirs does not have from what has failed.
 */
export const writtenCode = (code: ErrorCode): string =>
  code === "NOT_IMPLEMENTED" ? "NotImplemented" : code;

/** Status and retriability of a code, for the reference. */
export function errorEntry(code: ErrorCode): { status: number; isRetriable: boolean } {
  return { status: CODES[code].status, isRetriable: CODES[code].retriable };
}

/**
 * Reasons that the data path answers with on its own, in `X-Sluice-Reason`, with the status of eas-reference §3.3.
 * A response without that header came from the processor.
 */
export const DATA_PATH_REASONS = {
  BAD_REQUEST: { status: 400, text: "the request is not valid HTTP/1.1" },
  BODY_DIGEST_MISMATCH: { status: 400, text: "the body is not the one that Content-MD5 speaks of" },
  BODY_NOT_DECODED: { status: 400, text: "the body is not compressed as metadata.rpc.decompressor says" },
  PROCESSOR_REFUSED: { status: 400, text: "the processor raised an error for this request" },
  TOKEN_REQUIRED: { status: 401, text: "the token is missing or wrong" },
  ROUTE_NOT_FOUND: { status: 404, text: "no service or group has this address" },
  REQUEST_TOO_SLOW: { status: 408, text: "the client took too long to send its request" },
  KEEPALIVE_EXCEEDED: { status: 408, text: "the request took longer than metadata.rpc.keepalive" },
  BODY_TOO_LARGE: { status: 413, text: "the request body is larger than the limit" },
  PROTOCOL_MISMATCH: {
    status: 415,
    text: "the service speaks gRPC alone (metadata.enable_grpc) and this is no gRPC call, or it is one and the service does not speak gRPC",
  },
  HEAD_TOO_LARGE: { status: 431, text: "the start line and headers are larger than the limit" },
  RATE_LIMITED: {
    status: 429,
    text: "more requests a second than the limit (gateway_policy.rate_limit or rpc.rate_limit)",
  },
  CONCURRENCY_LIMITED: {
    status: 429,
    text: "more requests at once than the limit (networking.gateway_policy.concurrency_limit)",
  },
  QUEUE_FULL: { status: 450, text: "the instance's queue is full (metadata.rpc.max_queue_size)" },
  WORKER_DIED: { status: 500, text: "the processor worker died while it held the request" },
  BAD_UPSTREAM: { status: 502, text: "the instance closed the connection or answered with invalid HTTP" },
  NO_READY_INSTANCE: { status: 503, text: "no healthy upstream" },
  GATEWAY_OVERLOADED: { status: 503, text: "the gateway holds as many bytes as it may" },
  GATEWAY_DRAINING: { status: 503, text: "the gateway worker is stopping; another takes the call" },
  INSTANCE_DRAINING: { status: 503, text: "the instance is stopping" },
  UPSTREAM_TIMEOUT: { status: 504, text: "the instance did not answer in time" },
  VERSION_UNKNOWN: { status: 505, text: "the request's HTTP version is not 1.0 or 1.1" },
} as const;

export type DataPathReason = keyof typeof DATA_PATH_REASONS;
