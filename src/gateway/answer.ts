import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import { BODY_BROKEN, type ContentSink, type MessageBody } from "../http1/message-body.ts";
import { METHOD, type MessageHead } from "../http1/message-head.ts";
import { takeBuffer } from "./buffer-pool.ts";
import { ChunkRemover } from "./chunk-remover.ts";
import type { Client } from "./client.ts";
import type { DataPlane } from "./data-plane.ts";
import { ADDED_BYTES_MAX, type ResponseChanges, writeResponse } from "./head-rewrite.ts";
import { REQUEST_ID_BYTES_MAX } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { documentAnswer, writeOwnAnswer } from "./own-answer.ts";
import type { Wire } from "./wire.ts";

/** The rest of a refused request's body up to this is read and dropped; above it, closing is cheaper for both. */
const SWALLOW_BYTES_MAX = 64 * 1024;
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n", "latin1");

/**
 * The way back of one exchange: interim answers, then one final one, from the instance or of our own. It knows what the
 * client asked for, which decides how the answer is framed and whether the connection goes on after it.
 */
export class Answer implements ResponseChanges {
  /** Who gets it. */
  client!: Client;
  /** The member that answers for a group; null for a service's own address. */
  memberLine: Buffer | null = null;
  isClosing = false;
  isKeepAliveSaid = false;
  isDechunked = false;
  isUpgraded = false;
  /** A head of the final answer went to the client. */
  isStarted = false;
  status = 0;
  /** For a 429 of our own. */
  retryAfterS = 1;
  /** Where the bytes sent are counted; null before the service is known. */
  meter: Meter | null = null;
  /** Gets the content of the instance's answer as well, to compare it with others; null when nobody does. */
  capture: ContentSink | null = null;
  /** Where the instance's bytes come from: it waits while the client cannot take more. */
  source: Wire | null = null;
  readonly #plane: DataPlane;
  readonly #chunkRemover = new ChunkRemover();
  #isHead = false;
  #isHttp10 = false;
  /** The client wants to go on after this answer. */
  #isKeepAlive = false;
  /** The client waits for a 100 before it sends the body. */
  #isContinueOwed = false;

  constructor(plane: DataPlane) {
    this.#plane = plane;
  }

  /** For the request of `head`, with or without bytes of its body here. */
  expect(head: MessageHead, isBodyHere: boolean): void {
    this.#reset();
    this.#isKeepAlive = head.isKeepAlive;
    this.#isHttp10 = head.versionMinor === 0;
    this.#isHead = head.method === METHOD.HEAD;
    this.#isContinueOwed = head.isContinueExpected && !isBodyHere && !this.#isHttp10;
  }

  /** For bytes that are no request. */
  expectNothing(): void {
    this.#reset();
    this.#isKeepAlive = this.#isHttp10 = this.#isHead = this.#isContinueOwed = false;
  }

  #reset(): void {
    this.memberLine = null;
    this.meter = null;
    this.isStarted = false;
  }

  /** Field lines of our own that go with the answer, whatever that is. */
  addLines(lines: Buffer): void {
    this.memberLine = this.memberLine === null ? lines : Buffer.concat([this.memberLine, lines]);
  }

  /** Whatever the client wanted: the connection ends with this answer. */
  willClose(): void {
    this.#isKeepAlive = false;
  }

  /** The request is welcome: a client that waits for that word gets it. */
  welcome(): void {
    if (!this.#isContinueOwed) return;
    this.#isContinueOwed = false;
    this.client.wire.write(CONTINUE, 0, CONTINUE.length, null);
  }

  /** An interim answer. 100 was given by us already, and HTTP/1.0 knows none. */
  inform(head: MessageHead, buf: Buffer, from: number): void {
    if (this.#isHttp10 || head.status === 100) return;
    const out = takeBuffer(head.fieldsTo - from + ADDED_BYTES_MAX);
    this.isClosing = this.isKeepAliveSaid = this.isDechunked = false;
    this.#send(out, writeResponse(out, head, buf, from, this));
  }

  /** The 101 that the instance said: the last of HTTP on these connections. */
  switchProtocols(head: MessageHead, buf: Buffer, from: number): void {
    const out = takeBuffer(head.fieldsTo - from + ADDED_BYTES_MAX);
    this.isClosing = this.isKeepAliveSaid = this.isDechunked = false;
    this.isUpgraded = true;
    this.#send(out, writeResponse(out, head, buf, from, this));
    this.isUpgraded = false;
  }

  /**
   * The final answer: its head in `buf[from..bodyFrom)`, and body up to `to`. Returns what `body.advance` says of it.
   * `isRequestDone`: all of the request was handed on. If not, nobody will wait for the rest, so the connection ends.
   */
  start(
    head: MessageHead,
    buf: Buffer,
    from: number,
    bodyFrom: number,
    to: number,
    body: MessageBody,
    isRequestDone: boolean,
  ): number {
    body.sink = this.capture;
    body.startResponse(head, this.#isHead);
    this.isStarted = true;
    this.status = head.status;
    this.isDechunked = this.#isHttp10 && head.isChunked;
    const isEndless = body.isUntilClose || this.isDechunked;
    this.isClosing = !this.#isKeepAlive || this.#plane.isDraining || isEndless || !isRequestDone;
    this.isKeepAliveSaid = this.#isHttp10 && !this.isClosing;
    const out = takeBuffer(to - from + ADDED_BYTES_MAX);
    const bodyAt = writeResponse(out, head, buf, from, this);
    let end = bodyFrom;
    let outTo = bodyAt;
    if (this.isDechunked && !body.isDone) {
      end = this.#removeChunks(out, bodyAt, buf, bodyFrom, to, body);
      outTo = this.#chunkRemover.take();
    } else if (!body.isDone) {
      end = body.advance(buf, bodyFrom, to);
      outTo += buf.copy(out, bodyAt, bodyFrom, end >= 0 ? end : to);
    }
    this.#send(out, outTo);
    return end;
  }

  /** More of the final answer's body. Returns what `body.advance` says of it. */
  pass(buf: Buffer, to: number, body: MessageBody): number {
    if (this.isDechunked) {
      const out = takeBuffer(to);
      const end = this.#removeChunks(out, 0, buf, 0, to, body);
      this.#send(out, this.#chunkRemover.take());
      return end;
    }
    const end = body.advance(buf, 0, to);
    if (end === BODY_BROKEN) return end;
    const pieceTo = end >= 0 ? end : to;
    this.meter!.bytesOut += pieceTo;
    if (!this.client.wire.pass(buf, 0, pieceTo)) this.source!.pause();
    return end;
  }

  #removeChunks(out: Buffer, at: number, buf: Buffer, from: number, to: number, body: MessageBody): number {
    this.#chunkRemover.writeTo(out, at);
    body.sink = this.#chunkRemover;
    return body.advance(buf, from, to);
  }

  /** Sends `out[0..to)` and gives it back; the source waits while the client cannot take it. */
  #send(out: Buffer, to: number): void {
    this.meter!.bytesOut += to;
    if (!this.client.wire.write(out, 0, to, out)) this.source!.pause();
  }

  /** Writes a final answer of our own. */
  giveOwn(reason: DataPathReason, requestId: string, text?: string): void {
    const { client } = this;
    this.status = DATA_PATH_REASONS[reason].status;
    this.#decideClosing();
    const out = takeBuffer(ADDED_BYTES_MAX + REQUEST_ID_BYTES_MAX);
    const to = writeOwnAnswer(out, reason, text, {
      nowMs: this.#plane.clock.now(),
      requestId,
      member: this.memberLine,
      isClosing: this.isClosing,
      isKeepAliveSaid: this.#isHttp10 && !this.isClosing,
      isHead: this.#isHead,
      retryAfterS: this.retryAfterS,
    });
    if (this.meter !== null) this.meter.bytesOut += to;
    client.wire.write(out, 0, to, out);
  }

  /** Writes a 200 of our own, with this JSON. */
  giveDocument(json: string, requestId: string): void {
    this.status = 200;
    this.#decideClosing();
    const out = documentAnswer(json, {
      nowMs: this.#plane.clock.now(),
      requestId,
      isClosing: this.isClosing,
      isKeepAliveSaid: this.#isHttp10 && !this.isClosing,
      isHead: this.#isHead,
    });
    this.client.wire.write(out, 0, out.length, null);
  }

  /** Whether the connection ends with an answer of our own, which may come before the end of the request's body. */
  #decideClosing(): void {
    // Whether a client sends a body after an answer in place of the 100 that it waits for, nobody knows.
    const canSwallow = !this.#isContinueOwed && this.client.bodyBytesLeft <= SWALLOW_BYTES_MAX;
    this.isClosing = !this.#isKeepAlive || this.#plane.isDraining || !canSwallow;
  }
}
