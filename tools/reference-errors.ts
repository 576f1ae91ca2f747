/**
 * Writes docs/reference/errors.md from the catalogue in src/core/errors.ts.
 * Run it after a change of the catalogue: `node tools/reference-errors.ts`. A test holds the file to it; a code
 * without an entry below does not compile.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  DATA_PATH_REASONS,
  type DataPathReason,
  ERROR_CODES,
  type ErrorCode,
  errorEntry,
  type Facts,
  ServingError,
  writtenCode,
} from "../src/core/errors.ts";

export const ERRORS_FILE = join(dirname(import.meta.dirname), "docs", "reference", "errors.md");

const problems = [{ path: "$.metadata.instance", found: "-1", allowed: "a whole number from 0 to 1000" }];

/** For each code facts of one case, which give the message shown, and what helps. */
const CODES: { readonly [C in ErrorCode]: { readonly facts: Facts<C>; readonly remedy: string } } = {
  INVALID_JSON: {
    facts: { detail: 'line 3, column 9: found "}", expected a value for "instance"' },
    remedy:
      "Correct the text at that place. JSON has no comments, single quotes or commas before a closing bracket.",
  },
  INVALID_SPEC: {
    facts: { problems },
    remedy: "Correct each field named in `Problems`; all fields are in [service-json.md](service-json.md).",
  },
  INVALID_ARGUMENT: {
    facts: { problems: [{ path: "?PageSize", found: "0", allowed: "a whole number from 1 to 1000" }] },
    remedy: "Correct each argument named in `Problems`: `?Name` is in the query, `$.Name` in the body.",
  },
  BAD_REQUEST: {
    facts: { detail: "the body broke off" },
    remedy: "Send a complete HTTP/1.1 request.",
  },
  UNAUTHORIZED: {
    facts: { detail: "the access key is missing or wrong" },
    remedy: "Send `Authorization: Bearer` with the key of `config.json` in the home of the server.",
  },
  FORBIDDEN: {
    facts: {
      operation: "ScaleService",
      role: "operator",
      detail: "ScaleService needs the role operator, and access key sluice-0a1b2c3d4e5f has the role viewer",
    },
    remedy:
      "Use a key with the role that is named (`sluice key ls`), or one that is not restricted, or have an admin make one.",
  },
  TOO_MANY_FAILURES: {
    facts: { retryAfterS: 8 },
    remedy:
      "Correct the access key, and wait as long as `Retry-After` says: it doubles with every failure after it.",
  },
  ACCESS_KEY_NOT_FOUND: {
    facts: { key: "sluice-0a1b2c3d4e5f" },
    remedy: "`sluice key ls` lists the keys. A revoked one is gone.",
  },
  ACCESS_KEY_IN_FILE: {
    facts: { key: "sluice-0a1b2c3d" },
    remedy:
      "`sluice key rotate` gives it a new secret; with `--grace 0` the old one opens nothing any more, at once.",
  },
  TOO_MANY_ACCESS_KEYS: {
    facts: { limit: 1000 },
    remedy: "`sluice key revoke` takes back one that no client uses any more.",
  },
  NOT_FOUND: {
    facts: { method: "GET", path: "/api/v2/servces" },
    remedy: "Compare method and path with the API's own document.",
  },
  METHOD_NOT_ALLOWED: {
    facts: { method: "POST", path: "/api/v2/regions", allowed: ["GET", "HEAD"] },
    remedy: "The path is there: use one of the methods named, which the header `Allow` has too.",
  },
  REGION_NOT_FOUND: {
    facts: { region: "elsewhere", own: "local" },
    remedy: "Name the region of this installation in the path.",
  },
  SERVICE_NOT_FOUND: {
    facts: { service: "pmml_prod" },
    remedy: "`sluice ls` lists the services. A deleted one is gone.",
  },
  GROUP_NOT_FOUND: {
    facts: { group: "pmml" },
    remedy: "`sluice group ls` lists the groups. One that was made by its first member goes with the last.",
  },
  VERSION_NOT_FOUND: {
    facts: { service: "pmml_prod", version: 9, versions: [1, 2] },
    remedy: "Choose one of the versions named. The last ten are kept.",
  },
  VERSION_NOT_RUNNABLE: {
    facts: { service: "pmml_prod", version: 1, why: "/models/one.pmml is gone" },
    remedy:
      "Nothing was changed. Put the file back, or choose another version; `sluice versions` shows which can be run.",
  },
  CONTENT_NOT_FOUND: {
    facts: { content: "3f2a9c51d0e8" },
    remedy: "`sluice cache ls` lists what is kept. What was not used may have gone to make room.",
  },
  CONTENT_IN_USE: {
    facts: { content: "3f2a9c51d0e8" },
    remedy:
      "Nothing was removed. Delete the services or let go the versions that refer to it; instances that run on it keep it, too.",
  },
  ENVIRONMENT_NOT_FOUND: {
    facts: { environment: "3f2a9c51d0e8" },
    remedy: "`sluice env ls` lists what is there. What was not used may have gone to make room.",
  },
  ENVIRONMENT_IN_USE: {
    facts: { environment: "3f2a9c51d0e8" },
    remedy:
      "Nothing was removed. Delete the services or let go the versions that refer to it; instances that run in it keep it, too.",
  },
  INSTANCE_NOT_FOUND: {
    facts: { service: "pmml_prod", instances: ["pmml_prod-v1-7"] },
    remedy: "`sluice w` lists the instances of a service. They change with every version.",
  },
  SERVICE_EXISTS: {
    facts: { service: "pmml_prod" },
    remedy: "Choose another name, or update the service with `sluice modify`.",
  },
  GROUP_EXISTS: {
    facts: { group: "pmml" },
    remedy: "Choose another name, or use the group that is there.",
  },
  GROUP_NOT_EMPTY: {
    facts: { group: "pmml", members: ["pmml_prod", "pmml_grey"] },
    remedy: "Delete the members first, or send `CascadeDelete=true`.",
  },
  INGRESS_TAKEN: {
    facts: { name: "pmml", owner: "group pmml" },
    remedy: "Services and groups share one space of addresses: choose another name.",
  },
  GROUP_IS_FIXED: {
    facts: { service: "pmml_prod", group: "pmml" },
    remedy: "Create a new service in the other group, move the traffic, delete this one.",
  },
  SERVICE_DELETING: {
    facts: { service: "pmml_prod" },
    remedy: "Wait until it is gone, then create it anew.",
  },
  SAFETY_LOCKED: {
    facts: { service: "pmml_prod", lock: "dangerous" },
    remedy: "If it is really meant, take the lock off first: `sluice lock pmml_prod none`.",
  },
  NOT_IN_GROUP: {
    facts: { service: "pmml_prod" },
    remedy:
      "Traffic states and weights are for members of a group: create the service with `metadata.group`.",
  },
  MODE_IS_EXCLUSIVE: {
    facts: { group: "pmml", mode: "customized" },
    remedy: "Go back to mode `auto` (weight −1) before using traffic states.",
  },
  TOKEN_NOT_FOUND: {
    facts: { owner: "service pmml_prod", number: 4, numbers: [1, 2] },
    remedy: "`sluice token ls` lists the tokens by number. A revoked one is gone.",
  },
  TOKEN_IN_FORCE: {
    facts: { owner: "service pmml_prod", number: 2 },
    remedy: "`sluice token add` makes a newer one; then this one can be revoked.",
  },
  TOO_MANY_TOKENS: {
    facts: { owner: "service pmml_prod", limit: 8 },
    remedy: "`sluice token revoke` takes back one that no client uses any more.",
  },
  MIRROR_EXISTS: {
    facts: { service: "pmml_prod", targets: ["pmml_grey"] },
    remedy: "Change it with `sluice mirror update`, or delete it first.",
  },
  MIRROR_NOT_FOUND: {
    facts: { service: "pmml_prod" },
    remedy: "Create a mirror with `sluice mirror create`.",
  },
  INVALID_BACKUP: {
    facts: { detail: "it breaks off after line 212" },
    remedy: "Give the file as `sluice backup` wrote it; one that was cut or changed is not taken.",
  },
  RESTORE_REFUSED: {
    facts: { reasons: ["service pmml_prod: service pmml_prod is being deleted"] },
    remedy:
      "Each reason names a service or group: unlock or delete it, or wait until it is gone. Then restore again.",
  },
  WRITE_CONFLICT: {
    facts: { service: "pmml_prod" },
    remedy: "Send the same request again.",
  },
  REQUEST_TIMEOUT: {
    facts: { limitMs: 30_000 },
    remedy: "Send the whole request faster; look for a stalled upload.",
  },
  BODY_TOO_LARGE: {
    facts: { limitBytes: 1_048_576 },
    remedy: "Send less. Models and code belong in files that the document names, not in it.",
  },
  NOT_READY: {
    facts: { checks: [{ name: "gateways", isOk: false, reason: "1 of 2 take requests" }] },
    remedy:
      "The checks of `GET /readyz` say what is amiss: `sluice gateways ls`, `sluice loops` and the log of the control process have more.",
  },
  NOT_IMPLEMENTED: {
    facts: {
      operation: "CreateBenchmarkTask",
      instead:
        "send load with a tool of your own, and watch it with sluice top or the gateway's metrics at /metrics",
    },
    remedy:
      "`Instead` says what to use meanwhile. [The API's reference](api.md#not-implemented) lists all such operations.",
  },
  STORE_FULL: {
    facts: { detail: "database or disk is full" },
    remedy:
      "Make room on the disk of the home, or of the database server. What runs goes on; nothing was changed by the request.",
  },
  STORE_UNAVAILABLE: {
    facts: { detail: "connect ECONNREFUSED 10.0.0.7:5432 (postgres://sluice@10.0.0.7:5432/sluice)" },
    remedy: "Send it again. What runs goes on; look after the database when this lasts.",
  },
  NOT_LEADER: {
    facts: { leader: "http://127.0.0.1:8081" },
    remedy:
      "Send it to the address in `Leader`, which is null while nobody leads; a client that knows both addresses tries the other.",
  },
  INTERNAL: {
    facts: { requestId: "0B2E6F0A-3C4D-4E5F-8A9B-1C2D3E4F5A6B" },
    remedy: "A fault of Sluice. Look for the request in the log of the control process, and report it.",
  },
};

/** For each reason whether sending the same request again can help, and what helps. */
const REASONS: {
  readonly [R in DataPathReason]: { readonly isRetriable: boolean; readonly remedy: string };
} = {
  BAD_REQUEST: { isRetriable: false, remedy: "Correct the client: what is unclear in HTTP/1.1 is refused." },
  BODY_NOT_DECODED: {
    isRetriable: false,
    remedy: "Compress each body as the service's `metadata.rpc.decompressor` says, or take that field out.",
  },
  BODY_DIGEST_MISMATCH: {
    isRetriable: true,
    remedy:
      "The body was changed on its way, or the client signs other bytes than it sends: for Java clients with `setIsCompressed(true)` set `networking.gateway_policy.body_digest` to `ignore`.",
  },
  PROCESSOR_REFUSED: {
    isRetriable: false,
    remedy: "The body says what the processor did not like; its log has more (`sluice logs`).",
  },
  TOKEN_REQUIRED: {
    isRetriable: false,
    remedy:
      "Send `Authorization:` with the token of the service, or of its group (`sluice desc`), or a signature made with it.",
  },
  ROUTE_NOT_FOUND: {
    isRetriable: false,
    remedy: "Compare the address with the one that `sluice desc` shows.",
  },
  REQUEST_TOO_SLOW: {
    isRetriable: true,
    remedy: "Send the whole request faster; look for a stalled upload.",
  },
  KEEPALIVE_EXCEEDED: {
    isRetriable: true,
    remedy: "Raise `metadata.rpc.keepalive`, or make the processor faster. The time in the queue counts.",
  },
  BODY_TOO_LARGE: { isRetriable: false, remedy: "Send less in one request." },
  PROTOCOL_MISMATCH: {
    isRetriable: false,
    remedy:
      "Call a service with `metadata.enable_grpc` by a gRPC client without TLS on this port, and any other by HTTP.",
  },
  HEAD_TOO_LARGE: { isRetriable: false, remedy: "Send shorter headers or a shorter path." },
  RATE_LIMITED: {
    isRetriable: true,
    remedy:
      "Wait as long as `Retry-After` says. `networking.gateway_policy.rate_limit` holds for all instances together, `metadata.rpc.rate_limit` for each.",
  },
  CONCURRENCY_LIMITED: {
    isRetriable: true,
    remedy: "Send fewer requests at once, or raise `networking.gateway_policy.concurrency_limit`.",
  },
  QUEUE_FULL: {
    isRetriable: true,
    remedy: "Try again after a pause. If it stays so: more instances, or more `metadata.rpc.worker_threads`.",
  },
  WORKER_DIED: {
    isRetriable: true,
    remedy:
      "It is started again. Try again if the request may be done twice; look at the log of the instance.",
  },
  BAD_UPSTREAM: {
    isRetriable: true,
    remedy: "Try again if the request may be done twice; look at the log of the instance.",
  },
  NO_READY_INSTANCE: {
    isRetriable: true,
    remedy:
      "Wait until an instance is ready; `sluice desc` says why none is. Perhaps it is stopped or scaled to 0.",
  },
  GATEWAY_OVERLOADED: {
    isRetriable: true,
    remedy:
      "Try again. Clients that take their answers slowly hold the gateway's memory: `sluice` shows its limits and counts.",
  },
  GATEWAY_DRAINING: { isRetriable: true, remedy: "Call again: another worker takes it." },
  INSTANCE_DRAINING: {
    isRetriable: true,
    remedy: "Try again: another instance answers. Seen by direct callers only.",
  },
  UPSTREAM_TIMEOUT: { isRetriable: true, remedy: "Look at the instance: it did not even refuse in time." },
  VERSION_UNKNOWN: { isRetriable: false, remedy: "Speak HTTP/1.1 or HTTP/1.0." },
};

const code = (text: string) => `\`${text}\``;
const cell = (text: string) => text.replaceAll("|", "\\|");
const row = (...cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
const yes = (isSo: boolean) => (isSo ? "yes" : "no");

/** The whole reference, as Markdown. */
export function errorReference(): string {
  const codes = ERROR_CODES.map((name) => {
    const { facts, remedy } = CODES[name];
    const { status, isRetriable } = errorEntry(name);
    const message = new ServingError(name, facts as Facts<ErrorCode>).message;
    return row(code(writtenCode(name)), String(status), yes(isRetriable), message, remedy);
  });
  const reasons = (Object.keys(DATA_PATH_REASONS) as DataPathReason[]).map((name) => {
    const { status, text } = DATA_PATH_REASONS[name];
    const { isRetriable, remedy } = REASONS[name];
    return row(code(name), String(status), yes(isRetriable), text, remedy);
  });
  return `<!-- Written by tools/reference-errors.ts from src/core/errors.ts. Do not edit by hand. -->
# Errors

"Again" says whether sending the same request again can help.

## Answers of the control API

A refusal has this body; beside the four fixed names stand the facts of the code, such as \`Service\` or \`LimitBytes\`. What is
refused has changed nothing; only \`INTERNAL\` cannot promise that.

    {
      "Code": "INVALID_SPEC",
      "Message": "${new ServingError("INVALID_SPEC", { problems }).message}",
      "RequestId": "0B2E6F0A-3C4D-4E5F-8A9B-1C2D3E4F5A6B",
      "HostId": "127.0.0.1:8081",
      "Problems": [
        { "Path": "${problems[0]!.path}", "Found": "${problems[0]!.found}", "Allowed": "${problems[0]!.allowed}" }
      ]
    }

\`Problems\` holds all that is wrong, at most 100. A path is spelled as the document spells it.

| Code | Status | Again | Message, for example | What helps |
| --- | --- | --- | --- | --- |
${codes.join("\n")}

## Answers of the data path

An answer under \`/api/predict/\` that Sluice made itself carries the header \`X-Sluice-Reason\` with one of these. An answer
without that header came from the processor. "Again" leaves open whether the request may be done twice: where the instance had it
already, only the client knows.

| Reason | Status | Again | Meaning | What helps |
| --- | --- | --- | --- | --- |
${reasons.join("\n")}
`;
}

if (import.meta.main) writeFileSync(ERRORS_FILE, errorReference());
