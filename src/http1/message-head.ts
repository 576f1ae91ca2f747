import { FIELDS_MAX } from "./limits.ts";

/** Numbers per field in {@link MessageHead.fields}. */
export const FIELD_STRIDE = 5;

/** Returned by the head parsers when the bytes so far are a good beginning. An index after a head is above it. */
export const NEED_MORE = 0;

/** The methods that somebody here treats in their own way; 0 is any other token. */
export const METHOD = { OTHER: 0, GET: 1, HEAD: 2, POST: 3, PUT: 4, DELETE: 5, OPTIONS: 6 } as const;

/**
 * Why a head is refused: the negative results of the parsers. `status` is what a server answers with; for a
 * response head the reader's answer is 502, whatever the entry says.
 */
export const HEAD_ERRORS = [
  { result: -1, status: 400, text: "the start line is not HTTP" },
  { result: -2, status: 400, text: "the method is not a token, or is CONNECT" },
  { result: -3, status: 400, text: "the request target is not a path, an http URL or *" },
  { result: -4, status: 505, text: "the HTTP version is not 1.0 or 1.1" },
  {
    result: -5,
    status: 400,
    text: "a field name is not a token followed by a colon, or imitates a framing field",
  },
  { result: -6, status: 400, text: "a field value has a control character, or its line ends without CR LF" },
  { result: -7, status: 400, text: "there is not exactly one valid Host" },
  { result: -8, status: 400, text: "Content-Length is repeated or not a whole number" },
  { result: -9, status: 400, text: "Transfer-Encoding is not exactly one chunked, or is sent by HTTP/1.0" },
  { result: -10, status: 400, text: "both Content-Length and Transfer-Encoding are given" },
  { result: -11, status: 400, text: "Expect asks for something else than 100-continue" },
  { result: -12, status: 431, text: "the start line and headers are larger than the limit" },
  { result: -13, status: 431, text: "there are more header fields than the limit" },
] as const;

export const BAD_START_LINE = -1;
export const BAD_METHOD = -2;
export const BAD_TARGET = -3;
export const BAD_VERSION = -4;
export const BAD_FIELD_NAME = -5;
export const BAD_FIELD_VALUE = -6;
export const BAD_HOST = -7;
export const BAD_LENGTH = -8;
export const BAD_TRANSFER_ENCODING = -9;
export const AMBIGUOUS_LENGTH = -10;
export const BAD_EXPECT = -11;
export const HEAD_TOO_LARGE = -12;
export const TOO_MANY_FIELDS = -13;

/** The entry for a negative result of a parser. */
export function headError(result: number): (typeof HEAD_ERRORS)[number] {
  return HEAD_ERRORS[-result - 1]!;
}

/**
 * What a parser says about one head. One object serves any number of messages, one after the other: every parse
 * writes all of it anew, and nothing is allocated. All positions are indexes into the buffer that was parsed, and
 * mean nothing once that buffer is read into again.
 */
export class MessageHead {
  /** Requests: one of {@link METHOD}, and its bytes. */
  method = 0;
  methodFrom = 0;
  methodTo = 0;
  /** Requests: the target as sent. */
  targetFrom = 0;
  targetTo = 0;
  /** Requests: path and query up to `targetTo`; behind the authority of an `http://…` target. May be empty there. */
  pathFrom = 0;
  /** Responses: the status, 100 to 999. */
  status = 0;
  /** 0 for HTTP/1.0, 1 for HTTP/1.1. */
  versionMinor = 1;
  /** Value of Content-Length, or -1 when there is none. */
  contentLength = -1;
  isChunked = false;
  /** What this message says about the connection after it, by version and Connection (RFC 9112 §9.3). */
  isKeepAlive = true;
  /** Connection lists `upgrade`. */
  isUpgrade = false;
  /** Connection names fields other than close, keep-alive, upgrade and TE: those belong to this hop only. */
  hasNominated = false;
  /** A name spells a framing field with `_`; refused in requests. */
  hasFramingImitation = false;
  isContinueExpected = false;
  /** Index of the one Host or Authorization field; -1: none. `hasAuthorizationTwice` when it was repeated. */
  hostAt = -1;
  authorizationAt = -1;
  isAuthorizationRepeated = false;
  /** First byte of the field block, and the first byte of the empty line that ends it. */
  fieldsFrom = 0;
  fieldsTo = 0;
  fieldCount = 0;
  /** Per field: name from, name to, value from, value to, number of the name (`FIELD`). Its line starts at name from. */
  readonly fields = new Int32Array(FIELDS_MAX * FIELD_STRIDE);
}
