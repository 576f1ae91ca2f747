import { assert } from "../base/assert.ts";
import { TOKEN, VALUE } from "./chars.ts";

/** `contentLength` of {@link writeResponseHead} for a chunked body. */
export const CHUNKED_BODY = -1;
/** `contentLength` of {@link writeResponseHead} for 1xx, 204 and 304, which say no length. */
export const NO_BODY = -2;

/** Room that `writeResponseHead` and `endHead` need together; each field needs name + value + 4 more. */
export const RESPONSE_HEAD_BYTES_MAX = 256;

// RFC 9110 §15, and the statuses of eas-reference §3.3. Any other status gets its class's name.
const REASONS: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  422: "Unprocessable Content",
  425: "Too Early",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  450: "Queue Full",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
const CLASSES = ["", "Informational", "Successful", "Redirection", "Client Error", "Server Error"];

const DATE_FIELD = "\r\nDate: ";
/** `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7). */
const DATE_BYTES = 29;

const startLines: (Buffer | undefined)[] = [];
const dateLine = Buffer.alloc(DATE_FIELD.length + DATE_BYTES);
let dateSecond = Number.NaN;

/** The status line for `status` (100 to 599), without its CR LF; made once per status. */
function startLine(status: number): Buffer {
  const known = startLines[status];
  if (known !== undefined) return known;
  assert(Number.isInteger(status) && status >= 100 && status <= 599, `${status} is no HTTP status`);
  const made = Buffer.from(
    `HTTP/1.1 ${status} ${REASONS[status] ?? CLASSES[Math.floor(status / 100)]}`,
    "latin1",
  );
  startLines[status] = made;
  return made;
}

/** CR LF and the Date field; formatted at most once a second. */
function writeDate(out: Buffer, at: number, nowMs: number): number {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine.write(DATE_FIELD + new Date(second * 1000).toUTCString(), "latin1");
  }
  out.set(dateLine, at);
  return at + dateLine.length;
}

/**
 * Writes status line, Date, the field that frames the body and, for a connection that ends, `Connection: close`, at `out[at]`.
 * Returns the index after it; fields may follow, then `endHead`. `out` must have RESPONSE_HEAD_BYTES_MAX bytes left.
 * `contentLength` ≥ 0, CHUNKED_BODY or NO_BODY; `nowMs` is wall time.
 */
export function writeResponseHead(
  out: Buffer,
  at: number,
  status: number,
  contentLength: number,
  isKeepAlive: boolean,
  nowMs: number,
): number {
  assert(out.length - at >= RESPONSE_HEAD_BYTES_MAX, "no room for a response head");
  const line = startLine(status);
  out.set(line, at);
  let to = writeDate(out, at + line.length, nowMs);
  if (contentLength >= 0) {
    to += out.write("\r\nContent-Length: ", to, "latin1");
    to = writeNumber(out, to, contentLength);
  } else if (contentLength === CHUNKED_BODY) {
    to += out.write("\r\nTransfer-Encoding: chunked", to, "latin1");
  }
  if (!isKeepAlive) to += out.write("\r\nConnection: close", to, "latin1");
  return to + out.write("\r\n", to, "latin1");
}

/** Writes `value` in decimal digits. */
function writeNumber(out: Buffer, at: number, value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const tenth = Math.floor(rest / 10);
    out[i] = 0x30 + (rest - tenth * 10);
    rest = tenth;
  }
  return at + digits;
}

/**
 * Writes one field. Name and value must pass {@link isFieldName} and {@link isFieldValue}: text from outside is checked there first, so
 * a failure here is a bug, not a way to slip in another line.
 */
export function writeField(out: Buffer, at: number, name: string, value: string): number {
  assert(isFieldName(name) && isFieldValue(value), `bad field ${JSON.stringify(name)}`);
  assert(out.length - at >= name.length + value.length + 4, "no room for a field");
  let to = at + out.write(name, at, "latin1");
  to += out.write(": ", to, "latin1");
  to += out.write(value, to, "latin1");
  return to + out.write("\r\n", to, "latin1");
}

/** Ends the head with its empty line. */
export function endHead(out: Buffer, at: number): number {
  return at + out.write("\r\n", at, "latin1");
}

/** True when `text` may be a field name: a token (RFC 9110 §5.6.2). */
export function isFieldName(text: string): boolean {
  return text.length > 0 && isAllOf(text, TOKEN);
}

/** True when `text` may be a field value: no control character but tab, nothing above U+00FF. */
export function isFieldValue(text: string): boolean {
  return isAllOf(text, VALUE);
}

function isAllOf(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false;
  return true;
}
