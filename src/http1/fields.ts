import { COLON, COMMA, CR, HOST, LF, SP, TAB, TOKEN, VALUE } from "./chars.ts";
import { FIELD, fieldOf, isFolded } from "./field-names.ts";
import { FIELDS_MAX, LENGTH_DIGITS_MAX } from "./limits.ts";
import type { MessageHead } from "./message-head.ts";
import {
  AMBIGUOUS_LENGTH,
  BAD_EXPECT,
  BAD_FIELD_NAME,
  BAD_FIELD_VALUE,
  BAD_HOST,
  BAD_LENGTH,
  BAD_TRANSFER_ENCODING,
  FIELD_STRIDE,
  NEED_MORE,
  TOO_MANY_FIELDS,
} from "./message-head.ts";
import { skipVisible, viewOf } from "./words.ts";

const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const CHUNKED = ascii("chunked");
const CONTINUE = ascii("100-continue");
const CLOSE = ascii("close");
const KEEP_ALIVE = ascii("keep-alive");
const UPGRADE = ascii("upgrade");
const TE = ascii("te");

/**
 * Parses the field block that starts at `at`, up to `end`. Writes the ranges and what the framing fields say into
 * `head`; `head.versionMinor` must be set. Returns the index after the empty line, NEED_MORE, or an error.
 */
export function parseFields(head: MessageHead, buf: Uint8Array, from: number, end: number): number {
  head.contentLength = -1;
  head.isChunked = false;
  head.isKeepAlive = head.versionMinor === 1;
  head.isUpgrade = false;
  head.hasNominated = false;
  head.hasFramingImitation = false;
  head.isContinueExpected = false;
  head.hostAt = -1;
  head.authorizationAt = -1;
  head.isAuthorizationRepeated = false;
  head.fieldsFrom = from;
  const { fields } = head;
  const view = viewOf(buf);
  let sawClose = false;
  let sawKeepAlive = false;
  let count = 0;
  let at = from;
  for (;;) {
    if (at >= end) return NEED_MORE;
    if (buf[at] === CR) {
      if (at + 1 >= end) return NEED_MORE;
      if (buf[at + 1] !== LF) return BAD_FIELD_NAME;
      break;
    }
    const nameFrom = at;
    while (at < end && TOKEN[buf[at]!] === 1) at++;
    if (at >= end) return NEED_MORE;
    // A space here is obs-fold or a space before the colon; a bare LF ends up here, too.
    if (buf[at] !== COLON || at === nameFrom) return BAD_FIELD_NAME;
    const nameTo = at++;
    while (at < end && (buf[at] === SP || buf[at] === TAB)) at++;
    const valueFrom = at;
    at = skipVisible(view, at, end);
    while (at < end && VALUE[buf[at]!] === 1) at++;
    if (at >= end) return NEED_MORE;
    if (buf[at] !== CR) return BAD_FIELD_VALUE;
    if (at + 1 >= end) return NEED_MORE;
    if (buf[at + 1] !== LF) return BAD_FIELD_VALUE;
    let valueTo = at;
    at += 2;
    while (valueTo > valueFrom && (buf[valueTo - 1] === SP || buf[valueTo - 1] === TAB)) valueTo--;
    if (count === FIELDS_MAX) return TOO_MANY_FIELDS;
    const field = fieldOf(view, nameFrom, nameTo);
    const slot = count * FIELD_STRIDE;
    fields[slot] = nameFrom;
    fields[slot + 1] = nameTo;
    fields[slot + 2] = valueFrom;
    fields[slot + 3] = valueTo;
    fields[slot + 4] = field;
    switch (field) {
      case FIELD.HOST:
        if (head.hostAt !== -1 || !isHost(buf, valueFrom, valueTo)) return BAD_HOST;
        head.hostAt = count;
        break;
      case FIELD.CONTENT_LENGTH:
        if (head.contentLength !== -1 || !isPlain(buf, nameTo, valueFrom, valueTo)) return BAD_LENGTH;
        head.contentLength = lengthOf(buf, valueFrom, valueTo);
        if (head.contentLength === -1) return BAD_LENGTH;
        break;
      case FIELD.TRANSFER_ENCODING:
        if (head.isChunked || head.versionMinor === 0) return BAD_TRANSFER_ENCODING;
        if (!isPlain(buf, nameTo, valueFrom, valueTo)) return BAD_TRANSFER_ENCODING;
        if (!isWord(buf, valueFrom, valueTo, CHUNKED)) return BAD_TRANSFER_ENCODING;
        head.isChunked = true;
        break;
      case FIELD.CONNECTION: {
        const options = connectionOptions(head, buf, valueFrom, valueTo);
        if (options === -1) return BAD_FIELD_VALUE;
        if ((options & 1) !== 0) sawClose = true;
        if ((options & 2) !== 0) sawKeepAlive = true;
        break;
      }
      case FIELD.EXPECT:
        if (!isWord(buf, valueFrom, valueTo, CONTINUE)) return BAD_EXPECT;
        head.isContinueExpected = true;
        break;
      case FIELD.AUTHORIZATION:
        if (head.authorizationAt !== -1) head.isAuthorizationRepeated = true;
        head.authorizationAt = count;
        break;
      case FIELD.FRAMING_IMITATION:
        head.hasFramingImitation = true;
        break;
      default:
    }
    count++;
  }
  if (head.isChunked && head.contentLength !== -1) return AMBIGUOUS_LENGTH;
  head.isKeepAlive = !sawClose && (head.versionMinor === 1 || sawKeepAlive);
  head.fieldCount = count;
  head.fieldsTo = at;
  return at + 2;
}

/**
 * True when only spaces are between colon and value, and nothing is behind it. Readers differ on other white space around a framing
 * value: some refuse it, some take it for a part of the value, a form of request smuggling. Nobody sends any.
 */
function isPlain(buf: Uint8Array, colon: number, valueFrom: number, valueTo: number): boolean {
  for (let i = colon + 1; i < valueFrom; i++) if (buf[i] !== SP) return false;
  return buf[valueTo] === CR;
}

/** Digits only, bounded so that the number is exact; -1 when it is anything else (a sign, a list, nothing). */
function lengthOf(buf: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > LENGTH_DIGITS_MAX) return -1;
  let length = 0;
  for (let i = from; i < to; i++) {
    const digit = buf[i]! - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
  }
  return length;
}

function isHost(buf: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (HOST[buf[i]!] !== 1) return false;
  return true;
}

/** True when the range is `lower` and nothing else. Checks the token class first: folding is exact only there. */
function isWord(buf: Uint8Array, from: number, to: number, lower: Uint8Array): boolean {
  if (to - from !== lower.length) return false;
  for (let i = from; i < to; i++) if (TOKEN[buf[i]!] !== 1) return false;
  return isFolded(buf, from, lower);
}

/** Reads one Connection value into `head`. Returns bits: 1 close, 2 keep-alive; -1 when it is not a list of tokens. */
function connectionOptions(head: MessageHead, buf: Uint8Array, from: number, to: number): number {
  let options = 0;
  let at = from;
  while (at < to) {
    const wordFrom = at;
    while (at < to && TOKEN[buf[at]!] === 1) at++;
    if (at > wordFrom) {
      if (isWord(buf, wordFrom, at, CLOSE)) options |= 1;
      else if (isWord(buf, wordFrom, at, KEEP_ALIVE)) options |= 2;
      else if (isWord(buf, wordFrom, at, UPGRADE)) head.isUpgrade = true;
      else if (!isWord(buf, wordFrom, at, TE)) head.hasNominated = true;
    }
    while (at < to && (buf[at] === SP || buf[at] === TAB)) at++;
    if (at < to && buf[at++] !== COMMA) return -1;
    while (at < to && (buf[at] === SP || buf[at] === TAB)) at++;
  }
  return options;
}

/** True when some Connection field of `head` names the field at `index`: it belongs to this hop only. */
export function isNominated(head: MessageHead, buf: Uint8Array, index: number): boolean {
  const { fields, fieldCount } = head;
  const nameFrom = fields[index * FIELD_STRIDE]!;
  const length = fields[index * FIELD_STRIDE + 1]! - nameFrom;
  for (let i = 0; i < fieldCount; i++) {
    if (fields[i * FIELD_STRIDE + 4] !== FIELD.CONNECTION) continue;
    const to = fields[i * FIELD_STRIDE + 3]!;
    for (let at = fields[i * FIELD_STRIDE + 2]!; at < to; at++) {
      const wordFrom = at;
      while (at < to && TOKEN[buf[at]!] === 1) at++;
      if (at - wordFrom === length && isSameFolded(buf, wordFrom, nameFrom, length)) return true;
    }
  }
  return false;
}

function isSameFolded(buf: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if ((buf[a + i]! | 0x20) !== (buf[b + i]! | 0x20)) return false;
  return true;
}
