/**
 * HTTP/1.1 codec without sockets: how to use it.
 *
 * A server keeps one `MessageHead` for the whole process and one `MessageBody` per connection. Nothing here holds on to a
 * buffer, so the bytes may lie in a read buffer that all connections share, as long as a message is treated before
 * the buffer is read into again.
 *
 *     const head = new MessageHead();
 *     const body = new MessageBody();
 *     // 1. bytes arrived in buf[from..to): a head, in one piece (keep earlier bytes in a buffer of the connection's own)
 *     const at = parseRequestHead(head, buf, from, to);
 *     if (at === NEED_MORE) …                 // keep the bytes; try again only when findHeadEnd() finds an end
 *     if (at < 0) …                           // headError(at).status and .text; answer with Connection: close
 *     // 2. the body, as far as it is here
 *     body.startRequest(head);                // or startResponse(head, wasHead); body.sink = collector to get the content
 *     const end = body.advance(buf, at, to);  // index after it | BODY_MORE (took all) | BODY_BROKEN | BODY_REFUSED
 *     // 3. further reads: body.advance(buf, 0, read) until it gives an index; the next message starts there
 *     // 4. the answer (response-writer.ts)
 *     let to = writeResponseHead(out, 0, 200, content.length, head.isKeepAlive, clock.now());
 *     to = endHead(out, writeField(out, to, "Content-Type", "application/json"));
 *
 * `ContentCollector` (content-collector.ts) is a sink that gathers the content, de-chunked, up to a limit.
 * Fields are read with `findField` (below) or by walking `head.fields`; see message-head.ts for their layout.
 *
 * Strict means RFC 9112 without its allowances: what two readers could understand differently is refused.
 */

import { COLON, CR, LF, SLASH, SP, TARGET, TOKEN } from "./chars.ts";
import { parseFields } from "./fields.ts";
import { HEAD_BYTES_MAX, METHOD_BYTES_MAX } from "./limits.ts";
import type { MessageHead } from "./message-head.ts";
import {
  BAD_FIELD_NAME,
  BAD_HOST,
  BAD_METHOD,
  BAD_START_LINE,
  BAD_TARGET,
  BAD_VERSION,
  FIELD_STRIDE,
  HEAD_TOO_LARGE,
  METHOD,
  NEED_MORE,
} from "./message-head.ts";

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const HTTP_SLASH = ascii("HTTP/");
const HTTP_SCHEME = ascii("http://");
const GET = ascii("GET");
const PUT = ascii("PUT");
const HEAD = ascii("HEAD");
const POST = ascii("POST");
const DELETE = ascii("DELETE");
const OPTIONS = ascii("OPTIONS");
const CONNECT = ascii("CONNECT");

/**
 * Parses one request head in `buf[from..to)` into `head`. Returns the index after it, NEED_MORE when the bytes are a
 * good beginning, or a negative error (see `headError`). Empty lines before the request line are skipped (RFC 9112 §2.2).
 */
export function parseRequestHead(head: MessageHead, buf: Uint8Array, from: number, to: number): number {
  const end = to - from > HEAD_BYTES_MAX ? from + HEAD_BYTES_MAX : to;
  let result = parseRequestLine(head, buf, from, end);
  if (result > 0) result = parseFields(head, buf, result, end);
  if (result === NEED_MORE) return to - from >= HEAD_BYTES_MAX ? HEAD_TOO_LARGE : NEED_MORE;
  if (result < 0) return result;
  if (head.hasFramingImitation) return BAD_FIELD_NAME;
  return isHostGood(head, buf) ? result : BAD_HOST;
}

function parseRequestLine(head: MessageHead, buf: Uint8Array, from: number, end: number): number {
  let at = from;
  while (at < end && buf[at] === CR) {
    if (at + 1 >= end) return NEED_MORE;
    if (buf[at + 1] !== LF) return BAD_START_LINE;
    at += 2;
  }
  head.methodFrom = at;
  while (at < end && TOKEN[buf[at]!] === 1) at++;
  if (at - head.methodFrom > METHOD_BYTES_MAX) return BAD_METHOD;
  if (at >= end) return NEED_MORE;
  if (buf[at] !== SP || at === head.methodFrom) return BAD_METHOD;
  head.methodTo = at;
  head.method = methodOf(buf, head.methodFrom, at);
  if (head.method === -1) return BAD_METHOD;
  at++;
  head.targetFrom = at;
  while (at < end && TARGET[buf[at]!] === 1) at++;
  if (at >= end) return NEED_MORE;
  if (buf[at] !== SP) return BAD_TARGET;
  head.targetTo = at;
  head.pathFrom = pathOf(head, buf);
  if (head.pathFrom === -1) return BAD_TARGET;
  return parseVersion(head, buf, at + 1, end);
}

/** `HTTP/1.x` CR LF. */
function parseVersion(head: MessageHead, buf: Uint8Array, from: number, end: number): number {
  for (let i = 0; i < 5; i++) {
    if (from + i >= end) return NEED_MORE;
    if (buf[from + i] !== HTTP_SLASH[i]) return BAD_START_LINE;
  }
  const at = from + 5;
  if (at + 5 > end) return NEED_MORE;
  if (!isDigit(buf[at]!) || buf[at + 1] !== 0x2e || !isDigit(buf[at + 2]!)) return BAD_START_LINE;
  if (buf[at + 3] !== CR || buf[at + 4] !== LF) return BAD_START_LINE;
  if (buf[at] !== 0x31 || buf[at + 2]! > 0x31) return BAD_VERSION;
  head.versionMinor = buf[at + 2]! - 0x30;
  return at + 5;
}

const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;

/** One of METHOD; -1 for CONNECT, which asks for a tunnel to anywhere and has no place in front of services. */
function methodOf(buf: Uint8Array, from: number, to: number): number {
  switch (to - from) {
    case 3:
      if (isSame(buf, from, GET)) return METHOD.GET;
      return isSame(buf, from, PUT) ? METHOD.PUT : METHOD.OTHER;
    case 4:
      if (isSame(buf, from, POST)) return METHOD.POST;
      return isSame(buf, from, HEAD) ? METHOD.HEAD : METHOD.OTHER;
    case 6:
      return isSame(buf, from, DELETE) ? METHOD.DELETE : METHOD.OTHER;
    case 7:
      if (isSame(buf, from, OPTIONS)) return METHOD.OPTIONS;
      return isSame(buf, from, CONNECT) ? -1 : METHOD.OTHER;
    default:
      return METHOD.OTHER;
  }
}

/** Methods are case-sensitive (RFC 9110 §9.1). */
function isSame(buf: Uint8Array, from: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (buf[from + i] !== text[i]) return false;
  return true;
}

/** Where path and query start: origin form, absolute form with a scheme in any case, or `*` for OPTIONS; else -1. */
function pathOf(head: MessageHead, buf: Uint8Array): number {
  const from = head.targetFrom;
  const to = head.targetTo;
  if (from === to) return -1;
  if (buf[from] === SLASH) return from;
  if (buf[from] === 0x2a) return to - from === 1 && head.method === METHOD.OPTIONS ? from : -1;
  if (to - from <= HTTP_SCHEME.length) return -1;
  for (let i = 0; i < HTTP_SCHEME.length; i++) {
    const byte = buf[from + i]!;
    if ((i < 4 ? byte | 0x20 : byte) !== HTTP_SCHEME[i]) return -1;
  }
  let at = from + HTTP_SCHEME.length;
  while (at < to && buf[at] !== SLASH && buf[at] !== 0x3f) at++;
  if (at === from + HTTP_SCHEME.length) return -1;
  // A query straight after the authority has no path to route by; nobody sends it.
  return at < to && buf[at] === 0x3f ? -1 : at;
}

/** HTTP/1.1 has exactly one Host (RFC 9112 §3.2); an absolute target must name the same one. */
function isHostGood(head: MessageHead, buf: Uint8Array): boolean {
  if (head.hostAt === -1) return head.versionMinor === 0 && head.pathFrom === head.targetFrom;
  if (head.pathFrom === head.targetFrom) return true;
  const authority = head.targetFrom + HTTP_SCHEME.length;
  const length = head.pathFrom - authority;
  const valueFrom = head.fields[head.hostAt * FIELD_STRIDE + 2]!;
  if (head.fields[head.hostAt * FIELD_STRIDE + 3]! - valueFrom !== length) return false;
  for (let i = 0; i < length; i++) {
    const byte = buf[authority + i]!;
    if (byte === COLON ? buf[valueFrom + i] !== COLON : (byte | 0x20) !== (buf[valueFrom + i]! | 0x20))
      return false;
  }
  return true;
}

/**
 * Index after the first empty line in `buf[from..to)`, bare line feeds included so that they are refused at once; -1 when there is
 * none. For heads that come in pieces: look only at the new bytes (and 3 before them), parse when this finds an end.
 */
export function findHeadEnd(buf: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (buf[at] !== LF) continue;
    if (buf[at + 1] === LF && at + 1 < to) return at + 2;
    if (buf[at + 1] === CR && buf[at + 2] === LF && at + 2 < to) return at + 3;
  }
  return -1;
}

/** Index of the first field with this number from `FIELD`, at or after `after`; -1 when there is none. */
export function findField(head: MessageHead, field: number, after = 0): number {
  for (let i = after; i < head.fieldCount; i++) if (head.fields[i * FIELD_STRIDE + 4] === field) return i;
  return -1;
}
