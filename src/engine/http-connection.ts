import type { Socket } from "node:net";
import { Md5 } from "../base/message-digest.ts";
import type { DataPathReason } from "../core/errors.ts";
import { DATA_PATH_REASONS } from "../core/errors.ts";
import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { BODY_MORE } from "../http1/message-body.ts";
import { headError, METHOD, MessageHead, NEED_MORE } from "../http1/message-head.ts";
import { findHeadEnd, parseRequestHead } from "../http1/request-head.ts";
import type { Admission } from "./admission.ts";
import { BodyDecoder } from "./decompression/body-decoder.ts";
import { type Exchange, Payload, type WorkerSlots } from "./exchange.ts";
import { FRAME } from "./frames.ts";
import { HeldBody } from "./held-body.ts";
import type { ActiveRequest, ClientConnection, HttpFront } from "./http-front.ts";
import { isPreface } from "./inference-protocol/connection.ts";
import { FRONT, isRoot, writeFront } from "./request-front.ts";
import {
  composeHead,
  composeResponse,
  rateLimitedFields,
  reasonFields,
  reasonText,
  withQueueTime,
} from "./responses.ts";
import { StreamedBody } from "./streamed-body.ts";

const NOTHING = Buffer.alloc(0);
const CONTINUE = Buffer.from("HTTP/1.1 100 Continue\r\n\r\n");

/** The one head of the process: what it says is used up before the next bytes are looked at. */
const head = new MessageHead();

/** What refusals of bodies say beyond their reason's own text. */
const REFUSED_BODIES = {
  QUEUE_FULL: "the bodies of waiting requests use up their allowance",
  BAD_REQUEST: "the chunked body is broken",
  BODY_TOO_LARGE: undefined,
};

/** Between requests, or with a part of a head. */
const HEAD = 0;
/** The body is being gathered. */
const BODY = 1;
/** The request waits in the queue or is with a worker. */
const WAITING = 2;
/** Its answer goes out in parts. */
const STREAMING = 3;
/** Answered for good: what still comes is dropped until the peer closes or the linger time is over. */
const LINGERING = 4;
const CLOSED = 5;

/**
 * One connection of a client. It serves one request after the other; bytes of later (pipelined) requests are kept
 * until the answer is written. All fields of the request in hand live here, so a request allocates next to nothing.
 */
export class HttpConnection implements Exchange, ActiveRequest, ClientConnection {
  queueNext: Exchange | null = null;
  queuePrevious: Exchange | null = null;
  isQueued = false;
  queuedAt = 0;
  worker: WorkerSlots | null = null;
  workerRequestId = 0;
  readonly payload = new Payload();

  /** Requests in the order of their start, kept by the front. */
  activeNext: ActiveRequest | null = null;
  activePrevious: ActiveRequest | null = null;
  /** When the first byte of the request came, monotonic ms; 0 between requests. */
  startedAt = 0;
  /** Last sign of life, or start of lingering, monotonic ms, coarse. */
  quietSince: number;

  readonly #http: HttpFront;
  readonly #socket: Socket;
  readonly #admission: Admission;
  #state = HEAD;
  #rest: Buffer | null = null;
  readonly #held: HeldBody;
  /** Null: bodies are handed on as they come. */
  readonly #decoder: BodyDecoder | null;
  #isKeepAlive = true;
  #isHeadMethod = false;
  #isPaused = false;
  /** When the request began to wait in the queue, monotonic ms, and how long it did; only gateways are told. */
  #queuedAt = 0;
  #queueUs = 0;
  /** The client can take chunks: it speaks HTTP/1.1. */
  #isChunkable = true;
  /** The answer that goes out in parts; kept from one to the next. */
  #stream: StreamedBody | null = null;
  /** What a signed body is to be checked against; null when it is not. */
  #bodyMd5: string | null = null;

  constructor(http: HttpFront, socket: Socket, admission: Admission) {
    this.#http = http;
    this.#socket = socket;
    this.#admission = admission;
    this.#held = new HeldBody(http.allowance);
    const { decompressor, allowance } = http;
    const { bodyBytesMax } = http.limits;
    this.#decoder = decompressor === null ? null : new BodyDecoder(decompressor, { bodyBytesMax, allowance });
    this.quietSince = http.coarseNow;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#data(chunk));
    socket.on("end", () => this.#gone());
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => this.#gone());
    socket.on("drain", () => this.#drained());
  }

  /** It lingers after its last answer, or rests without a request, longer than it may. */
  isOverdue(now: number): boolean {
    const { lingerMs, idleConnectionMs } = this.#http.limits;
    const quietMs = now - this.quietSince;
    if (this.#state === LINGERING && !this.hasUnsent) return quietMs > lingerMs;
    return this.startedAt === 0 && quietMs > idleConnectionMs;
  }

  /** Answers that the client has not taken yet. */
  get hasUnsent(): boolean {
    return this.#socket.writableLength > 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Its next answer says so. */
  leave(): void {}

  #data(chunk: Buffer): void {
    if (this.#rest === null) this.#consume(chunk, 0, chunk.length);
    else if (this.#state === WAITING || this.#state === STREAMING) this.#keep(chunk);
    else this.#continueHead(this.#rest, chunk);
  }

  /** Parsing again at each byte of a slow head would be quadratic work: only a complete one is looked at, or one too long. */
  #continueHead(before: Buffer, chunk: Buffer): void {
    const bytes = Buffer.concat([before, chunk]);
    const end = findHeadEnd(bytes, Math.max(0, before.length - 3), bytes.length);
    this.#rest = end === -1 && bytes.length < HEAD_BYTES_MAX ? bytes : null;
    if (this.#rest === null) this.#consume(bytes, 0, bytes.length);
  }

  /** Works on `buf[from..to)` as far as the state allows, and keeps the rest. */
  #consume(buf: Buffer, from: number, to: number): void {
    let at = from;
    for (;;) {
      switch (this.#state) {
        case HEAD: {
          if (at === to) return;
          if (this.startedAt === 0) this.#http.began(this);
          const end = parseRequestHead(head, buf, at, to);
          if (end === NEED_MORE) {
            this.#rest = Buffer.from(buf.subarray(at, to));
            return;
          }
          if (end < 0) {
            if (this.#isHttp2(buf, at, to)) return;
            const { status, text } = headError(end);
            this.#refuse(status === 431 ? "HEAD_TOO_LARGE" : "BAD_REQUEST", text, status);
            return;
          }
          at = this.#headDone(buf, end, to);
          break;
        }
        case BODY: {
          const end = this.#held.advance(buf, at, to);
          if (end === BODY_MORE) return;
          if (end < 0) {
            const reason = this.#held.refusal(end);
            this.#refuse(reason, REFUSED_BODIES[reason]);
            return;
          }
          at = end;
          const body = this.#held.take();
          if (!this.#isBody(body, 0, body.length)) {
            this.#refuse("BODY_DIGEST_MISMATCH");
            return;
          }
          this.payload.body = body;
          this.payload.to = body.length;
          this.#bodyDone();
          break;
        }
        case WAITING:
        case STREAMING:
          if (at < to) this.#keep(buf.subarray(at, to));
          return;
        default:
          return;
      }
    }
  }

  /** What the parser refused at the very start of the connection may be the preface of HTTP/2: then another takes over. */
  #isHttp2(buf: Buffer, at: number, to: number): boolean {
    if (!this.#http.hasGrpc || this.#socket.bytesRead !== to - at || !isPreface(buf, at, to)) return false;
    this.#release();
    this.#state = CLOSED;
    this.#http.serveHttp2(this, this.#socket, Buffer.from(buf.subarray(at, to)), this.#admission);
    return true;
  }

  /** The head in `head` is complete; its body starts at `at`. Returns where to go on. */
  #headDone(buf: Buffer, at: number, to: number): number {
    this.#isKeepAlive = head.isKeepAlive && head.versionMinor === 1;
    this.#isHeadMethod = head.method === METHOD.HEAD;
    this.#isChunkable = head.versionMinor === 1;
    const path = this.#admission.check(head, buf);
    if (typeof path === "string") {
      this.#refuse(path);
      return at;
    }
    this.#bodyMd5 = this.#admission.bodyMd5;
    if (!this.#admission.isForGateways) this.#http.directAt = this.startedAt;
    const waitMs = this.#http.limiter?.take(this.startedAt) ?? 0;
    if (waitMs > 0) {
      this.#refuse("RATE_LIMITED", "metadata.rpc.rate_limit", 429, rateLimitedFields(waitMs));
      return at;
    }
    const length = head.isChunked ? -1 : Math.max(0, head.contentLength);
    const isRead = head.method === METHOD.GET || this.#isHeadMethod;
    if (isRead && length === 0 && isRoot(buf, path, head.targetTo)) {
      this.payload.set(FRAME.DESCRIBE, NOTHING, 0, NOTHING, 0, 0);
      this.#submit();
      return at;
    }
    const frontBytes = writeFront(head, buf, path, this.#decoder !== null);
    if (length >= 0 && at + length <= to) {
      if (!this.#isBody(buf, at, at + length)) {
        this.#refuse("BODY_DIGEST_MISMATCH");
        return at;
      }
      this.payload.set(FRAME.REQUEST, FRONT, frontBytes, buf, at, at + length);
      this.#bodyDone();
      return at + length;
    }
    if (!this.#held.start(head, this.#http.limits.bodyBytesMax)) {
      this.#refuse("QUEUE_FULL", REFUSED_BODIES.QUEUE_FULL);
      return at;
    }
    this.payload.set(FRAME.REQUEST, FRONT, frontBytes, NOTHING, 0, 0).own();
    this.#state = BODY;
    if (head.isContinueExpected && at === to) this.#socket.write(CONTINUE);
    return at;
  }

  /** The body is the signed one, or none was signed. */
  #isBody(buf: Buffer, from: number, to: number): boolean {
    if (this.#bodyMd5 === null) return true;
    const md5 = new Md5();
    md5.add(buf, from, to);
    return md5.isHex(this.#bodyMd5);
  }

  /** The payload has the whole body, as the client sent it. An empty one is not compressed in any format. */
  #bodyDone(): void {
    const { payload } = this;
    if (this.#decoder === null || payload.from === payload.to) {
      this.#submit();
      return;
    }
    this.#state = WAITING;
    payload.own();
    this.#decoder.start(payload.body.subarray(payload.from, payload.to), (result) => {
      if (!Buffer.isBuffer(result)) {
        this.#refuse(result.reason, result.detail);
        return;
      }
      payload.body = result;
      payload.from = 0;
      payload.to = result.length;
      this.#submit();
    });
  }

  #submit(): void {
    this.#state = WAITING;
    if (this.#http.isStopped) this.#refuse("INSTANCE_DRAINING");
    else if (!this.#http.dispatcher.submit(this)) this.#refuse("QUEUE_FULL");
    else if (this.isQueued && this.#admission.isForGateways) this.#queuedAt = this.#http.now();
  }

  leftQueue(): void {
    if (this.#queuedAt !== 0)
      this.#queueUs = Math.max(1, Math.round((this.#http.now() - this.#queuedAt) * 1000));
  }

  /** Keeps bytes of later requests; stops reading when they are many. */
  #keep(bytes: Buffer): void {
    this.#rest = this.#rest === null ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    if (this.#rest.length < this.#http.limits.pipelinedBytesMax || this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  answered(status: number, headText: string, buf: Buffer, from: number, to: number): void {
    this.#respond(status, this.#http.heads.fields(headText), buf, from, to, this.#isKeepAlive);
  }

  began(status: number, headText: string, buf: Buffer, from: number, to: number): void {
    if (this.#state !== WAITING) return;
    const hasNoBody = status === 204 || status === 304;
    if (hasNoBody) {
      this.#http.dispatcher.withdraw(this);
      this.answered(status, headText, buf, to, to);
      return;
    }
    const goesOn = this.#isKeepAlive && !this.#http.isDraining;
    const fields = this.#withTimes(this.#http.heads.fields(headText));
    const answer = composeHead(status, fields, this.#isChunkable, goesOn, this.#http.wallNow());
    if (this.#isHeadMethod) {
      this.#http.dispatcher.withdraw(this);
      this.#release();
      this.#finish(goesOn, this.#socket.write(answer));
      return;
    }
    this.#state = STREAMING;
    this.#isKeepAlive = goesOn;
    this.#held.release(); // the worker has the request's body; an answer may take hours
    this.#decoder?.release();
    this.#stream ??= new StreamedBody(this.#socket, (bytes) => this.worker?.credit(this, bytes));
    this.#stream.begin(answer, this.#isChunkable, buf, from, to);
  }

  part(buf: Buffer, from: number, to: number): void {
    if (this.#state === STREAMING) this.#stream!.part(buf, from, to);
  }

  completed(why: string | null): void {
    if (this.#state !== STREAMING) return;
    if (why !== null) {
      this.#cut(why);
      return;
    }
    const isTaken = this.#stream!.end();
    this.#release();
    this.#finish(this.#isKeepAlive, isTaken);
  }

  /** The client must not take what it has for the whole: its connection ends without the last chunk. */
  #cut(why: string): void {
    this.#http.tell(`an answer in parts broke off: ${why}`);
    // Without chunks an orderly end would say that it is complete. Gateways, over a unix socket, speak HTTP/1.1.
    if (!this.#isChunkable && !this.#admission.isForGateways) this.#socket.resetAndDestroy();
    this.#gone();
  }

  refused(status: number, message: Buffer): void {
    this.#respond(status, reasonFields("PROCESSOR_REFUSED"), message, 0, message.length, this.#isKeepAlive);
  }

  workerDied(): void {
    if (this.#state === STREAMING) this.#cut("the processor worker died");
    else this.#refuse("WORKER_DIED");
  }

  get deadlineMs(): number {
    return this.startedAt + this.#http.keepaliveMs;
  }

  /** The request has taken longer than it may. */
  expire(): void {
    if (this.#state === STREAMING) {
      if (this.#stream!.hasMoved()) this.#http.renewed(this);
      else this.#cut(`nothing of it moved for ${this.#http.keepaliveMs} ms (metadata.rpc.keepalive)`);
      return;
    }
    this.#http.dispatcher.withdraw(this);
    this.#refuse("KEEPALIVE_EXCEEDED");
  }

  /** The instance ends before this request could be answered. */
  giveUp(): void {
    if (this.#state === STREAMING) {
      this.#cut("the instance is stopping");
      return;
    }
    this.#http.dispatcher.withdraw(this);
    this.#refuse("INSTANCE_DRAINING");
  }

  /** An answer of the engine's own; the connection ends with it, as what follows may be a body that nobody reads. */
  #refuse(reason: DataPathReason, detail?: string, status?: number, fields = reasonFields(reason)): void {
    const text = reasonText(reason, detail);
    const code = status ?? DATA_PATH_REASONS[reason].status;
    this.#respond(code, fields, text, 0, text.length, false);
  }

  #respond(
    status: number,
    fields: Buffer,
    body: Buffer,
    from: number,
    to: number,
    isKeepAlive: boolean,
  ): void {
    if (this.#state >= LINGERING) return;
    const goesOn = isKeepAlive && !this.#http.isDraining;
    const told = this.#withTimes(fields);
    const answer = composeResponse(
      status,
      told,
      body,
      from,
      to,
      this.#isHeadMethod,
      goesOn,
      this.#http.wallNow(),
    );
    this.#release();
    let isTaken = this.#socket.write(answer.head);
    if (answer.body !== null) isTaken = this.#socket.write(answer.body);
    this.#finish(goesOn, isTaken);
  }

  /** The fields, and for a gateway how long the request waited. */
  #withTimes(fields: Buffer): Buffer {
    return this.#queueUs === 0 ? fields : withQueueTime(fields, this.#queueUs);
  }

  /** The answer is written. `isTaken`: the client has taken it, or soon will. */
  #finish(goesOn: boolean, isTaken: boolean): void {
    if (!goesOn) {
      this.#state = LINGERING;
      this.#rest = null;
      if (this.#isPaused) this.#socket.resume();
      this.#socket.end();
      return;
    }
    this.#state = HEAD;
    if (isTaken) {
      this.#resume();
    } else if (!this.#isPaused) {
      // The client does not read: it gets no further answers until it does.
      this.#isPaused = true;
      this.#socket.pause();
    }
  }

  #drained(): void {
    if (this.#state === STREAMING) this.#stream!.drained();
    else this.#resume();
  }

  /** Goes on with what was kept, and reads again. */
  #resume(): void {
    if (this.#state !== HEAD || this.#socket.writableNeedDrain) return;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    const rest = this.#rest;
    if (rest === null || this.startedAt !== 0) return;
    this.#rest = null;
    this.#consume(rest, 0, rest.length);
  }

  /** The request in hand is over, one way or the other. */
  #release(): void {
    this.quietSince = this.#http.coarseNow;
    if (this.startedAt !== 0) this.#http.ended(this);
    this.#held.release();
    this.#decoder?.release();
    this.payload.clear();
    this.#queuedAt = this.#queueUs = 0;
  }

  #gone(): void {
    if (this.#state === CLOSED) return;
    if (this.#state === WAITING || this.#state === STREAMING) this.#http.dispatcher.withdraw(this);
    this.#release();
    this.#state = CLOSED;
    this.#rest = null;
    this.#socket.destroy();
    this.#http.closed(this);
  }
}
