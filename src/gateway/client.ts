import type { Socket } from "node:net";
import { CR, LF } from "../http1/chars.ts";
import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { BODY_BROKEN, BODY_MORE, MessageBody } from "../http1/message-body.ts";
import {
  BAD_VERSION,
  HEAD_TOO_LARGE,
  headError,
  MessageHead,
  NEED_MORE,
  TOO_MANY_FIELDS,
} from "../http1/message-head.ts";
import { findHeadEnd, parseRequestHead } from "../http1/request-head.ts";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import type { ClientOrigin } from "./client-origin.ts";
import type { Connection } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Exchange } from "./exchange.ts";
import { Held } from "./held.ts";
import { prefaceIn, serveHttp2 } from "./http2-front.ts";
import { LONG_BODY_BYTES, LONG_READ_BYTES, PIPELINE_BYTES_MAX } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { Pace } from "./pace.ts";
import { Tunnel } from "./tunnel.ts";
import { Wire } from "./wire.ts";
import type { WireOwner } from "./wire-owner.ts";

/** A head is used up before anything else is read, so one object serves all connections. */
const head = new MessageHead();

// HEAD: a request's head is awaited. BODY: its body goes on, to the instance or, when it was answered already, nowhere.
// ANSWER: all of it is here; its answer is awaited, or has yet to leave. LINGER: we have closed; what comes is dropped.
// TUNNEL: no HTTP any more; the connection belongs to its tunnel.
const HEAD = 0;
const BODY = 1;
const ANSWER = 2;
const LINGER = 3;
const TUNNEL = 4;

/**
 * One client connection. It cuts the byte stream into requests and works on one at a time, so answers leave in the order of
 * the requests. Bytes of later requests are held up to a bound; above it the client is not read.
 */
export class Client implements WireOwner, Connection {
  readonly wire: Wire = new Wire(this);
  readonly #plane: DataPlane;
  /** Has the request in hand; null: there is none. */
  #exchange: Exchange | null = null;
  readonly #body = new MessageBody();
  readonly #held = new Held();
  #state = HEAD;
  /** Last byte either way, first byte of an unfinished head, and closing; monotonic ms. */
  #movedMs: number;
  #sinceMs: number;
  /** `#consume` is running further up the stack and goes on by itself. */
  #isConsuming = false;
  /** The answer is complete but the client has not taken it all. */
  #isFlushing = false;
  #isUpstreamFull = false;
  readonly #origin: ClientOrigin;
  #bytesRead = 0;
  /** Made when the client is waited for at a sweep. */
  #sendPace: Pace | null = null;
  #takePace: Pace | null = null;
  #tunnel: Tunnel | null = null;

  constructor(socket: Socket, plane: DataPlane, address: string) {
    this.#plane = plane;
    this.#movedMs = plane.nowMs;
    this.#sinceMs = plane.nowMs;
    this.#origin = plane.addresses.originOf(address);
    plane.clients.add(this);
    this.wire.adopt(socket);
  }

  /** No request is on it, or on its way as far as we can see. */
  get isIdle(): boolean {
    return this.#state === HEAD && this.#held.isEmpty;
  }

  /** It has sent more than its request. */
  get isAhead(): boolean {
    return !this.#held.isEmpty;
  }

  /** Bytes of the request's body still to come. */
  get bodyBytesLeft(): number {
    return this.#body.bytesLeft;
  }

  /** Last byte either way; monotonic ms. */
  get movedMs(): number {
    return this.#movedMs;
  }

  /** It is the client that everybody waits for: the body is unfinished, and we would read it. */
  get isOwing(): boolean {
    return this.#state === BODY && !this.#isUpstreamFull;
  }

  bytes(buf: Buffer, to: number): void {
    this.#movedMs = this.#plane.nowMs;
    this.#bytesRead += to;
    if (this.#state === LINGER) return;
    if (this.#held.isEmpty) {
      this.#isConsuming = true;
      const left = this.#consume(buf, 0, to);
      this.#isConsuming = false;
      if (left < to) this.#hold(buf, left, to);
      if (this.#state === BODY) this.#chooseRead();
      else if (this.wire.longRead !== null) this.#endLongRead();
      return;
    }
    const searchFrom = Math.max(0, this.#held.length - 3);
    this.#hold(buf, 0, to);
    if (this.#state !== HEAD) return;
    // A head that comes byte by byte is searched for its end, not parsed again and again.
    const { buffer, length } = this.#held;
    if (length >= HEAD_BYTES_MAX || findHeadEnd(buffer, searchFrom, length) !== -1) this.#consumeHeld();
  }

  #hold(buf: Buffer, from: number, to: number): void {
    if (this.#held.isEmpty) this.#sinceMs = this.#plane.nowMs;
    this.#held.add(buf, from, to);
    this.#steerReading();
  }

  #consumeHeld(): void {
    const { buffer, length } = this.#held;
    this.#isConsuming = true;
    const left = this.#consume(buffer, 0, length);
    this.#isConsuming = false;
    this.#held.keepFrom(left);
    this.#sinceMs = this.#plane.nowMs;
    this.#steerReading();
  }

  /** Works through `buf[from..to)` as far as it can. Returns where the bytes begin that have to wait. */
  #consume(buf: Buffer, from: number, to: number): number {
    let at = from;
    while (at < to) {
      if (this.#state === HEAD) {
        // Old clients end a body with an empty line (RFC 9112 §2.2): that begins no head, which would be timed.
        if (buf[at] === CR && at + 1 < to && buf[at + 1] === LF) {
          at += 2;
          continue;
        }
        const bodyFrom = parseRequestHead(head, buf, at, to);
        if (bodyFrom === NEED_MORE) return at;
        if (bodyFrom < 0) {
          const preface = at === 0 && this.#bytesRead === to ? prefaceIn(buf, to) : "none";
          if (preface === "part") return at;
          if (preface === "whole") this.#becomeHttp2(buf, to);
          else this.#refuse(bodyFrom);
          return to;
        }
        at = this.#request(buf, at, bodyFrom, to);
      } else if (this.#state === BODY) {
        at = this.#bodyPiece(buf, at, to);
      } else {
        return this.#state === LINGER ? to : at;
      }
    }
    return to;
  }

  #request(buf: Buffer, from: number, bodyFrom: number, to: number): number {
    const body = this.#body;
    body.startRequest(head);
    const end = body.advance(buf, bodyFrom, to);
    if (end === BODY_BROKEN) {
      this.#begun().refuse("BAD_REQUEST", "the chunks of the body are broken");
      return to;
    }
    const isDone = end !== BODY_MORE;
    const pieceTo = isDone ? end : to;
    this.#state = isDone ? ANSWER : BODY;
    this.#begun().begin(head, buf, from, bodyFrom, pieceTo, isDone);
    return pieceTo;
  }

  #bodyPiece(buf: Buffer, from: number, to: number): number {
    const exchange = this.#exchange;
    const end = this.#body.advance(buf, from, to);
    if (end === BODY_BROKEN) {
      if (exchange !== null) exchange.breakOff("BAD_REQUEST", "the chunks of the body are broken");
      else this.#linger();
      return to;
    }
    const isDone = end !== BODY_MORE;
    const pieceTo = isDone ? end : to;
    if (isDone) this.#state = exchange !== null || this.#isFlushing ? ANSWER : HEAD;
    if (exchange !== null) exchange.passRequest(buf, from, pieceTo, isDone);
    return pieceTo;
  }

  #refuse(result: number): void {
    const { text } = headError(result);
    const isSize = result === HEAD_TOO_LARGE || result === TOO_MANY_FIELDS;
    if (isSize) this.#plane.limited.count("header_bytes");
    this.#state = ANSWER;
    this.#begun().refuse(
      isSize ? "HEAD_TOO_LARGE" : result === BAD_VERSION ? "VERSION_UNKNOWN" : "BAD_REQUEST",
      text,
    );
  }

  /** All that came so far, `buf[0..to)`, is for whom the connection now goes to; and so is its place among the clients. */
  #becomeHttp2(buf: Buffer, to: number): void {
    this.#state = LINGER;
    this.#plane.clients.delete(this);
    const begun = Buffer.from(buf.subarray(0, to));
    serveHttp2(this.wire.release(), this.#plane, this.#origin.address, begun);
  }

  /** Long bodies are read in large pieces into a buffer of their own, and never beyond their end. */
  #chooseRead(): void {
    const { wire } = this;
    if (!wire.hasReadBuffer) return;
    const ahead = this.#body.bytesAhead;
    if (ahead >= LONG_BODY_BYTES) {
      if (wire.longRead === null) wire.readInto(takeBuffer(LONG_READ_BYTES), ahead);
      else if (ahead < LONG_READ_BYTES) wire.readInto(wire.longRead, ahead);
    } else this.#endLongRead();
  }

  #endLongRead(): void {
    const long = this.wire.readShared();
    // While the instance has not taken the last piece, a write still points into it: the collector gets it.
    if (long !== null && !this.#isUpstreamFull) giveBuffer(long);
  }

  /** The instance cannot take more: the client is not read until it can. */
  pauseForUpstream(): void {
    this.#isUpstreamFull = true;
    this.#steerReading();
  }

  resumeFromUpstream(): void {
    this.#movedMs = this.#plane.nowMs;
    this.#isUpstreamFull = false;
    this.#steerReading();
  }

  #steerReading(): void {
    const isFull = this.#state === ANSWER && this.#held.length >= PIPELINE_BYTES_MAX;
    if (this.#state !== LINGER && (isFull || (this.#isUpstreamFull && this.#state === BODY)))
      this.wire.pause();
    else this.wire.resume();
  }

  /** A request begins: what has it until its answer ends. */
  #begun(): Exchange {
    const exchange = this.#plane.exchanges.take();
    exchange.serve(this, this.#origin);
    this.#exchange = exchange;
    return exchange;
  }

  /** The exchange is over without an answer in whole. */
  exchangeEnded(): void {
    if (this.#exchange === null) return;
    this.#plane.exchanges.give(this.#exchange);
    this.#exchange = null;
  }

  /** The exchange is over, and its answer handed to the wire. */
  answered(isClosing: boolean): void {
    this.exchangeEnded();
    this.#isUpstreamFull = false;
    if (isClosing) this.#linger();
    else if (this.wire.isPending) this.#isFlushing = true;
    else this.#next();
  }

  #next(): void {
    this.#movedMs = this.#plane.nowMs;
    if (this.#state === ANSWER) this.#state = HEAD;
    if (this.#isConsuming) return;
    if (this.#state === HEAD && !this.#held.isEmpty) this.#consumeHeld();
    else this.#steerReading();
  }

  flushed(): void {
    this.#movedMs = this.#plane.nowMs;
    if (this.#isFlushing) {
      this.#isFlushing = false;
      this.#next();
    } else this.#exchange?.clientFlushed();
  }

  /** Closes our side after what was written, and drops what the client may still send: to cut it off at once would cut off the answer. */
  #linger(): void {
    if (this.#state === LINGER) return;
    this.#state = LINGER;
    this.#sinceMs = this.#plane.nowMs;
    if (!this.#isConsuming) this.#held.drop();
    this.wire.resume();
    this.wire.end();
  }

  /** The instance switched protocols. What the client sent ahead was not read as HTTP, and goes first. */
  startTunnel(instance: Wire, meter: Meter): Tunnel {
    const plane = this.#plane;
    const over = () => {
      plane.clients.delete(this);
      plane.addresses.leave(this.#origin.address);
      this.#exchange?.tunnelEnded();
      this.exchangeEnded();
    };
    this.#state = TUNNEL;
    const tunnel = new Tunnel(this.wire, instance, {
      meter,
      times: plane.times,
      nowMs: () => plane.nowMs,
      over,
    });
    this.#tunnel = tunnel;
    tunnel.sentAhead(this.#held.buffer, 0, this.#held.length);
    this.#held.drop();
    return tunnel;
  }

  /** Ends the tunnel that it has become, if it has. */
  closeTunnel(): void {
    this.#tunnel?.close();
  }

  /** Closes an idle connection. */
  close(): void {
    this.#linger();
  }

  destroy(): void {
    this.wire.destroy();
  }

  connected(): void {}

  ended(): void {
    if (this.#exchange !== null) {
      this.#exchange.abort();
      this.wire.destroy();
    } else this.#linger();
  }

  gone(): void {
    this.#exchange?.abort();
    this.#state = LINGER;
    this.#held.drop();
    this.#plane.clients.delete(this);
    this.#plane.addresses.leave(this.#origin.address);
  }

  /** Looks at the time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    const { times, limited } = this.#plane;
    const stillMs = nowMs - this.#movedMs;
    if (this.#tunnel !== null) {
      if (this.#tunnel.sweep(nowMs)) limited.count("tunnel_idle");
    } else if (this.#state === LINGER) {
      if (nowMs - this.#sinceMs > (this.wire.isPending ? times.writeStallMs : times.lingerMs))
        this.wire.destroy();
    } else if (this.#state === HEAD) {
      if (!this.#held.isEmpty && nowMs - this.#sinceMs > times.headMs) {
        limited.count("head_time");
        this.#begun().refuse("REQUEST_TOO_SLOW");
      } else if (this.#held.isEmpty && stillMs > times.clientIdleMs) {
        limited.count("client_idle");
        this.close();
      }
    } else if (this.wire.isPending && stillMs > times.writeStallMs) {
      limited.count("write_stall");
      this.wire.destroy();
    } else if (this.#isSlowToTake(nowMs)) {
      limited.count("take_rate");
      this.wire.destroy();
    } else if (this.isOwing && stillMs > times.bodyStallMs) {
      limited.count("body_stall");
      this.#endSlow();
    } else if (this.#isSlowToSend(nowMs)) {
      limited.count("send_rate");
      this.#endSlow();
    } else this.#exchange?.sweep(nowMs);
  }

  #endSlow(): void {
    if (this.#exchange !== null) this.#exchange.breakOff("REQUEST_TOO_SLOW");
    else this.wire.destroy();
  }

  #isSlowToTake(nowMs: number): boolean {
    const { isPending } = this.wire;
    if (this.#takePace === null && !isPending) return false;
    this.#takePace ??= new Pace();
    const { times, caps } = this.#plane;
    const bytes = isPending ? this.wire.bytesTaken : null;
    return this.#takePace.isSlow(bytes, nowMs, times.clientRateWindowMs, caps.clientRateMin);
  }

  /** Once an answer has begun, both sides stream at the pace they like. */
  #isSlowToSend(nowMs: number): boolean {
    const isAsked = this.isOwing && this.#exchange?.isAnswering !== true;
    if (this.#sendPace === null && !isAsked) return false;
    this.#sendPace ??= new Pace();
    const { times, caps } = this.#plane;
    const bytes = isAsked ? this.#bytesRead : null;
    return this.#sendPace.isSlow(bytes, nowMs, times.clientRateWindowMs, caps.clientRateMin);
  }
}
