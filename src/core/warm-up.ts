/**
 * Files of `warm_up_data_path` (eas-reference §5.6). Two formats: text with one request a line, and one request as the SDK
 * serialised it. `.txt` is the first and `.bin` the second; what is called otherwise is told by its first bytes.
 */

/** A request is `bytes[from..to)` of its file. */
export interface WarmUpRequest {
  readonly from: number;
  readonly to: number;
  /** From 1; null: the file is one request. */
  readonly line: number | null;
}

/** The requests of one file, or why there are none, for people. */
export type WarmUpFile =
  | { readonly kind: "requests"; readonly requests: readonly WarmUpRequest[] }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Requests of one warm-up, of all its files. More would hold up every start by minutes; a few hundred warm up anything
 * (TensorFlow Serving allows 1000 records).
 */
export const WARM_UP_REQUESTS_MAX = 10_000;

/** So much of a file that is called neither .txt nor .bin is looked at. */
const LOOKED_AT_BYTES = 64 * 1024;

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const TAB = 0x09;
const DELETE = 0x7f;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Finds the requests in a file; nothing is copied. `name` says the format by its end, whatever the case of its letters. */
export function readWarmUpFile(name: string, bytes: Uint8Array): WarmUpFile {
  if (bytes.length === 0) return refused("it is empty");
  const isText = /\.txt$/i.test(name) || (!/\.bin$/i.test(name) && looksLikeText(bytes));
  return isText ? readLines(bytes) : whole(bytes);
}

const refused = (why: string): WarmUpFile => ({ kind: "refused", why });

const whole = (bytes: Uint8Array): WarmUpFile => ({
  kind: "requests",
  requests: [{ from: 0, to: bytes.length, line: null }],
});

/** Lines with nothing but spaces are passed over, as is what Windows puts before the first line and behind each. */
function readLines(bytes: Uint8Array): WarmUpFile {
  const requests: WarmUpRequest[] = [];
  const isMarked = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte);
  let from = isMarked ? BYTE_ORDER_MARK.length : 0;
  const zero = bytes.indexOf(0);
  for (let line = 1; from < bytes.length; line++) {
    const newline = bytes.indexOf(NEWLINE, from);
    const end = newline === -1 ? bytes.length : newline;
    const to = end > from && bytes[end - 1] === RETURN ? end - 1 : end;
    if (zero >= from && zero < to)
      return refused(
        `line ${line} has a NUL byte, so it is no text; a binary request is a file ending in .bin`,
      );
    if (!isBlank(bytes, from, to)) {
      if (requests.length === WARM_UP_REQUESTS_MAX)
        return refused(`it has more than ${WARM_UP_REQUESTS_MAX} requests`);
      requests.push({ from, to, line });
    }
    from = end + 1;
  }
  return requests.length === 0
    ? refused("it has no request: all of its lines are empty")
    : { kind: "requests", requests };
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== SPACE && bytes[at] !== TAB) return false;
  return true;
}

/** UTF-8 without control characters other than tab and the ends of lines. A serialised request has some in its first bytes. */
function looksLikeText(bytes: Uint8Array): boolean {
  const start = bytes.subarray(0, LOOKED_AT_BYTES);
  const isControl = (byte: number) =>
    byte === DELETE || (byte < SPACE && byte !== TAB && byte !== NEWLINE && byte !== RETURN);
  if (start.some(isControl)) return false;
  try {
    // Its end may be in the middle of a character.
    new TextDecoder("utf-8", { fatal: true }).decode(start, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Longest part of an answer that is shown. */
const SHOWN_CHARS_MAX = 300;

/** The first part of an answer's body on one line, for people. */
export function shownAnswer(body: Uint8Array): string {
  // Every character has at most four bytes.
  const text = new TextDecoder().decode(body.subarray(0, 4 * SHOWN_CHARS_MAX), { stream: true });
  const line = text.replace(/\p{Cc}+/gu, " ").trim();
  const shown = [...line].slice(0, SHOWN_CHARS_MAX).join("");
  return shown === line && body.length <= 4 * SHOWN_CHARS_MAX ? line : `${shown}…`;
}
