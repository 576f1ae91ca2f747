import { CR, LF, SP, VALUE } from "./chars.ts";
import { parseFields } from "./fields.ts";
import { HEAD_BYTES_MAX } from "./limits.ts";
import type { MessageHead } from "./message-head.ts";
import {
  BAD_LENGTH,
  BAD_START_LINE,
  BAD_TRANSFER_ENCODING,
  HEAD_TOO_LARGE,
  NEED_MORE,
} from "./message-head.ts";

const START = Uint8Array.from("HTTP/1.", (c) => c.charCodeAt(0));

/**
 * Parses one response head in `buf[from..to)` into `head` (see request-head.ts for how to use the codec). Returns the index after
 * it, NEED_MORE, or a negative error. A 1xx or 204 that claims to have a body is refused: readers differ on those.
 */
export function parseResponseHead(head: MessageHead, buf: Uint8Array, from: number, to: number): number {
  const end = to - from > HEAD_BYTES_MAX ? from + HEAD_BYTES_MAX : to;
  let result = parseStatusLine(head, buf, from, end);
  if (result > 0) result = parseFields(head, buf, result, end);
  if (result === NEED_MORE) return to - from >= HEAD_BYTES_MAX ? HEAD_TOO_LARGE : NEED_MORE;
  if (result > 0 && (head.status < 200 || head.status === 204)) {
    if (head.isChunked) return BAD_TRANSFER_ENCODING;
    if (head.contentLength > 0) return BAD_LENGTH;
  }
  return result;
}

/** `HTTP/1.x SP 3DIGIT [SP reason] CR LF`; the space before an empty reason is often left out. */
function parseStatusLine(head: MessageHead, buf: Uint8Array, from: number, end: number): number {
  for (let i = 0; i < START.length; i++) {
    if (from + i >= end) return NEED_MORE;
    if (buf[from + i] !== START[i]) return BAD_START_LINE;
  }
  let at = from + START.length;
  if (at + 5 >= end) return NEED_MORE;
  const minor = buf[at]! - 0x30;
  if ((minor !== 0 && minor !== 1) || buf[at + 1] !== SP) return BAD_START_LINE;
  head.versionMinor = minor;
  head.status = 0;
  for (let i = 2; i < 5; i++) {
    const digit = buf[at + i]! - 0x30;
    if (digit < 0 || digit > 9) return BAD_START_LINE;
    head.status = head.status * 10 + digit;
  }
  if (head.status < 100) return BAD_START_LINE;
  at += 5;
  if (buf[at] === SP) while (at < end && VALUE[buf[at]!] === 1) at++;
  if (at >= end) return NEED_MORE;
  if (buf[at] !== CR) return BAD_START_LINE;
  if (at + 1 >= end) return NEED_MORE;
  return buf[at + 1] === LF ? at + 2 : BAD_START_LINE;
}
