import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { BODY_MORE, MessageBody } from "../http1/message-body.ts";
import { MessageHead, NEED_MORE } from "../http1/message-head.ts";
import { findHeadEnd } from "../http1/request-head.ts";
import { parseResponseHead } from "../http1/response-head.ts";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Exchange } from "./exchange.ts";
import type { FirstBytes } from "./first-bytes.ts";
import { Held } from "./held.ts";
import type { Instance } from "./instance.ts";
import { LONG_BODY_BYTES, LONG_READ_BYTES, UPSTREAM_IDLE_COUNT_MAX } from "./limits.ts";
import { Wire } from "./wire.ts";
import type { WireOwner } from "./wire-owner.ts";

/** Every answer's head is read and rewritten before the next byte is looked at, so one object serves all connections. */
const head = new MessageHead();

const IDLE = 0;
const HEAD = 1;
const BODY = 2;
const OVER = 3;

/**
 * One connection to an instance, with at most one request on it. Idle: any byte, or the end, makes it useless. In a head: heads of
 * 1xx pass, then the final one. In a body: bytes pass as they are until the framing says it ended. Then idle again, or over.
 */
export class Upstream implements WireOwner {
  readonly instance: Instance;
  readonly wire: Wire = new Wire(this);
  /** A request was answered on it before: it may have been closed by the other side without our knowing yet. */
  isReused = false;
  isConnected = false;
  /** The instance lives, but its queue of new connections was full: a unix socket says so at once (EAGAIN, connect(2)). */
  isCrowded = false;
  /** When the connection was started, and when it last became idle or moved bytes; monotonic ms. */
  readonly startedMs: number;
  movedMs: number;
  readonly body = new MessageBody();
  readonly #plane: DataPlane;
  readonly #held = new Held();
  #state = IDLE;
  #exchange: Exchange | null = null;
  #isKeepAlive = false;

  constructor(instance: Instance, plane: DataPlane) {
    this.instance = instance;
    this.#plane = plane;
    this.startedMs = plane.nowMs;
    this.movedMs = plane.nowMs;
    this.wire.connect(instance.address);
  }

  /** Sends a request's first bytes. False when the connection turned out to be dead: then nothing of it was taken. */
  start(exchange: Exchange, first: FirstBytes): boolean {
    this.#exchange = exchange;
    this.#state = HEAD;
    this.movedMs = this.#plane.nowMs;
    first.isTaken = this.wire.write(first.buffer!, 0, first.length, null);
    if (!this.wire.isBroken) return true;
    this.abandon();
    return false;
  }

  /** Lets go of the request, if any, and closes. */
  abandon(): void {
    this.#exchange = null;
    this.close();
  }

  close(): void {
    this.#state = OVER;
    this.#held.drop();
    this.wire.destroy();
  }

  connected(): void {
    this.isConnected = true;
    this.instance.reached();
    // Only a probe is connected without a request.
    if (this.#state === IDLE) this.instance.idle.push(this);
  }

  flushed(): void {
    this.movedMs = this.#plane.nowMs;
    this.#exchange?.upstreamFlushed();
  }

  ended(): void {
    if (this.#state === BODY && this.body.isUntilClose) this.#finish(false);
    else this.#fail();
  }

  gone(error: Error | null): void {
    this.isCrowded = !this.isConnected && (error as NodeJS.ErrnoException | null)?.code === "EAGAIN";
    this.#fail();
  }

  /** The connection is of no more use; whoever waits for it is told. */
  #fail(): void {
    const exchange = this.#exchange;
    const wasIdle = this.#state === IDLE;
    if (this.#state === OVER) return;
    if (wasIdle && !this.isConnected) this.#probeFailed();
    this.abandon();
    if (wasIdle) {
      const { idle } = this.instance;
      const index = idle.lastIndexOf(this);
      if (index !== -1) idle.splice(index, 1);
    }
    exchange?.upstreamFailed(this);
  }

  #probeFailed(): void {
    // Whoever turns connections away because of too many others lives.
    if (this.isCrowded) this.instance.reached();
    else this.instance.suspect(this.#plane.nowMs, this.#plane.times.suspectMs);
  }

  /** A probe that was not answered in time. */
  fail(): void {
    this.#fail();
  }

  /** It is of no more use. */
  get isOver(): boolean {
    return this.#state === OVER;
  }

  bytes(buf: Buffer, to: number): void {
    this.movedMs = this.#plane.nowMs;
    if (this.#state === HEAD) this.#headBytes(buf, to);
    else if (this.#state === BODY) this.#passed(this.#exchange!.passAnswer(buf, to, this.body), to);
    // Bytes that answer nothing: the next answer could not be told from them.
    else if (this.#state === IDLE) this.#fail();
  }

  #headBytes(buf: Buffer, to: number): void {
    if (this.#held.isEmpty) {
      const left = this.#heads(buf, 0, to);
      if (left !== -1) this.#held.add(buf, left, to);
      return;
    }
    const searchFrom = Math.max(0, this.#held.length - 3);
    this.#held.add(buf, 0, to);
    const { buffer, length } = this.#held;
    if (findHeadEnd(buffer, searchFrom, length) === -1 && length < HEAD_BYTES_MAX) return;
    const left = this.#heads(buffer, 0, length);
    if (left === -1) this.#held.drop();
    else this.#held.keepFrom(left);
  }

  /** Reads heads, and the first of a body. Returns where an unfinished head starts; -1 when all is used. */
  #heads(buf: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      const exchange = this.#exchange!;
      const bodyFrom = parseResponseHead(head, buf, at, to);
      if (bodyFrom === NEED_MORE) return at;
      if (head.status === 101 && bodyFrom > 0 && exchange.mayTunnel(head, buf)) {
        this.#exchange = null;
        this.#state = OVER;
        exchange.startTunnel(head, buf, at, bodyFrom, to, this.wire);
        return -1;
      }
      // A 101 that nobody asked for is as wrong as bad HTTP.
      if (bodyFrom < 0 || head.status === 101) {
        this.#fail();
        return -1;
      }
      if (head.status < 200) {
        exchange.passInformational(head, buf, at);
        at = bodyFrom;
        continue;
      }
      this.#isKeepAlive = head.isKeepAlive;
      this.#state = BODY;
      this.#passed(exchange.startAnswer(head, buf, at, bodyFrom, to, this.body), to);
      return -1;
    }
    return -1;
  }

  /** After bytes of the body went on: `end` is what the framing said. */
  #passed(end: number, to: number): void {
    // The exchange may have ended on the way: its client was found to be gone.
    if (this.#state !== BODY) return;
    if (end >= 0) this.#finish(end === to);
    else if (end === BODY_MORE) this.#chooseRead();
    else this.#fail();
  }

  /** Long bodies are read in large pieces into a buffer of their own, and never beyond their end. */
  #chooseRead(): void {
    const { wire, body } = this;
    if (!wire.hasReadBuffer) return;
    const ahead = body.bytesAhead;
    if (ahead >= LONG_BODY_BYTES) {
      if (wire.longRead === null) wire.readInto(takeBuffer(LONG_READ_BYTES), ahead);
      else if (ahead < LONG_READ_BYTES) wire.readInto(wire.longRead, ahead);
    } else this.#endLongRead();
  }

  #endLongRead(): void {
    const long = this.wire.readShared();
    if (long !== null && !this.#exchange!.isClientPending) giveBuffer(long);
  }

  /** The answer is complete. `isClean`: nothing came behind it. */
  #finish(isClean: boolean): void {
    const exchange = this.#exchange!;
    const { instance } = this;
    this.#endLongRead();
    this.#exchange = null;
    const isRoom = instance.idle.length < UPSTREAM_IDLE_COUNT_MAX;
    if (
      isClean &&
      this.#isKeepAlive &&
      exchange.isRequestDone &&
      instance.isNamed &&
      isRoom &&
      !this.wire.isPending
    ) {
      this.#state = IDLE;
      this.isReused = true;
      // A client that is slow to take the answer paused this connection; the next one must not wait for it.
      this.wire.resume();
      instance.idle.push(this);
    } else this.close();
    exchange.answerEnded();
  }
}
