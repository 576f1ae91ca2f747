import { FIELD } from "../http1/field-names.ts";
import { isNominated } from "../http1/fields.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";

/**
 * Heads as they leave: the fields that stay are copied as byte ranges, those of one hop are left out, ours are added at
 * the end. No header object, no strings.
 */

const ascii = (text: string) => Buffer.from(text, "latin1");
const VERSION_LINE = ascii(" HTTP/1.1\r\n");
const REQUEST_ID = ascii("X-Request-Id: ");
const FORWARDED_FOR = ascii("\r\nX-Forwarded-For: ");
const FORWARDED_PROTO = ascii("\r\nX-Forwarded-Proto: http");
const FORWARDED_PROTO_TLS = ascii("\r\nX-Forwarded-Proto: https");
const FORWARDED_HOST = ascii("\r\nX-Forwarded-Host: ");
const COMMA = ascii(", ");
const HOST = ascii("\r\nHost: ");
const END = ascii("\r\n\r\n");
const LINE_END = ascii("\r\n");
const STATUS_VERSION = ascii("HTTP/1.1 ");
const CLOSE = ascii("Connection: close\r\n");
const KEEP_ALIVE = ascii("Connection: keep-alive\r\n");
const UPGRADE = ascii("Connection: Upgrade\r\n");
const QUERY = 0x3f;

/** Bytes that a rewritten head may be longer than the original: our own fields, the longest request id, address and member line. */
export const ADDED_BYTES_MAX = 1024;

// What becomes of a field, by its number.
const KEEP = 0;
const DROP = 1;
const REQUEST_FATE = new Uint8Array(32);
const RESPONSE_FATE = new Uint8Array(32);
const HOP_FIELDS = [
  FIELD.CONNECTION,
  FIELD.KEEP_ALIVE,
  FIELD.PROXY_CONNECTION,
  FIELD.TE,
  FIELD.UPGRADE,
  FIELD.PROXY_AUTHENTICATE,
  FIELD.PROXY_AUTHORIZATION,
];
for (const field of HOP_FIELDS) REQUEST_FATE[field] = RESPONSE_FATE[field] = DROP;
// The token is ours to check and nobody else's to see; Expect was answered by us; the others are written anew.
for (const field of [FIELD.AUTHORIZATION, FIELD.EXPECT, FIELD.X_REQUEST_ID, FIELD.X_FORWARDED_FOR])
  REQUEST_FATE[field] = DROP;
// It speaks to the gateway only, and is no way past a group's split.
REQUEST_FATE[FIELD.X_SLUICE_MEMBER] = DROP;
// Only a gateway says which member answered.
RESPONSE_FATE[FIELD.X_SLUICE_SERVICE] = DROP;
// What an engine tells its gateways is counted, and nobody else's to see.
RESPONSE_FATE[FIELD.X_SLUICE_QUEUE_US] = DROP;

/** Longest queue time that is believed: ten digits of µs are nearly three hours. */
const QUEUE_DIGITS_MAX = 10;

/** µs that the request of this answer waited in the engine's queue; 0 when it did not, or nobody says. */
export function queueUsOf(head: MessageHead, buf: Buffer): number {
  const index = findField(head, FIELD.X_SLUICE_QUEUE_US);
  if (index === -1) return 0;
  const from = head.fields[index * FIELD_STRIDE + 2]!;
  const to = head.fields[index * FIELD_STRIDE + 3]!;
  if (to - from > QUEUE_DIGITS_MAX) return 0;
  let us = 0;
  for (let i = from; i < to; i++) {
    const digit = buf[i]! - 0x30;
    if (digit < 0 || digit > 9) return 0;
    us = us * 10 + digit;
  }
  return us;
}

function put(out: Buffer, at: number, bytes: Uint8Array): number {
  out.set(bytes, at);
  return at + bytes.length;
}

/** For a few bytes, which a loop writes sooner than a call. */
function putShort(out: Buffer, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) out[at + i] = bytes[i]!;
  return at + bytes.length;
}

function copyShort(out: Buffer, start: number, buf: Buffer, from: number, to: number): number {
  let at = start;
  for (let i = from; i < to; i++) out[at++] = buf[i]!;
  return at;
}

function copy(out: Buffer, at: number, buf: Buffer, from: number, to: number): number {
  return at + buf.copy(out, at, from, to);
}

/**
 * Fields that frame or route the message stay, whatever Connection says: dropping them would change what it means. So do those
 * that tell an instance who is in front of it: a client could take them away.
 */
const STAYS = new Uint8Array(32);
for (const field of [FIELD.HOST, FIELD.CONTENT_LENGTH, FIELD.TRANSFER_ENCODING, FIELD.UPGRADE])
  STAYS[field] = 1;
for (const field of [FIELD.X_FORWARDED_PROTO, FIELD.X_FORWARDED_HOST]) STAYS[field] = 1;

/**
 * Copies the field lines that stay, in runs: a copy costs some 30 ns however short it is. The first run begins at `from`, which is the
 * first line, or before it where what stands there leaves as it came.
 */
function copyFields(
  out: Buffer,
  start: number,
  head: MessageHead,
  buf: Buffer,
  from: number,
  fate: Uint8Array,
): number {
  const { fields, fieldCount, hasNominated } = head;
  let at = start;
  let keptFrom = from;
  for (let i = 0; i < fieldCount; i++) {
    const field = fields[i * FIELD_STRIDE + 4]!;
    if (fate[field] === KEEP && !(hasNominated && STAYS[field] === 0 && isNominated(head, buf, i))) continue;
    const lineFrom = fields[i * FIELD_STRIDE]!;
    if (lineFrom > keptFrom) at = copy(out, at, buf, keptFrom, lineFrom);
    keptFrom = i + 1 < fieldCount ? fields[(i + 1) * FIELD_STRIDE]! : head.fieldsTo;
  }
  return head.fieldsTo > keptFrom ? copy(out, at, buf, keptFrom, head.fieldsTo) : at;
}

/** What the requests of a client without TLS get added when nobody stood before us. */
export function forwardedLines(clientAddress: Buffer): Buffer {
  return Buffer.concat([FORWARDED_FOR, clientAddress, FORWARDED_PROTO]);
}

/** What a request gets added on its way to an instance. */
export interface RequestAdditions {
  readonly requestId: Buffer;
  readonly requestIdLength: number;
  readonly clientAddress: Buffer;
  /** What {@link forwardedLines} made of the client's address. */
  readonly forwardedLines: Buffer;
  /** Stands in for a Host that an HTTP/1.0 client did not send. */
  readonly serviceName: string;
  /** The client's connection is over TLS. */
  readonly isEncrypted: boolean;
  /** The client's wish to switch protocols goes on to the instance. */
  readonly isUpgrade: boolean;
}

/**
 * Writes the request head for an instance to `out` and returns its end. `restFrom` is where the path behind the service's name
 * starts. `out` must have the original's length and ADDED_BYTES_MAX.
 */
export function writeRequest(
  out: Buffer,
  head: MessageHead,
  buf: Buffer,
  restFrom: number,
  added: RequestAdditions,
): number {
  let at = copyShort(out, 0, buf, head.methodFrom, head.methodTo);
  out[at++] = 0x20;
  if (restFrom === head.targetTo || buf[restFrom] === QUERY) out[at++] = 0x2f;
  REQUEST_FATE[FIELD.UPGRADE] = added.isUpgrade ? KEEP : DROP;
  if (head.versionMinor === 1) at = copyFields(out, at, head, buf, restFrom, REQUEST_FATE);
  else {
    at = copy(out, at, buf, restFrom, head.targetTo);
    at = put(out, at, VERSION_LINE);
    at = copyFields(out, at, head, buf, head.fieldsFrom, REQUEST_FATE);
  }
  if (added.isUpgrade) at = put(out, at, UPGRADE);
  at = putShort(out, at, REQUEST_ID);
  at = copyShort(out, at, added.requestId, 0, added.requestIdLength);
  const hasFor = findField(head, FIELD.X_FORWARDED_FOR) !== -1;
  const hasProto = findField(head, FIELD.X_FORWARDED_PROTO) !== -1;
  if (!hasFor && !hasProto && !added.isEncrypted) at = put(out, at, added.forwardedLines);
  else {
    at = put(out, at, FORWARDED_FOR);
    if (hasFor) at = copyForwardedFor(out, at, head, buf);
    at = put(out, at, added.clientAddress);
    if (!hasProto) at = put(out, at, added.isEncrypted ? FORWARDED_PROTO_TLS : FORWARDED_PROTO);
  }
  if (head.hostAt === -1) {
    at = put(out, at, HOST);
    at += out.write(added.serviceName, at, "latin1");
  } else if (findField(head, FIELD.X_FORWARDED_HOST) === -1) {
    at = put(out, at, FORWARDED_HOST);
    const host = head.hostAt * FIELD_STRIDE;
    at = copyShort(out, at, buf, head.fields[host + 2]!, head.fields[host + 3]!);
  }
  return putShort(out, at, END);
}

/** The addresses that came with the request, each with the comma that ours follows. */
function copyForwardedFor(out: Buffer, start: number, head: MessageHead, buf: Buffer): number {
  let at = start;
  for (
    let i = findField(head, FIELD.X_FORWARDED_FOR);
    i !== -1;
    i = findField(head, FIELD.X_FORWARDED_FOR, i + 1)
  ) {
    at = copy(out, at, buf, head.fields[i * FIELD_STRIDE + 2]!, head.fields[i * FIELD_STRIDE + 3]!);
    at = put(out, at, COMMA);
  }
  return at;
}

/** What an answer gets changed on its way to a client. */
export interface ResponseChanges {
  /** `X-Sluice-Service` line of the member that answers for a group; null for a service's own address. */
  readonly memberLine: Buffer | null;
  readonly isClosing: boolean;
  /** An HTTP/1.0 client that asked to keep the connection is told that we do. */
  readonly isKeepAliveSaid: boolean;
  /** The body goes without its chunks: an HTTP/1.0 client knows none. */
  readonly isDechunked: boolean;
  /** It is the 101 that begins a tunnel. */
  readonly isUpgraded: boolean;
}

/** Writes the answer's head for the client to `out` and returns its end. */
export function writeResponse(
  out: Buffer,
  head: MessageHead,
  buf: Buffer,
  from: number,
  changes: ResponseChanges,
): number {
  // Trailers go with the chunks that carry them, and so does the field that announces them.
  RESPONSE_FATE[FIELD.TRANSFER_ENCODING] = RESPONSE_FATE[FIELD.TRAILER] = changes.isDechunked ? DROP : KEEP;
  RESPONSE_FATE[FIELD.UPGRADE] = changes.isUpgraded ? KEEP : DROP;
  let at = 0;
  // What the instance's version was, the client does not learn.
  if (head.versionMinor === 1) at = copyFields(out, 0, head, buf, from, RESPONSE_FATE);
  else {
    at = put(out, 0, STATUS_VERSION);
    at = copyFields(out, at, head, buf, from + STATUS_VERSION.length, RESPONSE_FATE);
  }
  if (changes.memberLine !== null) at = put(out, at, changes.memberLine);
  if (changes.isUpgraded) at = put(out, at, UPGRADE);
  else if (changes.isClosing) at = put(out, at, CLOSE);
  else if (changes.isKeepAliveSaid) at = put(out, at, KEEP_ALIVE);
  return putShort(out, at, LINE_END);
}
