import type { HostNames } from "./host-names.ts";
import type { Http2Request } from "./http2-head.ts";

const PREFIX = "/api/predict/";

/** The path by which a call is routed: its own where it begins with the prefix, else the service that its authority names. */
export function targetOf({ path, authority }: Http2Request, hosts: HostNames): string {
  if (path.startsWith(PREFIX)) return path;
  const name = hosts.find(authority);
  return name === null ? path : `${PREFIX}${name}${path}`;
}

/** The first value of a field in name, value, name, value, …; null when there is none. */
export function fieldIn(raw: readonly string[], name: string): string | null {
  for (let i = 0; i < raw.length; i += 2) if (raw[i] === name) return raw[i + 1]!;
  return null;
}

/** What is believed of a queue time (head-rewrite.ts). */
const QUEUE_US = /^\d{1,10}$/;

/** µs that the call of this answer waited in the engine's queue; 0 when it did not, or nobody says. */
export function queueUsIn(raw: readonly string[]): number {
  const text = fieldIn(raw, "x-sluice-queue-us");
  return text !== null && QUEUE_US.test(text) ? Number(text) : 0;
}

/** The same fates as in HTTP/1.1 (head-rewrite.ts): the token is ours to check, the others are written anew, or speak to the gateway only. */
const NOT_PASSED_ON = new Set([
  "authorization",
  "expect",
  "proxy-authenticate",
  "proxy-authorization",
  "x-forwarded-for",
  "x-request-id",
  "x-sluice-member",
]);

/** The head of a call as an instance gets it, at `path`. */
export function instanceFields(
  { method, authority, fields, contentLength }: Http2Request,
  path: string,
  from: { readonly requestId: string; readonly address: string; readonly isSecure: boolean },
): string[] {
  const out = [
    ":method",
    method,
    ":scheme",
    "http",
    ":path",
    path,
    ":authority",
    authority,
    "te",
    "trailers",
  ];
  const forwarded: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i] === "x-forwarded-for") forwarded.push(fields[i + 1]!);
    if (!NOT_PASSED_ON.has(fields[i]!)) out.push(fields[i]!, fields[i + 1]!);
  }
  if (contentLength >= 0) out.push("content-length", String(contentLength));
  out.push("x-request-id", from.requestId, "x-forwarded-for", [...forwarded, from.address].join(", "));
  if (fieldIn(fields, "x-forwarded-proto") === null)
    out.push("x-forwarded-proto", from.isSecure ? "https" : "http");
  if (fieldIn(fields, "x-forwarded-host") === null) out.push("x-forwarded-host", authority);
  return out;
}

/** What an instance says of itself and its connection, and never reaches a client. */
const NOT_PASSED_BACK = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "x-sluice-queue-us",
  "x-sluice-service",
]);

/** Metadata or trailers of an instance, by name, as the client gets them. */
export function answerFields(raw: readonly string[]): [string, string[]][] {
  const byName = new Map<string, string[]>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    if (name.startsWith(":") || NOT_PASSED_BACK.has(name)) continue;
    const values = byName.get(name);
    if (values === undefined) byName.set(name, [raw[i + 1]!]);
    else values.push(raw[i + 1]!);
  }
  return [...byName];
}
