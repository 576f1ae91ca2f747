import { createHash, createHmac } from "node:crypto";
import type { Claim } from "./claim.ts";

/** The parts of a request that a signature covers. */
export interface SignedParts {
  readonly method: string;
  /** As it was sent: path, and query after `?` when there is one. */
  readonly target: string;
  /** Value of a header by its lower-case name; several are joined by `, `. */
  readonly header: (name: string) => string | undefined;
  /** Lower-case names of all headers. */
  readonly headerNames: readonly string[];
}

/** What the signature has to be, in the form in which the claim has it. */
export function signatureOf(claim: Claim, parts: SignedParts, secret: string): string {
  if (claim.scheme === "acs") return createHmac("sha1", secret).update(roaText(parts)).digest("base64");
  const text = `ACS3-HMAC-SHA256\n${sha256(canonicalRequest(claim.signedHeaders, parts))}`;
  return createHmac("sha256", secret).update(text).digest("hex");
}

/** SHA-256 in lower-case hex, as `x-acs-content-sha256` has it of the body. */
export const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** The request in the one form that both sides hash: ACS3, "construct a canonicalized request". */
export function canonicalRequest(signedHeaders: readonly string[], parts: SignedParts): string {
  const [path, pairs] = splitTarget(parts.target);
  const query = pairs
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .toSorted()
    .join("&");
  const headers = signedHeaders.map((name) => `${name}:${(parts.header(name) ?? "").trim()}\n`).join("");
  return [
    parts.method,
    path,
    query,
    headers,
    signedHeaders.join(";"),
    parts.header("x-acs-content-sha256") ?? "",
  ].join("\n");
}

/** What the older form signs: some headers by name, all of `x-acs-`, and the resource with its query as it is meant, not as it is sent. */
function roaText({ method, target, header, headerNames }: SignedParts): string {
  const named = ["accept", "content-md5", "content-type", "date"].map((name) => header(name) ?? "");
  const own = headerNames
    .filter((name) => name.startsWith("x-acs-"))
    .toSorted()
    .map((name) => `${name}:${header(name)}\n`);
  const [path, pairs] = splitTarget(target);
  const query = pairs
    .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .join("&");
  return `${[method, ...named].join("\n")}\n${own.join("")}${path}${query === "" ? "" : `?${query}`}`;
}

function splitTarget(target: string): [path: string, pairs: [string, string][]] {
  const at = target.indexOf("?");
  if (at === -1) return [target, []];
  return [target.slice(0, at), [...new URLSearchParams(target.slice(at + 1))]];
}

/** Percent-encoding of RFC 3986: only unreserved characters stay. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
