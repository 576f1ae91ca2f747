import { COLON, CR, HEX, LF, SEMICOLON, TOKEN, VALUE } from "./chars.ts";
import { CHUNK_BYTES_MAX, CHUNK_DIGITS_MAX, CHUNK_EXTENSION_BYTES_MAX, TRAILER_BYTES_MAX } from "./limits.ts";
import type { MessageHead } from "./message-head.ts";

/** The body goes on; every byte given was taken. */
export const BODY_MORE = -1;
/** The framing is broken: nothing after this point can be understood, so the connection must end. */
export const BODY_BROKEN = -2;
/** The sink took no more; see {@link ContentSink}. */
export const BODY_REFUSED = -3;

/** Takes the content of a body, without its framing, piece by piece. */
export interface ContentSink {
  /** `buf[from..to)` is the next piece, valid only during the call. False refuses the rest of the body. */
  content(buf: Uint8Array, from: number, to: number): boolean;
}

const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

// How the end is found, and for chunked bodies, what comes next. One small integer, one hidden class.
const DONE = 0;
const LENGTH = 1;
const UNTIL_CLOSE = 2;
const SIZE_FIRST = 3;
const SIZE = 4;
const SIZE_LF = 5;
const DATA = 6;
const DATA_CR = 7;
const DATA_LF = 8;
const TRAILER_START = 9;
const TRAILER_NAME = 10;
const TRAILER_VALUE = 11;
const TRAILER_LF = 12;
const END_LF = 13;
// `;name=value` or `;name="quoted"` behind a chunk size (RFC 9112 §7.1.1), without the optional white space.
const EXTENSION_NAME_FIRST = 14;
const EXTENSION_NAME = 15;
const EXTENSION_VALUE_FIRST = 16;
const EXTENSION_VALUE = 17;
const EXTENSION_QUOTED = 18;
const EXTENSION_ESCAPED = 19;
const EXTENSION_END = 20;

/**
 * Names that no trailer may have: those that frame, route or authenticate a message, or say how to read its content (RFC 9110 §6.5.1), and
 * those that only a gateway may say. A reader that adds trailers to the header fields would take them at their word.
 */
const NO_TRAILERS = [
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "content-range",
  "content-type",
  "content_length",
  "cookie",
  "expect",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "set-cookie",
  "te",
  "trailer",
  "transfer-encoding",
  "transfer_encoding",
  "upgrade",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
  "x-request-id",
  "x-sluice-service",
];
// FNV-1a, so that a name is compared without being held. Another name with the same hash is refused, too; that is harmless.
const HASH_START = 0x811c9dc5 | 0;
const hashed = (hash: number, byte: number) => Math.imul(hash ^ (byte | 0x20), 0x01000193);
const NO_TRAILER_HASHES = new Set(
  NO_TRAILERS.map((name) => Array.from(name, (c) => c.charCodeAt(0)).reduce(hashed, HASH_START)),
);

/**
 * Finds the end of one body, however its bytes are cut (RFC 9112 §6 and §7). It looks at framing only and changes no byte, so that a
 * proxy forwards what it received. One object serves one message after the other; nothing is allocated.
 */
export class MessageBody {
  /** Gets the content while `advance` runs; null when only the end matters. */
  sink: ContentSink | null = null;
  #state = DONE;
  /** Bytes left of the body, or of the chunk. */
  #left = 0;
  /** Digits of the size, or bytes of the extension or of the trailer block so far. */
  #seen = 0;
  #nameHash = 0;

  /** A request body: chunked, by length, or none (RFC 9112 §6.3). */
  startRequest(head: MessageHead): void {
    if (head.isChunked) this.#begin(SIZE_FIRST, 0);
    else if (head.contentLength > 0) this.#begin(LENGTH, head.contentLength);
    else this.#begin(DONE, 0);
  }

  /** A response body; `wasHead` when the request was HEAD. 1xx, 204 and 304 have none. */
  startResponse(head: MessageHead, wasHead: boolean): void {
    if (wasHead || head.status < 200 || head.status === 204 || head.status === 304) this.#begin(DONE, 0);
    else if (head.isChunked) this.#begin(SIZE_FIRST, 0);
    else if (head.contentLength > 0) this.#begin(LENGTH, head.contentLength);
    else if (head.contentLength === 0) this.#begin(DONE, 0);
    else this.#begin(UNTIL_CLOSE, 0);
  }

  #begin(state: number, left: number): void {
    this.#state = state;
    this.#left = left;
    this.#seen = 0;
  }

  /** The end was reached, or there is no body. */
  get isDone(): boolean {
    return this.#state === DONE;
  }

  /** Only the end of the connection ends this body. */
  get isUntilClose(): boolean {
    return this.#state === UNTIL_CLOSE;
  }

  /** Bytes to the end of the body; infinite when only the body itself will tell. */
  get bytesLeft(): number {
    if (this.#state === DONE) return 0;
    return this.#state === LENGTH ? this.#left : Number.POSITIVE_INFINITY;
  }

  /** Bytes that are surely still to come before the end of the body, or of the chunk: reading so many never goes beyond it. */
  get bytesAhead(): number {
    return this.#state === LENGTH || this.#state === DATA ? this.#left : 0;
  }

  /**
   * Takes the next bytes. Returns the index after the body when it ends within them, BODY_MORE when it does not,
   * BODY_BROKEN when the framing is bad, BODY_REFUSED when the sink refused.
   */
  advance(buf: Uint8Array, from: number, to: number): number {
    switch (this.#state) {
      case DONE:
        return from;
      case LENGTH: {
        const taken = Math.min(this.#left, to - from);
        if (taken > 0 && this.sink !== null && !this.sink.content(buf, from, from + taken))
          return BODY_REFUSED;
        this.#left -= taken;
        if (this.#left > 0) return BODY_MORE;
        this.#state = DONE;
        return from + taken;
      }
      case UNTIL_CLOSE:
        if (to > from && this.sink !== null && !this.sink.content(buf, from, to)) return BODY_REFUSED;
        return BODY_MORE;
      default:
        return this.#advanceChunked(buf, from, to);
    }
  }

  #advanceChunked(buf: Uint8Array, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (this.#state === DATA) {
        const taken = Math.min(this.#left, to - at);
        if (this.sink !== null && !this.sink.content(buf, at, at + taken)) return BODY_REFUSED;
        at += taken;
        this.#left -= taken;
        if (this.#left === 0) this.#state = DATA_CR;
        continue;
      }
      const next = this.#afterFraming(buf[at++]!);
      if (next === BODY_BROKEN) return BODY_BROKEN;
      this.#state = next;
      if (next === DONE) return at;
    }
    return BODY_MORE;
  }

  /** The state after one byte of framing. */
  #afterFraming(byte: number): number {
    switch (this.#state) {
      case SIZE_FIRST:
        if (HEX[byte] === 255) return BODY_BROKEN;
        this.#left = HEX[byte]!;
        this.#seen = 1;
        return SIZE;
      case SIZE:
        if (HEX[byte] !== 255) {
          if (++this.#seen > CHUNK_DIGITS_MAX) return BODY_BROKEN;
          this.#left = this.#left * 16 + HEX[byte]!;
          return this.#left > CHUNK_BYTES_MAX ? BODY_BROKEN : SIZE;
        }
        this.#seen = 0;
        if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
        return byte === CR ? SIZE_LF : BODY_BROKEN;
      case SIZE_LF:
        this.#seen = 0;
        if (byte !== LF) return BODY_BROKEN;
        return this.#left === 0 ? TRAILER_START : DATA;
      case DATA_CR:
        return byte === CR ? DATA_LF : BODY_BROKEN;
      case DATA_LF:
        return byte === LF ? SIZE_FIRST : BODY_BROKEN;
      default:
        return this.#state < EXTENSION_NAME_FIRST ? this.#afterTrailer(byte) : this.#afterExtension(byte);
    }
  }

  #afterExtension(byte: number): number {
    if (++this.#seen > CHUNK_EXTENSION_BYTES_MAX) return BODY_BROKEN;
    switch (this.#state) {
      case EXTENSION_NAME_FIRST:
        return TOKEN[byte] === 1 ? EXTENSION_NAME : BODY_BROKEN;
      case EXTENSION_NAME:
        if (TOKEN[byte] === 1) return EXTENSION_NAME;
        return byte === EQUALS ? EXTENSION_VALUE_FIRST : afterExtensionEnd(byte);
      case EXTENSION_VALUE_FIRST:
        if (byte === QUOTE) return EXTENSION_QUOTED;
        return TOKEN[byte] === 1 ? EXTENSION_VALUE : BODY_BROKEN;
      case EXTENSION_VALUE:
        return TOKEN[byte] === 1 ? EXTENSION_VALUE : afterExtensionEnd(byte);
      case EXTENSION_QUOTED:
        if (byte === QUOTE) return EXTENSION_END;
        if (byte === BACKSLASH) return EXTENSION_ESCAPED;
        return VALUE[byte] === 1 ? EXTENSION_QUOTED : BODY_BROKEN;
      case EXTENSION_ESCAPED:
        return VALUE[byte] === 1 ? EXTENSION_QUOTED : BODY_BROKEN;
      default:
        return afterExtensionEnd(byte);
    }
  }

  /** Trailer fields are held to the rules of header fields, so that a reader behind us cannot see another line there. */
  #afterTrailer(byte: number): number {
    if (++this.#seen > TRAILER_BYTES_MAX) return BODY_BROKEN;
    switch (this.#state) {
      case TRAILER_START:
        if (byte === CR) return END_LF;
        this.#nameHash = hashed(HASH_START, byte);
        return TOKEN[byte] === 1 ? TRAILER_NAME : BODY_BROKEN;
      case TRAILER_NAME:
        if (byte === COLON) return NO_TRAILER_HASHES.has(this.#nameHash) ? BODY_BROKEN : TRAILER_VALUE;
        this.#nameHash = hashed(this.#nameHash, byte);
        return TOKEN[byte] === 1 ? TRAILER_NAME : BODY_BROKEN;
      case TRAILER_VALUE:
        if (byte === CR) return TRAILER_LF;
        return VALUE[byte] === 1 ? TRAILER_VALUE : BODY_BROKEN;
      case TRAILER_LF:
        return byte === LF ? TRAILER_START : BODY_BROKEN;
      default:
        return byte === LF ? DONE : BODY_BROKEN;
    }
  }
}

/** What may follow a whole extension: the next one, or the end of the line. */
function afterExtensionEnd(byte: number): number {
  if (byte === SEMICOLON) return EXTENSION_NAME_FIRST;
  return byte === CR ? SIZE_LF : BODY_BROKEN;
}
