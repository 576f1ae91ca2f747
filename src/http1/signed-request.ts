import { SP, TAB } from "./chars.ts";
import { FIELD, isFolded } from "./field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "./message-head.ts";
import { findField } from "./request-head.ts";

const SCHEME = Uint8Array.from("eas", (c) => c.charCodeAt(0));
const PERCENT = 0x25;
/** Longest text of a signature that is looked at: 20 bytes are 28 characters of base64. */
const SIGNATURE_CHARS_MAX = 64;

/** What a request with `Authorization: EAS …` says of itself. Whether it is true, only who knows a token can tell. */
export interface SignedRequest {
  /** 20 bytes when it is well formed. */
  readonly signature: Buffer;
  /** The bytes that were signed, in each form that a client may have had them in before they were sent. */
  readonly texts: readonly Buffer[];
  /** `Content-MD5` as it was sent; empty: the body is not signed. */
  readonly bodyMd5: string;
}

/**
 * Reads the signature of a request (eas-reference §3.2, §7.2 to §7.5): base64 of an HMAC-SHA1 over
 *
 *     METHOD \n Content-MD5 \n Content-Type \n Date \n path?query
 *
 * with every field as it was received: the digest is the client's own spelling (Java drops its leading zeros), the date is a text (it
 * is local time labelled GMT, so it says nothing of the hour), and the path is the one asked for. Python strips white space around the
 * whole, which changes nothing, as neither a method nor a path has any. Go signs the path before it escapes it for the
 * wire, so a path with escapes is tried both ways. Null when there is no signature, or when a signed field is
 * repeated: readers differ on which one counts.
 */
export function readSignature(head: MessageHead, buf: Buffer): SignedRequest | null {
  if (head.authorizationAt === -1 || head.isAuthorizationRepeated) return null;
  let from = head.fields[head.authorizationAt * FIELD_STRIDE + 2]!;
  const to = head.fields[head.authorizationAt * FIELD_STRIDE + 3]!;
  if (to - from <= SCHEME.length || !isBlank(buf[from + SCHEME.length]!) || !isFolded(buf, from, SCHEME))
    return null;
  from += SCHEME.length + 1;
  while (from < to && isBlank(buf[from]!)) from++;
  if (to - from > SIGNATURE_CHARS_MAX) return null;
  const md5 = theOne(head, buf, FIELD.CONTENT_MD5);
  const type = theOne(head, buf, FIELD.CONTENT_TYPE);
  const date = theOne(head, buf, FIELD.DATE);
  if (md5 === null || type === null || date === null) return null;
  const method = buf.toString("latin1", head.methodFrom, head.methodTo);
  const before = Buffer.from(`${method}\n${md5}\n${type}\n${date}\n`, "latin1");
  const target = buf.subarray(head.pathFrom, head.targetTo);
  const texts = [Buffer.concat([before, target])];
  if (target.includes(PERCENT)) texts.push(Buffer.concat([before, unescaped(target)]));
  return { signature: Buffer.from(buf.toString("latin1", from, to), "base64"), texts, bodyMd5: md5 };
}

const isBlank = (byte: number) => byte === SP || byte === TAB;

/** Value of a field, empty when it is absent; null when it stands there more than once. */
function theOne(head: MessageHead, buf: Buffer, field: number): string | null {
  const at = findField(head, field);
  if (at === -1) return "";
  if (findField(head, field, at + 1) !== -1) return null;
  return buf.toString("latin1", head.fields[at * FIELD_STRIDE + 2]!, head.fields[at * FIELD_STRIDE + 3]!);
}

/** The path with its escapes taken back, the query as it is (RFC 3986 §2.1). What is no escape stays. */
function unescaped(target: Buffer): Buffer {
  const query = target.indexOf("?");
  const path = target.toString("latin1", 0, query === -1 ? target.length : query);
  const plain = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.concat([
    Buffer.from(plain, "latin1"),
    query === -1 ? Buffer.alloc(0) : target.subarray(query),
  ]);
}
