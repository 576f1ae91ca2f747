import type { ServerHttp2Stream } from "node:http2";
import { BODY_BROKEN, type ContentSink, MessageBody } from "../http1/message-body.ts";
import { FIELD_STRIDE, MessageHead, NEED_MORE } from "../http1/message-head.ts";
import { parseResponseHead } from "../http1/response-head.ts";

/** A head is used up before anything else is read, so one object serves all streams. */
const head = new MessageHead();

/** Fields of one HTTP/1.1 connection, which HTTP/2 does not have (RFC 9113 §8.2.2). */
const DROPPED = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

const HEAD = 0;
const BODY = 1;
const OVER = 2;
const BROKEN = 3;

/**
 * Reads the answer that our own HTTP/1.1 path wrote for one stream, and gives it to the stream: interim answers, head, content without
 * its chunks, trailers. Writes of content are finished when the stream has passed them on, so a slow client is felt as one on
 * a socket would be.
 */
export class Http2Answer implements ContentSink {
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  readonly #body = new MessageBody();
  #state = HEAD;
  #pieces: Buffer[] = [];
  /** Framing bytes since the last content: at the end, the trailers are in it. Bounded by the limits of {@link MessageBody}. */
  #framing: string | null = null;
  #readTo = 0;
  #bytes: Buffer = Buffer.alloc(0);
  #trailers: Record<string, string[]> = {};

  /** `isHead`: the request was HEAD. */
  constructor(stream: ServerHttp2Stream, isHead: boolean) {
    this.#stream = stream;
    this.#isHead = isHead;
    this.#body.sink = this;
  }

  /** All of it was given to the stream. */
  get isOver(): boolean {
    return this.#state === OVER;
  }

  /** The next bytes; they stay as they are until `done` is called. False: they are no answer. */
  write(bytes: Buffer, done: () => void): boolean {
    let from = 0;
    while (this.#state === HEAD && from < bytes.length) {
      const bodyFrom = parseResponseHead(head, bytes, from, bytes.length);
      // Our own path writes heads whole.
      if (bodyFrom === NEED_MORE || bodyFrom < 0) this.#state = BROKEN;
      else this.#head(bytes);
      from = bodyFrom;
    }
    if (this.#state === BODY && from < bytes.length) this.#content(bytes, from);
    const pieces = this.#pieces;
    this.#pieces = [];
    const last = pieces.pop();
    for (const piece of pieces) this.#stream.write(piece);
    if (last !== undefined) this.#stream.write(last, () => done());
    if (this.#state === OVER) this.#stream.end();
    if (last === undefined) done();
    return this.#state !== BROKEN;
  }

  /** The connection that the answer came on ended in order. False: the answer is cut. */
  end(): boolean {
    if (this.#state === BODY && this.#body.isUntilClose) {
      this.#state = OVER;
      this.#stream.end();
    }
    return this.#state === OVER;
  }

  #head(bytes: Buffer): void {
    const fields = fieldsOf(bytes);
    const { status } = head;
    if (status < 200) {
      const informed = Object.fromEntries(gathered(fields));
      this.#stream.additionalHeaders({ ":status": status, ...informed });
      return;
    }
    this.#body.startResponse(head, this.#isHead);
    this.#framing = head.isChunked ? "" : null;
    const isEmpty = this.#body.isDone;
    this.#state = isEmpty ? OVER : BODY;
    // The gateway's path says the date where the instance does not.
    const how = { endStream: isEmpty, waitForTrailers: head.isChunked && !isEmpty, sendDate: false };
    this.#stream.respond([":status", String(status), ...fields], how);
    if (how.waitForTrailers)
      this.#stream.once("wantTrailers", () => this.#stream.sendTrailers(this.#trailers));
  }

  #content(bytes: Buffer, from: number): void {
    this.#bytes = bytes;
    this.#readTo = from;
    const end = this.#body.advance(bytes, from, bytes.length);
    if (end === BODY_BROKEN) {
      this.#state = BROKEN;
      return;
    }
    const isDone = this.#body.isDone;
    if (this.#framing !== null)
      this.#framing += bytes.toString("latin1", this.#readTo, isDone ? end : bytes.length);
    if (!isDone) return;
    this.#state = OVER;
    this.#trailers = trailersOf(this.#framing);
  }

  content(_buf: Uint8Array, from: number, to: number): boolean {
    if (this.#framing !== null) this.#framing = "";
    this.#readTo = to;
    if (to > from) this.#pieces.push(this.#bytes.subarray(from, to));
    return true;
  }
}

function fieldsOf(bytes: Buffer): string[] {
  const out: string[] = [];
  const { fields, fieldCount } = head;
  for (let i = 0; i < fieldCount; i++) {
    const at = i * FIELD_STRIDE;
    const name = bytes.toString("latin1", fields[at], fields[at + 1]).toLowerCase();
    if (!DROPPED.has(name)) out.push(name, bytes.toString("latin1", fields[at + 2], fields[at + 3]));
  }
  return out;
}

/** Trailers in what stands behind the last content of a chunked body: its line end, the last chunk, the trailer fields, an empty line. */
function trailersOf(framing: string | null): Record<string, string[]> {
  const lines = framing?.replace(/^\r\n/, "").split("\r\n").slice(1) ?? [];
  const fields = lines.flatMap((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    return colon === -1 || DROPPED.has(name) ? [] : [name, line.slice(colon + 1).trim()];
  });
  return Object.fromEntries(gathered(fields));
}

/** Fields by name, as node:http2 takes them where it takes no list. */
function gathered(fields: readonly string[]): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  for (let i = 0; i < fields.length; i += 2) {
    const values = byName.get(fields[i]!);
    if (values === undefined) byName.set(fields[i]!, [fields[i + 1]!]);
    else values.push(fields[i + 1]!);
  }
  return byName;
}
