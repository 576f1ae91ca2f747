import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import type { MessageBody } from "../http1/message-body.ts";
import { METHOD, type MessageHead } from "../http1/message-head.ts";
import { AccessLine } from "./access-line.ts";
import { Answer } from "./answer.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";
import type { Client } from "./client.ts";
import { NO_KEY } from "./client-key.ts";
import type { DataPlane } from "./data-plane.ts";
import { FirstBytes } from "./first-bytes.ts";
import { queueUsOf, type RequestAdditions } from "./head-rewrite.ts";
import type { Instance } from "./instance.ts";
import * as limits from "./limits.ts";
import type { Meter } from "./meter.ts";
import type { MirrorCopy } from "./mirror-copy.ts";
import type { Service } from "./service.ts";
import type { ServiceGate } from "./service-gate.ts";
import { SignedBody } from "./signed-body.ts";
import { isUpgradeGranted, upgradeAsked } from "./upgrade.ts";
import { Upstream } from "./upstream.ts";
import type { Wire } from "./wire.ts";

/** Where a request stands in what was read: its head from `from`, and what is here of its body, up to `to`. */
interface Extent {
  readonly from: number;
  readonly bodyFrom: number;
  readonly to: number;
  readonly isDone: boolean;
}

/** Counted, never sent: the client left before its answer was complete. */
const CLIENT_LEFT = 499;

/**
 * One request of a client and its answer. Each client connection has one, used again and again.
 *
 * First, `begin`: route, token, member, instance; the request's first bytes go out in one write, and are kept for a second
 * try. Then further body one way and the answer the other way, each side paused while the other cannot take more. It ends by
 * the answer's end, by an answer of our own, or by the client's leaving; each of these runs `#complete` once.
 */
export class Exchange implements RequestAdditions {
  /** Between `begin` and `#complete`. */
  isActive = false;
  /** All of the request is here, and was handed on. */
  isRequestDone = false;
  /** The client's connection is over TLS. */
  isEncrypted = false;
  readonly requestId = Buffer.alloc(limits.REQUEST_ID_BYTES_MAX);
  requestIdLength = 0;
  readonly clientAddress: Buffer;
  readonly #client: Client;
  readonly #plane: DataPlane;
  readonly #answer: Answer;
  #service: Service | null = null;
  #isThroughGroup = false;
  /** Where it is counted: at the instance that has it, at the service when none has; null when it came to no service. */
  #meter: Meter | null = null;
  #instance: Instance | null = null;
  #upstream: Upstream | null = null;
  readonly #first = new FirstBytes();
  /** Set while the body of a signed request passes. */
  #signedBody: SignedBody | null = null;
  #isRetried = false;
  /** Set while no connection could be made because too many others were; and how often that was so. */
  #pause: NodeJS.Timeout | null = null;
  #pauses = 0;
  /** The copy of this request for mirror targets; null when there is none. */
  #copy: MirrorCopy | null = null;
  #isIdempotent = false;
  /** The protocols that the client wishes to switch to; null: none. */
  #upgrade: readonly string[] | null = null;
  #startedMs = 0;
  /** Made with the first request that comes while the access log is on. */
  #line: AccessLine | null = null;
  /** Bytes that came with the head and were counted nowhere yet. */
  #firstBytesIn = 0;
  /** The limits that the request has passed, and has to leave; null: none. */
  #gate: ServiceGate | null = null;
  /** Of its body, so far. */
  #bodyBytes = 0;
  /** What the client is known by where that picks its instance; else NO_KEY. */
  #key = NO_KEY;

  constructor(client: Client, plane: DataPlane, clientAddress: string) {
    this.#client = client;
    this.#plane = plane;
    this.#answer = new Answer(client, plane);
    this.clientAddress = Buffer.from(clientAddress, "latin1");
  }

  get isUpgrade(): boolean {
    return this.#upgrade !== null;
  }

  get serviceName(): string {
    return this.#service!.name;
  }

  /** A head of the final answer went to the client. */
  get isAnswering(): boolean {
    return this.isActive && this.#answer.isStarted;
  }

  /** The client has bytes of the answer that it did not take yet. */
  get isClientPending(): boolean {
    return this.#client.wire.isPending;
  }

  /** A request: its head in `buf[from..bodyFrom)`, and what is here of its body up to `to`. */
  begin(head: MessageHead, buf: Buffer, from: number, bodyFrom: number, to: number, isDone: boolean): void {
    const { requestIds, routing } = this.#plane;
    this.#reset(isDone);
    this.#answer.expect(head, isDone || bodyFrom < to);
    if (head.isUpgrade) this.#upgrade = upgradeAsked(head, buf);
    this.#isIdempotent = head.method !== METHOD.POST && head.method !== METHOD.OTHER;
    this.requestIdLength = requestIds.write(head, buf, this.requestId);
    const refusal = routing.admit(head, buf);
    const service = routing.admitted;
    if (this.#plane.accessLog !== null) this.#beginLine(head, buf);
    if (service !== null) {
      this.#service = service;
      this.#countAt(service.meter);
      this.#isThroughGroup = routing.isThroughGroup;
      if (routing.isThroughGroup) {
        this.#answer.memberLine = service.memberLine;
        service.grouped++;
      }
    }
    const why = refusal ?? this.#refusalOf(service!, head, buf, { from, bodyFrom, to, isDone });
    if (why !== null) {
      if (service !== null) service.meter.bytesIn += to - from;
      this.end(why);
      return;
    }
    this.#firstBytesIn = to - from;
    this.#answer.welcome();
    this.#first.write(head, buf, from, bodyFrom, to, routing.index.restFrom, this);
    this.#sendFirst(this.#service!);
    const { mirror } = this.#service!;
    if (mirror === null || !this.isActive || this.#upgrade !== null) return;
    // From what the instance was sent, and after it was sent.
    this.#copy = mirror.begin(head, this.#first, to - bodyFrom, isDone, this);
    this.#answer.capture = this.#copy?.pair?.primary ?? null;
  }

  /** A client that is to be known by a cookie gets it with its answer. */
  #setCookies(): void {
    const { keys } = this.#plane.routing;
    const lines = [this.#answer.memberLine, keys.setCookies].filter((line) => line !== null);
    this.#answer.memberLine = Buffer.concat(lines);
  }

  /** Null lets the request go on, through its service's gate if there is one. Limits first: they cost less than a digest. */
  #refusalOf(service: Service, head: MessageHead, buf: Buffer, at: Extent): DataPathReason | null {
    const { routing, caps, limited } = this.#plane;
    const { gate, balancing } = service;
    this.#key = balancing?.kind === "hash" ? routing.keys.read(balancing.by, head, buf) : NO_KEY;
    if (routing.keys.setCookies !== null) this.#setCookies();
    this.#bodyBytes = at.to - at.bodyFrom;
    if (gate !== null) {
      const arrival = {
        headBytes: at.bodyFrom - at.from,
        contentLength: head.contentLength,
        bodyBytes: this.#bodyBytes,
      };
      const refusal = gate.enter(arrival, this.#startedMs, service.limited);
      if (refusal !== null) {
        this.#answer.retryAfterS = gate.retryAfterS;
        return refusal;
      }
      this.#gate = gate;
    }
    if (bytesInFlight.sum > caps.bytesInFlightMax) {
      limited.count("bytes_in_flight");
      return "GATEWAY_OVERLOADED";
    }
    this.#signedBody = SignedBody.of(head, routing);
    const isRight = this.#signedBody?.passes(buf, at.bodyFrom, at.to, at.isDone) !== false;
    return isRight ? null : "BODY_DIGEST_MISMATCH";
  }

  #sendFirst(service: Service): void {
    const instance = service.pick(null, this.#key);
    this.#countAt(instance === null ? service.meter : instance.meter);
    this.#meter!.bytesIn += this.#firstBytesIn;
    this.#firstBytesIn = 0;
    if (instance === null) this.end("NO_READY_INSTANCE");
    else this.#send(instance, false);
  }

  #countAt(meter: Meter): void {
    this.#meter = meter;
    this.#answer.meter = meter;
  }

  /** Bytes that are no request: the answer, and the end of the connection. */
  refuse(reason: DataPathReason, text?: string): void {
    this.#reset(false);
    this.#answer.expectNothing();
    this.requestIdLength = this.#plane.requestIds.writeNew(this.requestId);
    if (this.#plane.accessLog !== null) this.#beginLine(null, null);
    this.end(reason, text);
  }

  #beginLine(head: MessageHead | null, buf: Buffer | null): void {
    this.#line ??= new AccessLine(this.#plane);
    this.#line.begin(head, buf, this.#client.wire.bytesWritten);
  }

  #endLine(line: AccessLine, status: number): void {
    line.end(this.#client.wire.bytesWritten, {
      requestId: this.requestId.toString("latin1", 0, this.requestIdLength),
      client: this.clientAddress.toString("latin1"),
      member: this.#isThroughGroup ? this.serviceName : null,
      instance: this.#instance?.id ?? null,
      status,
      ms: this.#ageMs(),
    });
  }

  #reset(isDone: boolean): void {
    this.isActive = true;
    this.isRequestDone = isDone;
    this.#service = null;
    this.#isThroughGroup = false;
    this.#meter = null;
    this.#isRetried = false;
    this.#upgrade = null;
    this.#pauses = 0;
    this.#startedMs = this.#plane.clock.monotonic();
  }

  /** Hands the kept bytes to an instance; `isFresh` asks for a new connection. */
  #send(instance: Instance, isFresh: boolean): void {
    this.#instance = instance;
    instance.inFlight++;
    this.#service!.inFlight++;
    for (;;) {
      const pooled = isFresh ? undefined : instance.idle.pop();
      const upstream = pooled ?? new Upstream(instance, this.#plane);
      this.#upstream = upstream;
      this.#answer.source = upstream.wire;
      if (upstream.start(this, this.#first)) {
        // Nothing more is read from the client until these bytes are gone, so that they stay all there is.
        if (!this.#first.isTaken) this.#client.pauseForUpstream();
        return;
      }
      // A kept connection that the other side has closed: it took no byte, so this is no second try.
      if (pooled === undefined) break;
    }
    this.upstreamFailed(this.#upstream);
  }

  upstreamFlushed(): void {
    this.#first.isTaken = true;
    this.#client.resumeFromUpstream();
  }

  /** More of the request's body. */
  passRequest(buf: Buffer, from: number, to: number, isDone: boolean): void {
    this.isRequestDone = isDone;
    const { wire } = this.#upstream!;
    const first = this.#first;
    this.#meter!.bytesIn += to - from;
    this.#bodyBytes += to - from;
    if (this.#gate?.isTooLarge(this.#bodyBytes, this.#service!.limited) === true) {
      this.breakOff("BODY_TOO_LARGE");
      return;
    }
    // These bytes stay here, so the instance never has the whole of a request whose body is wrong.
    if (this.#signedBody?.passes(buf, from, to, isDone) === false) {
      this.breakOff("BODY_DIGEST_MISMATCH");
      return;
    }
    let isTaken: boolean;
    if (first.hasRoom(to - from)) {
      isTaken = wire.write(first.buffer!, first.add(buf, from, to), first.length, null);
      first.isTaken = isTaken;
    } else {
      first.drop();
      isTaken = wire.pass(buf, from, to);
    }
    if (!isTaken) this.#client.pauseForUpstream();
    if (this.#copy !== null) this.#copy.add(buf, from, to, isDone);
  }

  /** An interim answer. */
  passInformational(head: MessageHead, buf: Buffer, from: number): void {
    this.#answer.inform(head, buf, from);
  }

  /** The answer: its head in `buf[from..bodyFrom)`, and body up to `to`. Returns what `body.advance` says of it. */
  startAnswer(
    head: MessageHead,
    buf: Buffer,
    from: number,
    bodyFrom: number,
    to: number,
    body: MessageBody,
  ): number {
    this.#first.drop();
    const queueUs = queueUsOf(head, buf);
    if (queueUs > 0) this.#meter!.recordQueue(queueUs);
    // Bytes ahead of a switch that was declined may be of either protocol.
    if (this.#upgrade !== null && this.#client.isAhead) this.#answer.willClose();
    return this.#answer.start(head, buf, from, bodyFrom, to, body, this.isRequestDone);
  }

  /** More of the answer's body. Returns what `body.advance` says of it. */
  passAnswer(buf: Buffer, to: number, body: MessageBody): number {
    return this.#answer.pass(buf, to, body);
  }

  /** A 101 with this head is what the client asked for. */
  mayTunnel(head: MessageHead, buf: Buffer): boolean {
    return this.isRequestDone && this.#upgrade !== null && isUpgradeGranted(head, buf, this.#upgrade);
  }

  /** The 101 in `buf[from..bodyFrom)`, and what came behind it: both connections are a tunnel from here on, in flight until that ends. */
  startTunnel(head: MessageHead, buf: Buffer, from: number, bodyFrom: number, to: number, wire: Wire): void {
    const meter = this.#meter!;
    this.#first.drop();
    this.#answer.switchProtocols(head, buf, from);
    meter.record(head.status, this.#ageMs() * 1000);
    if (this.#line !== null) this.#endLine(this.#line, head.status);
    this.#client.startTunnel(wire, meter).cameBehind(buf, bodyFrom, to);
  }

  /** Up to here it was one of the requests that its service has at once. */
  tunnelEnded(): void {
    this.isActive = false;
    this.#leaveGate();
    this.#release();
  }

  /** The client took what was pending. */
  clientFlushed(): void {
    this.#upstream?.wire.resume();
  }

  /** The answer is complete, and handed to the client. */
  answerEnded(): void {
    this.#endCopy(this.#answer.isStarted ? this.#answer.status : 0);
    this.#complete(this.#answer.status);
    this.#client.answered(this.#answer.isClosing);
  }

  /** The connection to the instance is of no more use; it has let go of us. */
  upstreamFailed(upstream: Upstream): void {
    if (upstream.isCrowded && this.#ageMs() < this.#plane.times.connectMs) this.#waitForRoom();
    else if (this.#answer.isStarted) this.#cut(DATA_PATH_REASONS.BAD_UPSTREAM.status);
    else this.#tryAgain(this.#instance!, upstream);
  }

  #tryAgain(failed: Instance, upstream: Upstream): void {
    if (!upstream.isConnected) failed.suspect(this.#plane.nowMs, this.#plane.times.suspectMs);
    const next = this.#secondTry(failed, upstream.isConnected, upstream.isReused);
    if (next === null) {
      this.end("BAD_UPSTREAM");
      return;
    }
    this.#release();
    this.#isRetried = true;
    this.#meter!.retries++;
    this.#countAt(next.meter);
    this.#client.resumeFromUpstream();
    this.#send(next, true);
  }

  /** Comes back in a moment, to whoever is the least busy then. Nothing was sent, so this is no second try. */
  #waitForRoom(): void {
    this.#release();
    this.#countAt(this.#service!.meter);
    const pauseMs = Math.min(limits.CROWDED_MS_MAX, 2 ** this.#pauses++);
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.#sendFirst(this.#service!);
    }, pauseMs);
  }

  /**
   * Where a request may be sent again: once, only while all of it so far is still held, and only when no byte of it
   * reached the first instance or the method is idempotent (design §6). To another instance; to the same one only when a kept connection was stale.
   */
  #secondTry(failed: Instance, wasReached: boolean, wasReused: boolean): Instance | null {
    if (this.#isRetried || this.#first.buffer === null) return null;
    if (wasReached && !this.#isIdempotent) return null;
    const other = this.#service!.pick(failed, this.#key);
    return other ?? (wasReused && failed.isNamed ? failed : null);
  }

  /** Ends with an answer of our own. */
  end(reason: DataPathReason, text?: string): void {
    this.#upstream?.abandon();
    this.#line?.ownAnswer(reason);
    if (this.#upgrade !== null) this.#answer.willClose();
    this.#answer.giveOwn(reason, this.requestId.toString("latin1", 0, this.requestIdLength), text);
    this.answerEnded();
  }

  /** The request turned out to be bad, or too slow, while it was on its way: the answer, if it can still be given, and the end. */
  breakOff(reason: DataPathReason, text?: string): void {
    if (this.#answer.isStarted) {
      this.#cut(DATA_PATH_REASONS[reason].status);
      return;
    }
    this.#answer.willClose();
    this.end(reason, text);
  }

  /** The client is gone: so is all that was done for it. */
  abort(): void {
    this.#upstream?.abandon();
    this.#complete(CLIENT_LEFT);
  }

  /** An answer that began cannot be completed: the client learns by the connection's end. */
  #cut(status: number): void {
    this.#upstream?.abandon();
    this.#complete(status);
    this.#client.wire.destroy();
  }

  /** Looks at the time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    const upstream = this.#upstream;
    if (upstream === null || this.#service === null) return;
    if (this.#gate !== null && this.#isOverTime(this.#gate, upstream.movedMs, nowMs)) {
      if (this.#answer.isStarted) this.#cut(DATA_PATH_REASONS.UPSTREAM_TIMEOUT.status);
      else if (this.#client.isOwing) this.breakOff("REQUEST_TOO_SLOW");
      else this.end("UPSTREAM_TIMEOUT");
      return;
    }
    const { times } = this.#plane;
    const limitMs = this.#service.keepaliveMs + times.timeoutMarginMs;
    if (!upstream.isConnected && nowMs - upstream.startedMs > times.connectMs) {
      upstream.abandon();
      this.upstreamFailed(upstream);
    } else if (this.#answer.isStarted) {
      const isStuck = !this.isClientPending && nowMs - upstream.movedMs > limitMs;
      if (isStuck) this.#cut(DATA_PATH_REASONS.UPSTREAM_TIMEOUT.status);
    } else if (nowMs - this.#startedMs > limitMs) {
      if (this.#client.isOwing) this.breakOff("REQUEST_TOO_SLOW");
      else this.end("UPSTREAM_TIMEOUT");
    }
  }

  /** Looks at the service's own time limits. While the instance works, nothing moves, and only the total counts. */
  #isOverTime({ idleMs, totalMs }: ServiceGate, movedMs: number, nowMs: number): boolean {
    const counts = this.#service!.limited;
    if (totalMs !== null && nowMs - this.#startedMs > totalMs) {
      counts.count("total_timeout");
      return true;
    }
    if (idleMs === null || !(this.#answer.isStarted || this.#client.isOwing)) return false;
    if (nowMs - Math.max(movedMs, this.#client.movedMs) <= idleMs) return false;
    counts.count("idle_timeout");
    return true;
  }

  #complete(status: number): void {
    this.isActive = false;
    this.#leaveGate();
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#pause = null;
    this.#first.drop();
    this.#endCopy(0);
    if (this.#line !== null) this.#endLine(this.#line, status);
    this.#release();
    if (this.#meter === null) this.#plane.unrouted++;
    else this.#meter.record(status, this.#ageMs() * 1000);
  }

  #leaveGate(): void {
    this.#gate?.leave();
    this.#gate = null;
  }

  /** The copy goes on by itself, or not at all. `status` of an answer in whole, else 0. */
  #endCopy(status: number): void {
    if (this.#copy === null) return;
    this.#copy.over(status);
    this.#copy = null;
    this.#answer.capture = null;
  }

  #ageMs(): number {
    return this.#plane.clock.monotonic() - this.#startedMs;
  }

  #release(): void {
    this.#upstream = null;
    const instance = this.#instance;
    if (instance === null) return;
    this.#instance = null;
    this.#service!.inFlight--;
    if (this.#plane.routing.release(instance)) this.#plane.lingeringEnded();
  }
}
