import { createHash, createHmac } from "node:crypto";

/** Who asks. The secret stands in no error and no log. */
export interface Credentials {
  readonly keyId: string;
  readonly secret: string;
  /** Of temporary credentials; null: they are not. */
  readonly sessionToken: string | null;
}

/** SHA-256 of nothing: the body of a GET. */
const EMPTY = createHash("sha256").digest("hex");

/**
 * Headers that sign a GET by AWS Signature Version 4 ("Authenticating Requests: Using the Authorization Header", Amazon S3
 * API Reference), which OSS, MinIO and most other stores take as well. `host` is signed, and what is answered here; not
 * `Range`. `at`: ms since 1970; stores refuse more than 15 minutes of difference.
 */
export function signGet(
  url: URL,
  region: string,
  credentials: Credentials,
  at: number,
): Record<string, string> {
  const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const headers: Record<string, string> = {
    host: url.host,
    "x-amz-content-sha256": EMPTY,
    "x-amz-date": time,
    ...(credentials.sessionToken === null ? {} : { "x-amz-security-token": credentials.sessionToken }),
  };
  const names = Object.keys(headers).toSorted();
  const lines = names.map((name) => `${name}:${headers[name]}\n`).join("");
  const request = ["GET", url.pathname, canonicalQuery(url), lines, names.join(";"), EMPTY].join("\n");
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", time, scope, createHash("sha256").update(request).digest("hex")].join(
    "\n",
  );
  const key = scope
    .split("/")
    .reduce<string | Buffer>((k, part) => hmac(k, part), `AWS4${credentials.secret}`);
  const signature = hmac(key, text).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${credentials.keyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** As the signature wants it: all but unreserved characters in percent, upper-case (RFC 3986 §2.3). */
export function encodeRfc3986(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();

function canonicalQuery(url: URL): string {
  const pairs = [...url.searchParams].map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)]);
  return pairs
    .toSorted(([a, x], [b, y]) => (`${a}\0${x}` < `${b}\0${y}` ? -1 : 1))
    .map((pair) => pair.join("="))
    .join("&");
}
