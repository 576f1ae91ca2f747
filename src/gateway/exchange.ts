import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import type { MessageBody } from "../http1/message-body.ts";
import { METHOD, type MessageHead } from "../http1/message-head.ts";
import { AccessLine } from "./access-line.ts";
import { Answer } from "./answer.ts";
import type { Client } from "./client.ts";
import type { ClientOrigin } from "./client-origin.ts";
import type { DataPlane } from "./data-plane.ts";
import { queueUsOf, type RequestAdditions } from "./head-rewrite.ts";
import { REQUEST_ID_BYTES_MAX } from "./limits.ts";
import type { Meter } from "./meter.ts";
import type { MirrorCopy } from "./mirror-copy.ts";
import { RequestGates } from "./request-gates.ts";
import type { Service } from "./service.ts";
import { Tries } from "./tries.ts";
import { isUpgradeGranted, upgradeAsked } from "./upgrade.ts";
import type { Upstream } from "./upstream.ts";
import type { Wire } from "./wire.ts";

/** Counted, never sent: the client left before its answer was complete. */
const CLIENT_LEFT = 499;
const NO_BYTES = Buffer.alloc(0);

/**
 * One request of a client and its answer. A client connection has one from its request to the end of the answer, taken from those that
 * are free (exchange-pool.ts), so that idle connections hold none.
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
  readonly requestId = Buffer.alloc(REQUEST_ID_BYTES_MAX);
  requestIdLength = 0;
  clientAddress: Buffer = NO_BYTES;
  forwardedLines: Buffer = NO_BYTES;
  #client!: Client;
  readonly #plane: DataPlane;
  readonly #answer: Answer;
  #service: Service | null = null;
  /** It came to its service through a group's address. */
  isThroughGroup = false;
  /** Where it is counted: at the instance that has it, at the service when none has; null when it came to no service. */
  #meter: Meter | null = null;
  readonly #gates: RequestGates;
  readonly #tries: Tries;
  /** The copy of this request for mirror targets; null when there is none. */
  #copy: MirrorCopy | null = null;
  /** The protocols that the client wishes to switch to; null: none. */
  #upgrade: readonly string[] | null = null;
  #startedMs = 0;
  /** Made with the first request that comes while the access log is on. */
  #line: AccessLine | null = null;

  constructor(plane: DataPlane) {
    this.#plane = plane;
    this.#answer = new Answer(plane);
    this.#gates = new RequestGates(plane, this.#answer);
    this.#tries = new Tries(this, plane);
  }

  /** The next request will be one of `client`, which is at `origin`. */
  serve(client: Client, origin: ClientOrigin): void {
    this.#client = client;
    this.#answer.client = client;
    this.#tries.client = client;
    this.isEncrypted = client.wire.isEncrypted;
    this.clientAddress = origin.bytes;
    this.forwardedLines = origin.forwardedLines;
  }

  get isUpgrade(): boolean {
    return this.#upgrade !== null;
  }

  /** Who has it; null: nobody, or nobody any more. */
  get instanceId(): string | null {
    return this.#tries.instance?.id ?? null;
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
    this.requestIdLength = requestIds.write(head, buf, this.requestId);
    const refusal = routing.admit(head, buf);
    const service = routing.admitted;
    if (this.#plane.accessLog !== null) this.#beginLine(head, buf);
    if (service !== null) {
      this.#service = service;
      this.countAt(service.meter);
      this.isThroughGroup = routing.isThroughGroup;
      if (routing.isThroughGroup) {
        this.#answer.memberLine = service.memberLine;
        service.grouped++;
      }
    }
    const why =
      refusal ?? this.#gates.enter(service!, head, buf, from, bodyFrom, to, isDone, this.#startedMs);
    if (why !== null) {
      if (service !== null) service.meter.bytesIn += to - from;
      else if (why === "ROUTE_NOT_FOUND" && this.#discover(head, buf)) return;
      this.end(why);
      return;
    }
    const { first } = this.#tries;
    this.#answer.welcome();
    first.write(head, buf, from, bodyFrom, to, routing.index.restFrom, this);
    const isIdempotent = head.method !== METHOD.POST && head.method !== METHOD.OTHER;
    this.#tries.begin(service!, this.#gates.key, isIdempotent, to - from);
    const { mirror } = this.#service!;
    if (mirror === null || !this.isActive || this.#upgrade !== null) return;
    // From what the instance was sent, and after it was sent.
    this.#copy = mirror.begin(head, first, to - bodyFrom, isDone, this);
    this.#answer.capture = this.#copy?.pair?.primary ?? null;
  }

  /** What leads to no service may be a question where instances are. False: it is none. */
  #discover(head: MessageHead, buf: Buffer): boolean {
    const json = this.#plane.discovery.answer(head, buf, this);
    if (json === null) return false;
    if (this.#upgrade !== null) this.#answer.willClose();
    this.#answer.giveDocument(json, this.requestId.toString("latin1", 0, this.requestIdLength));
    this.answerEnded();
    return true;
  }

  /** Whatever the request moves from here on counts at `meter`. */
  countAt(meter: Meter): void {
    this.#meter = meter;
    this.#answer.meter = meter;
  }

  /** It is tried a second time: counted where it was first. */
  countRetry(): void {
    this.#meter!.retries++;
  }

  /** The answer is awaited from `wire`. */
  answersFrom(wire: Wire): void {
    this.#answer.source = wire;
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
    this.#line ??= new AccessLine(this, this.#plane);
    this.#line.begin(head, buf, this.#client.wire);
  }

  #reset(isDone: boolean): void {
    this.isActive = true;
    this.isRequestDone = isDone;
    this.#service = null;
    this.isThroughGroup = false;
    this.#meter = null;
    this.#upgrade = null;
    this.#startedMs = this.#plane.clock.monotonic();
  }

  upstreamFlushed(): void {
    this.#tries.first.isTaken = true;
    this.#client.resumeFromUpstream();
  }

  /** More of the request's body. */
  passRequest(buf: Buffer, from: number, to: number, isDone: boolean): void {
    this.isRequestDone = isDone;
    const { wire } = this.#tries.upstream!;
    const { first } = this.#tries;
    this.#meter!.bytesIn += to - from;
    const refusal = this.#gates.refusalOf(buf, from, to, isDone);
    if (refusal !== null) {
      this.breakOff(refusal);
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
    this.#tries.first.drop();
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
    this.#tries.first.drop();
    this.#answer.switchProtocols(head, buf, from);
    meter.record(head.status, this.ageMs() * 1000);
    this.#line?.end(head.status);
    this.#client.startTunnel(wire, meter).cameBehind(buf, bodyFrom, to);
  }

  /** Up to here it was one of the requests that its service has at once. */
  tunnelEnded(): void {
    this.isActive = false;
    this.#gates.leave();
    this.#tries.release();
  }

  /** The client took what was pending. */
  clientFlushed(): void {
    this.#tries.upstream?.wire.resume();
  }

  /** The answer is complete, and handed to the client. */
  answerEnded(): void {
    this.#endCopy(this.#answer.isStarted ? this.#answer.status : 0);
    this.#complete(this.#answer.status);
    this.#client.answered(this.#answer.isClosing);
  }

  /** The connection to the instance is of no more use; it has let go of us. */
  upstreamFailed(upstream: Upstream): void {
    if (this.#answer.isStarted) this.#cut(DATA_PATH_REASONS.BAD_UPSTREAM.status);
    else this.#tries.failed(upstream);
  }

  /** Ends with an answer of our own. */
  end(reason: DataPathReason, text?: string): void {
    this.#tries.upstream?.abandon();
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
    this.#tries.upstream?.abandon();
    this.#complete(CLIENT_LEFT);
    this.#client.exchangeEnded();
  }

  /** An answer that began cannot be completed: the client learns by the connection's end. */
  #cut(status: number): void {
    this.#tries.upstream?.abandon();
    this.#complete(status);
    const client = this.#client;
    client.exchangeEnded();
    client.wire.destroy();
  }

  /** Looks at the time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    const { upstream } = this.#tries;
    if (upstream === null || this.#service === null) return;
    const { isStarted } = this.#answer;
    const isMoving = isStarted || this.#client.isOwing;
    const movedMs = Math.max(upstream.movedMs, this.#client.movedMs);
    if (this.#gates.isOverTime(this.#startedMs, movedMs, nowMs, isMoving)) {
      this.#endLate();
      return;
    }
    const { times } = this.#plane;
    if (!upstream.isConnected && nowMs - upstream.startedMs > times.connectMs) {
      upstream.abandon();
      this.upstreamFailed(upstream);
      return;
    }
    const stillMs = nowMs - (isStarted ? upstream.movedMs : this.#startedMs);
    const isClientsTurn = isStarted && this.isClientPending;
    if (!isClientsTurn && stillMs > this.#service.keepaliveMs + times.timeoutMarginMs) this.#endLate();
  }

  #endLate(): void {
    if (this.#answer.isStarted) this.#cut(DATA_PATH_REASONS.UPSTREAM_TIMEOUT.status);
    else if (this.#client.isOwing) this.breakOff("REQUEST_TOO_SLOW");
    else this.end("UPSTREAM_TIMEOUT");
  }

  #complete(status: number): void {
    this.isActive = false;
    this.#gates.leave();
    this.#tries.end();
    this.#endCopy(0);
    this.#line?.end(status);
    this.#tries.release();
    if (this.#meter !== null) this.#meter.record(status, this.ageMs() * 1000);
    else if (status !== 200) this.#plane.unrouted++; // without a service, only discovery is answered well
  }

  /** The copy goes on by itself, or not at all. `status` of an answer in whole, else 0. */
  #endCopy(status: number): void {
    if (this.#copy === null) return;
    this.#copy.over(status);
    this.#copy = null;
    this.#answer.capture = null;
  }

  /** Since its head was here; ms. */
  ageMs(): number {
    return this.#plane.clock.monotonic() - this.#startedMs;
  }
}
