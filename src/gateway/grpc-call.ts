import { type ClientHttp2Stream, constants, type ServerHttp2Stream } from "node:http2";
import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import { GRPC, messageOf, timeoutMs } from "../core/grpc.ts";
import { HEAD_TOO_LARGE, MessageHead, NEED_MORE } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { AccessLine, type LoggedRequest } from "./access-line.ts";
import type { Connection } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { answerFields, fieldIn, instanceFields, queueUsIn, targetOf } from "./grpc-fields.ts";
import { CANCEL, type GrpcLink, GrpcLinks, type LinkUser } from "./grpc-links.ts";
import { countedAs, statusOf, statusOfReset } from "./grpc-status.ts";
import { cut } from "./http2-abuse.ts";
import { type Http2Request, writeHead } from "./http2-head.ts";
import type { Instance } from "./instance.ts";
import { GRPC_KEPT_BYTES_MAX, REQUEST_ID_BYTES_MAX } from "./limits.ts";
import type { Meter } from "./meter.ts";
import { Pace } from "./pace.ts";
import { RequestGates } from "./request-gates.ts";
import type { Service } from "./service.ts";

/** A head is used up before anything else is read, so one object serves all calls. */
const head = new MessageHead();
const NOTHING = Buffer.alloc(0);

/** Counted, never sent: the client left before its answer was complete. */
const CLIENT_LEFT = 499;

/** Longest time that a timer can be set to; a deadline beyond is none. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * One gRPC call: a stream of the client, and a stream to an instance. Its head passes the same admission, limits and picking as any
 * request, written down as the HTTP/1.1 head that these read. Then messages go both ways as they come, each side stopped while the other
 * takes no more. It ends by the instance's trailers, by a status of our own in trailers, or by the client's leaving; each of these runs
 * `#complete` once. The client's stream may stay open a little longer.
 */
export class GrpcCall implements Connection, LoggedRequest, LinkUser {
  readonly isIdle = false;
  readonly requestId = Buffer.alloc(REQUEST_ID_BYTES_MAX);
  requestIdLength = 0;
  readonly clientAddress: Buffer;
  isThroughGroup = false;
  bytesWritten = 0;
  readonly #stream: ServerHttp2Stream;
  readonly #request: Http2Request;
  readonly #plane: DataPlane;
  readonly #gates: RequestGates;
  readonly #startedMs: number;
  #service: Service | null = null;
  #key = 0;
  #meter: Meter | null = null;
  #instance: Instance | null = null;
  #link: GrpcLink | null = null;
  #upstream: ClientHttp2Stream | null = null;
  #isRetried = false;
  #line: AccessLine | null = null;
  #deadline: NodeJS.Timeout | null = null;
  /** Fields that every call to an instance has, whoever gets it. */
  #fields: readonly string[] = [];
  /** What was sent to the instance, while it can still be sent to another; null: no more. */
  #kept: Buffer[] | null = [];
  #keptBytes = 0;
  #isRequestDone = false;
  /** When it was; monotonic. */
  #doneMs = 0;
  #isAnswering = false;
  #httpStatus = 200;
  #grpcStatus: string | null = null;
  #trailers: Record<string, string | string[]> = {};
  /** Fields of ours for the client. */
  readonly #own: string[] = [];
  #isOver = false;
  #movedMs: number;
  #takePace: Pace | null = null;

  constructor(stream: ServerHttp2Stream, request: Http2Request, plane: DataPlane, address: string) {
    this.#stream = stream;
    this.#request = request;
    this.#plane = plane;
    this.clientAddress = Buffer.from(address, "latin1");
    this.#startedMs = this.#movedMs = plane.clock.monotonic();
    this.#gates = new RequestGates(plane, this);
    plane.clients.add(this);
    stream.on("aborted", () => this.#left());
    stream.on("close", () => {
      this.#left();
      plane.clients.delete(this);
      plane.addresses.leave(address);
    });
  }

  /** For the gates: a limit's Retry-After is not said in gRPC. */
  retryAfterS = 1;

  /** For the gates: lines of an HTTP/1.1 head for the client. */
  addLines(lines: Buffer): void {
    for (const line of lines.toString("latin1").split("\r\n")) {
      const colon = line.indexOf(": ");
      if (colon !== -1) this.#own.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
    }
  }

  get serviceName(): string {
    return this.#service!.name;
  }

  get instanceId(): string | null {
    return this.#instance?.id ?? null;
  }

  ageMs(): number {
    return this.#plane.clock.monotonic() - this.#startedMs;
  }

  /** `isSecure`: the client came over TLS. */
  begin(isSecure: boolean): void {
    const plane = this.#plane;
    const { routing, requestIds } = plane;
    const target = targetOf(this.#request, routing.hosts);
    const buf = writeHead(this.#request, target, "none", isSecure);
    const to = parseRequestHead(head, buf, 0, buf.length);
    if (to === NEED_MORE || to < 0) {
      this.requestIdLength = requestIds.writeNew(this.requestId);
      if (to === HEAD_TOO_LARGE) plane.limited.count("header_bytes");
      this.#end(to === HEAD_TOO_LARGE ? "HEAD_TOO_LARGE" : "BAD_REQUEST");
      return;
    }
    this.requestIdLength = requestIds.write(head, buf, this.requestId);
    const refusal = routing.admitCall(head, buf);
    const service = routing.admitted;
    if (plane.accessLog !== null) {
      this.#line = new AccessLine(this, plane);
      this.#line.begin(head, buf, this);
    }
    if (service !== null) {
      this.#service = service;
      this.#meter = service.meter;
      service.meter.bytesIn += to;
      this.isThroughGroup = routing.isThroughGroup;
      if (routing.isThroughGroup) {
        this.addLines(service.memberLine);
        service.grouped++;
      }
    }
    const isDone = this.#stream.endAfterHeaders;
    const why = refusal ?? this.#gates.enter(service!, head, buf, 0, to, to, isDone, this.#startedMs);
    if (why !== null) {
      this.#end(why);
      return;
    }
    this.#key = this.#gates.key;
    const path = buf.toString("latin1", routing.index.restFrom, head.targetTo);
    this.#fields = instanceFields(this.#request, path, {
      requestId: this.requestId.toString("latin1", 0, this.requestIdLength),
      address: this.clientAddress.toString("latin1"),
      isSecure,
    });
    this.#setDeadline();
    this.#readFrom(this.#stream);
    this.#sendTo(service!.pick(null, this.#key));
  }

  #setDeadline(): void {
    const text = fieldIn(this.#request.fields, "grpc-timeout");
    const ms = text === null ? null : timeoutMs(text);
    if (ms === null || ms > TIMER_MS_MAX) return;
    this.#deadline = setTimeout(() => this.#end("UPSTREAM_TIMEOUT", "the call's deadline has passed"), ms);
  }

  #sendTo(instance: Instance | null): void {
    if (instance === null) {
      this.#end("NO_READY_INSTANCE");
      return;
    }
    this.#instance = instance;
    this.#meter = instance.meter;
    instance.inFlight++;
    this.#service!.inFlight++;
    instance.calls ??= new GrpcLinks(instance, this.#plane);
    this.#link = instance.calls.take();
    if (this.#link !== null) this.#link.await(this);
    else {
      this.#plane.limited.count("grpc_calls");
      this.#end("GATEWAY_OVERLOADED", "the instance has as many calls as it may");
    }
  }

  linkReady(link: GrpcLink): void {
    const isDone = this.#stream.endAfterHeaders;
    const upstream = link.open(this.#fields, isDone);
    this.#upstream = upstream;
    upstream.on("response", (_headers, flags, raw) => this.#answer(raw, flags));
    upstream.on("data", (chunk: Buffer) => this.#pass(upstream, chunk));
    upstream.on("drain", () => {
      if (upstream === this.#upstream) this.#stream.resume();
    });
    upstream.on("trailers", (_headers, _flags, raw) => {
      if (upstream !== this.#upstream) return;
      this.#grpcStatus = fieldIn(raw, "grpc-status");
      this.#trailers = Object.fromEntries(answerFields(raw).map(([name, values]) => [name, values]));
    });
    upstream.on("end", () => {
      if (upstream === this.#upstream && upstream.rstCode === 0 && this.#isAnswering) this.#finish();
    });
    upstream.on("close", () => {
      if (upstream === this.#upstream && !this.#isOver) this.#failed(upstream);
    });
    if (isDone) {
      this.#isRequestDone = true;
      this.#doneMs = this.#plane.nowMs;
      return;
    }
    for (const piece of this.#kept ?? []) upstream.write(piece);
    if (this.#isRequestDone) upstream.end();
    else this.#stream.resume();
  }

  linkGone(isFailed: boolean): void {
    const failed = this.#instance!;
    this.#link = null;
    this.#release();
    // Without room after all, nothing was tried.
    if (isFailed) this.#tryAgain(this.#service!.pick(failed, this.#key));
    else this.#sendTo(this.#service!.pick(null, this.#key));
  }

  /** Messages of the client. It is not read before there is an instance. */
  #readFrom(stream: ServerHttp2Stream): void {
    stream.pause();
    stream.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#movedMs = this.#plane.nowMs;
      this.#meter!.bytesIn += chunk.length;
      const refusal = this.#gates.refusalOf(chunk, 0, chunk.length, false);
      if (refusal !== null) this.#end(refusal);
      else this.#send(chunk);
    });
    stream.on("end", () => {
      if (this.#isOver || this.#isRequestDone) return;
      this.#isRequestDone = true;
      this.#doneMs = this.#plane.nowMs;
      const refusal = this.#gates.refusalOf(NOTHING, 0, 0, true);
      if (refusal !== null) this.#end(refusal);
      else this.#upstream?.end();
    });
    stream.on("drain", () => {
      this.#movedMs = this.#plane.nowMs;
      this.#upstream?.resume();
    });
  }

  #send(chunk: Buffer): void {
    if (this.#kept !== null) {
      this.#keptBytes += chunk.length;
      if (this.#keptBytes > GRPC_KEPT_BYTES_MAX) this.#kept = null;
      else this.#kept.push(chunk);
    }
    if (!this.#upstream!.write(chunk)) this.#stream.pause();
  }

  /** The first of the instance's answer; with END_STREAM all of it (trailers-only). */
  #answer(raw: readonly string[], flags: number): void {
    const { meter, stream } = { meter: this.#meter!, stream: this.#stream };
    if (this.#isOver || stream.closed) return;
    this.#isAnswering = true;
    this.#kept = null;
    this.#movedMs = this.#plane.nowMs;
    this.#httpStatus = Number(fieldIn(raw, ":status"));
    const queueUs = queueUsIn(raw);
    if (queueUs > 0) meter.recordQueue(queueUs);
    const fields = answerFields(raw).flatMap(([name, values]) => values.flatMap((value) => [name, value]));
    const bytes = fields.reduce((sum, text) => sum + text.length, 0);
    meter.bytesOut += bytes;
    this.bytesWritten += bytes;
    const isWhole = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    if (isWhole) this.#grpcStatus = fieldIn(raw, "grpc-status");
    const how = { endStream: isWhole, waitForTrailers: !isWhole, sendDate: false };
    stream.respond([":status", String(this.#httpStatus), ...fields, ...this.#own], how);
    if (!isWhole) stream.once("wantTrailers", () => stream.sendTrailers(this.#trailers));
  }

  #pass(upstream: ClientHttp2Stream, chunk: Buffer): void {
    if (this.#isOver || upstream !== this.#upstream || this.#stream.closed) return;
    this.#movedMs = this.#plane.nowMs;
    this.#meter!.bytesOut += chunk.length;
    this.bytesWritten += chunk.length;
    if (!this.#stream.write(chunk)) upstream.pause();
  }

  /** All of the answer is here. */
  #finish(): void {
    if (this.#isOver) return;
    this.#stream.end();
    this.#complete(countedAs(this.#grpcStatus, this.#httpStatus));
  }

  /** The instance's stream is gone before its answer was complete. */
  #failed(upstream: ClientHttp2Stream): void {
    const code = upstream.rstCode;
    const isRefused = code === constants.NGHTTP2_REFUSED_STREAM || upstream.pending;
    const failed = this.#instance!;
    if (isRefused && !this.#isAnswering && this.#kept !== null) {
      // Nothing more is read from the client until there is another instance: what is kept is then still all that came.
      this.#stream.pause();
      this.#upstream = null;
      this.#release();
      // Alone, it gets it once more: it may only have ended that connection.
      const next = this.#service!.pick(failed, this.#key) ?? (failed.isNamed ? failed : null);
      this.#tryAgain(next);
      return;
    }
    const isDead = this.#link?.isOver !== false;
    this.#end("BAD_UPSTREAM", undefined, isDead ? GRPC.UNAVAILABLE : statusOfReset(code));
  }

  /** A second and last try: no byte of the call was looked at in the first. */
  #tryAgain(next: Instance | null): void {
    if (next === null || this.#isRetried) {
      this.#end("BAD_UPSTREAM");
      return;
    }
    this.#isRetried = true;
    this.#meter!.retries++;
    this.#sendTo(next);
  }

  /** Ends with a status of our own: as trailers-only, or as the trailers of what began. */
  #end(
    reason: DataPathReason,
    text: string = DATA_PATH_REASONS[reason].text,
    status = statusOf(reason),
  ): void {
    if (this.#isOver) return;
    const stream = this.#stream;
    const own = ["grpc-status", String(status), "grpc-message", messageOf(text), "x-sluice-reason", reason];
    this.#line?.ownAnswer(reason);
    this.#letGo();
    if (this.#isAnswering) {
      this.#trailers = Object.fromEntries(
        own.flatMap((name, i) => (i % 2 === 0 ? [[name, own[i + 1]!]] : [])),
      );
      if (!stream.closed) stream.end();
    } else if (!stream.closed) {
      const id = this.requestId.toString("latin1", 0, this.requestIdLength);
      const fields = [":status", "200", "content-type", "application/grpc", ...own, "x-request-id", id];
      const how = { endStream: true, sendDate: false };
      stream.respond([...fields, ...this.#own], how);
    }
    // What else the client sends is read, and dropped.
    stream.resume();
    this.#complete(countedAs(String(status), 200));
  }

  /** The client is gone, or done. */
  #left(): void {
    if (this.#isOver) return;
    this.#letGo();
    this.#complete(CLIENT_LEFT);
  }

  /** The instance is to do no more for it. */
  #letGo(): void {
    this.#link?.forget(this);
    const upstream = this.#upstream;
    this.#upstream = null;
    if (upstream !== null && !upstream.closed) upstream.close(CANCEL);
  }

  #complete(status: number): void {
    this.#isOver = true;
    this.#movedMs = this.#plane.nowMs;
    this.#kept = null;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    this.#gates.leave();
    this.#line?.end(status);
    this.#release();
    if (this.#meter === null) this.#plane.unrouted++;
    else this.#meter.record(status, this.ageMs() * 1000);
  }

  #release(): void {
    const instance = this.#instance;
    if (instance === null) return;
    this.#instance = null;
    this.#service!.inFlight--;
    if (this.#plane.routing.release(instance)) this.#plane.lingeringEnded();
  }

  /** A call is nothing that idles. */
  close(): void {}

  /** Calls that are left at the end of a drain are ended with a status, so that their clients know to call again. */
  closeTunnel(): void {
    this.#end("GATEWAY_DRAINING");
  }

  destroy(): void {
    if (!this.#stream.closed) cut(this.#stream);
  }

  sweep(nowMs: number): void {
    const { times, limited } = this.#plane;
    const stream = this.#stream;
    const stillMs = nowMs - this.#movedMs;
    if (stream.writableNeedDrain && stillMs > times.writeStallMs) {
      limited.count("write_stall");
      cut(stream);
    } else if (this.#isSlowToTake(nowMs)) {
      limited.count("take_rate");
      cut(stream);
    } else if (this.#isOver) {
      // A client that has all of its answer need not send more (RFC 9113 §8.1).
      const limitMs = stream.writableFinished ? times.lingerMs : times.writeStallMs;
      if (stillMs > limitMs && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    } else if (this.#upstream === null) {
      const link = this.#link;
      if (link !== null && nowMs - link.startedMs > times.connectMs) link.fail();
    } else if (this.#isLate(nowMs, stillMs)) this.#end("UPSTREAM_TIMEOUT");
  }

  #isLate(nowMs: number, stillMs: number): boolean {
    const { times } = this.#plane;
    const isMoving = this.#isAnswering || !this.#isRequestDone;
    if (this.#gates.isOverTime(this.#startedMs, this.#movedMs, nowMs, isMoving)) return true;
    const limitMs = this.#service!.keepaliveMs + times.timeoutMarginMs;
    // Once both sides stream, either may be silent for as long as in any tunnel.
    return isMoving ? stillMs > times.tunnelIdleMs : nowMs - this.#doneMs > limitMs;
  }

  #isSlowToTake(nowMs: number): boolean {
    const isPending = this.#stream.writableNeedDrain;
    if (this.#takePace === null && !isPending) return false;
    this.#takePace ??= new Pace();
    const { times, caps } = this.#plane;
    const bytes = isPending ? this.bytesWritten - this.#stream.writableLength : null;
    return this.#takePace.isSlow(bytes, nowMs, times.clientRateWindowMs, caps.clientRateMin);
  }
}
