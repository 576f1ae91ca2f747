import { constants, type ServerHttp2Stream } from "node:http2";
import { Md5 } from "../../base/message-digest.ts";
import { DATA_PATH_REASONS, type DataPathReason } from "../../core/errors.ts";
import { GRPC, messageOf, timeoutMs } from "../../core/grpc.ts";
import { MessageHead } from "../../http1/message-head.ts";
import { parseRequestHead } from "../../http1/request-head.ts";
import type { Admission } from "../admission.ts";
import { type Exchange, Payload, type WorkerSlots } from "../exchange.ts";
import { FRAME } from "../frames.ts";
import type { ActiveRequest, HttpFront } from "../http-front.ts";
import { reasonText } from "../responses.ts";
import { MessageGatherer } from "./message-gatherer.ts";
import { answerOf, methodOf, type Refusal, requestOf, statusOf } from "./translation.ts";

const head = new MessageHead();
const GRPC_TYPE = /^application\/grpc(?:\+proto)?(?:;|$)/;
/** Fields that say who calls (eas-reference §3.2). */
const ADMISSION_FIELDS = ["authorization", "content-md5", "content-type", "date"];
/** Longest time that a timer can be set to; a deadline beyond is none. */
const TIMER_MS_MAX = 2 ** 31 - 1;
/** Flag and length before a message. */
const PREFIX_BYTES = 5;

/**
 * One gRPC call: its message is gathered, becomes a request to a worker like any other, and the answer a message again. It passes the same
 * token check, queue, deadlines and limits as a request of HTTP/1.1.
 */
export class InferenceCall implements Exchange, ActiveRequest {
  queueNext: Exchange | null = null;
  queuePrevious: Exchange | null = null;
  isQueued = false;
  queuedAt = 0;
  worker: WorkerSlots | null = null;
  workerRequestId = 0;
  readonly payload = new Payload();
  activeNext: ActiveRequest | null = null;
  activePrevious: ActiveRequest | null = null;
  startedAt = 0;

  readonly #http: HttpFront;
  readonly #stream: ServerHttp2Stream;
  readonly #admission: Admission;
  #method = "";
  #gatherer: MessageGatherer | null = null;
  #md5: { readonly digest: Md5; readonly wanted: string } | null = null;
  /** What the caller's own deadline leaves, ms; null: it has none. */
  #callerMs: number | null = null;
  #timer: NodeJS.Timeout | null = null;
  /** Of the allowance for bodies: the message, and then the answer until it is taken. */
  #heldBytes = 0;
  #isSubmitted = false;
  #isOver = false;
  /** When it began to wait in the queue, monotonic ms, and how long it did; only gateways are told. */
  #waitsSince = 0;
  #queueUs = 0;

  constructor(http: HttpFront, stream: ServerHttp2Stream, admission: Admission) {
    this.#http = http;
    this.#stream = stream;
    this.#admission = admission;
  }

  /** `raw`: the fields of its head, name and value in turn. */
  begin(raw: readonly string[]): void {
    const stream = this.#stream;
    this.#http.began(this);
    stream.on("close", () => this.#closed());
    const fields = new Map<string, string>();
    for (let i = 0; i < raw.length; i += 2) fields.set(raw[i]!, raw[i + 1]!);
    if (fields.get(":method") !== "POST" || !GRPC_TYPE.test(fields.get("content-type") ?? "")) {
      this.#over();
      // As the specification of gRPC asks of a server.
      stream.respond({ ":status": 415, "x-sluice-reason": "PROTOCOL_MISMATCH" }, { endStream: true });
      this.#leaveRest();
      return;
    }
    const why = this.#admit(fields);
    if (why !== null) {
      this.#refuse(why);
      return;
    }
    if (this.#method === "") {
      this.#end({
        status: GRPC.UNIMPLEMENTED,
        text: "no such method; there is inference.GRPCInferenceService with ServerLive, ServerReady, ModelReady, ServerMetadata, ModelMetadata, ModelInfer",
      });
      return;
    }
    this.#setDeadline(fields.get("grpc-timeout"));
    this.#gather(fields.get("grpc-encoding") ?? "identity");
  }

  #admit(fields: ReadonlyMap<string, string>): DataPathReason | null {
    let text = `POST ${fields.get(":path")} HTTP/1.1\r\nhost: instance\r\n`;
    for (const name of ADMISSION_FIELDS) if (fields.has(name)) text += `${name}: ${fields.get(name)}\r\n`;
    const buf = Buffer.from(`${text}\r\n`, "latin1");
    if (parseRequestHead(head, buf, 0, buf.length) !== buf.length) return "BAD_REQUEST";
    const path = this.#admission.check(head, buf);
    if (typeof path === "string") return path;
    const wanted = this.#admission.bodyMd5;
    if (wanted !== null) this.#md5 = { digest: new Md5(), wanted };
    this.#method = methodOf(buf.toString("latin1", path, head.targetTo)) ?? "";
    const waitMs = this.#http.limiter?.take(this.startedAt) ?? 0;
    return waitMs > 0 ? "RATE_LIMITED" : null;
  }

  #setDeadline(timeout: string | undefined): void {
    const ms = timeout === undefined ? null : timeoutMs(timeout);
    if (ms === null || ms > TIMER_MS_MAX) return;
    this.#callerMs = ms;
    this.#timer = setTimeout(() => this.expire(), ms);
  }

  #gather(encoding: string): void {
    const { limits, allowance } = this.#http;
    const hold = (bytes: number) => {
      if (!allowance.hold(bytes)) return false;
      this.#heldBytes += bytes;
      return true;
    };
    this.#gatherer = new MessageGatherer(encoding, limits.bodyBytesMax, hold);
    this.#stream.on("data", (chunk: Buffer) => {
      if (this.#isOver) return;
      this.#md5?.digest.add(chunk, 0, chunk.length);
      const refusal = this.#gatherer!.push(chunk);
      if (refusal !== null) this.#end(refusal);
    });
    this.#stream.on("end", () => {
      if (this.#isOver) return;
      if (this.#md5 !== null && !this.#md5.digest.isHex(this.#md5.wanted)) {
        this.#refuse("BODY_DIGEST_MISMATCH");
        return;
      }
      this.#gatherer!.finish((message) => this.#received(message));
    });
  }

  #received(message: Buffer | Refusal): void {
    if (this.#isOver) {
      this.#giveBack();
      return;
    }
    if (!Buffer.isBuffer(message)) {
      this.#end(message);
      return;
    }
    const request = requestOf(this.#method, message, this.#http.limits.bodyBytesMax);
    if (!("head" in request)) {
      this.#end(request);
      return;
    }
    const line = Buffer.from(request.head, "latin1");
    const front = Buffer.allocUnsafe(2 + line.length);
    front.writeUInt16LE(line.length, 0);
    front.set(line, 2);
    const body = Buffer.concat(request.body);
    if (body.length > this.#http.limits.bodyBytesMax) {
      this.#refuse("BODY_TOO_LARGE");
      return;
    }
    this.payload.set(FRAME.REQUEST, front, front.length, body, 0, body.length);
    this.payload.isOwned = true;
    this.#isSubmitted = true;
    if (this.#http.isStopped) this.#refuse("INSTANCE_DRAINING");
    else if (!this.#http.dispatcher.submit(this)) this.#refuse("QUEUE_FULL");
    else if (this.isQueued && this.#admission.isForGateways) this.#waitsSince = this.#http.now();
  }

  leftQueue(): void {
    if (this.#waitsSince !== 0)
      this.#queueUs = Math.max(1, Math.round((this.#http.now() - this.#waitsSince) * 1000));
  }

  /** Metadata of an answer: for a gateway, how long the call waited. */
  get #times(): Record<string, string> {
    return this.#queueUs === 0 ? {} : { "x-sluice-queue-us": String(this.#queueUs) };
  }

  get deadlineMs(): number {
    return this.startedAt + Math.min(this.#http.keepaliveMs, this.#callerMs ?? Number.POSITIVE_INFINITY);
  }

  answered(status: number, headText: string, buf: Buffer, from: number, to: number): void {
    if (this.#isOver) return;
    const answer = answerOf(this.#method, status, headText, buf.subarray(from, to));
    if (!Buffer.isBuffer(answer)) {
      this.#end(answer);
      return;
    }
    this.#over();
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    if (!this.#http.allowance.hold(answer.length)) {
      this.#finish(
        { status: GRPC.RESOURCE_EXHAUSTED, text: "answers that clients do not take use up their allowance" },
        null,
      );
      return;
    }
    this.#heldBytes += answer.length;
    const front = Buffer.alloc(PREFIX_BYTES);
    front.writeUInt32BE(answer.length, 1);
    stream.respond(
      {
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-accept-encoding": "identity,deflate,gzip",
        ...this.#times,
      },
      { waitForTrailers: true },
    );
    stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": String(GRPC.OK) }));
    stream.write(front);
    stream.end(answer);
  }

  /** A ready-made processor answers whole; one that does not cannot be told by this protocol. */
  began(): void {
    this.#withdraw();
    this.#end({ status: GRPC.INTERNAL, text: "the processor answers in parts" });
  }

  part(): void {}

  completed(): void {}

  refused(status: number, message: Buffer): void {
    this.#end({ status: statusOf(status), text: message.toString("utf8") }, "PROCESSOR_REFUSED");
  }

  workerDied(): void {
    this.#refuse("WORKER_DIED");
  }

  expire(): void {
    this.#withdraw();
    this.#refuse("KEEPALIVE_EXCEEDED");
  }

  giveUp(): void {
    this.#withdraw();
    this.#refuse("INSTANCE_DRAINING");
  }

  #refuse(reason: DataPathReason): void {
    const text = reasonText(reason).toString("utf8").trimEnd();
    this.#end({ status: statusOf(DATA_PATH_REASONS[reason].status), text }, reason);
  }

  #end(refusal: Refusal, reason: DataPathReason | null = null): void {
    if (this.#isOver) return;
    this.#over();
    this.#finish(refusal, reason);
  }

  /** Trailers without a message. A client that still sends is told that it need not (RFC 9113 §8.1). */
  #finish({ status, text }: Refusal, reason: DataPathReason | null): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    stream.respond(
      {
        ":status": 200,
        "content-type": "application/grpc",
        "grpc-status": String(status),
        "grpc-message": messageOf(text),
        ...(reason === null ? {} : { "x-sluice-reason": reason }),
        ...this.#times,
      },
      { endStream: true },
    );
    this.#leaveRest();
  }

  #leaveRest(): void {
    const stream = this.#stream;
    if (stream.readableEnded) return;
    stream.resume();
    // A reset in the same turn would overtake the trailers.
    setImmediate(() => {
      if (!stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  /** Nothing of it is under way any more. */
  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.startedAt !== 0) this.#http.ended(this);
    this.#giveBack();
    this.payload.clear();
    this.#gatherer = null;
  }

  #giveBack(): void {
    this.#http.allowance.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #withdraw(): void {
    if (this.#isSubmitted && !this.#isOver) this.#http.dispatcher.withdraw(this);
  }

  /** The stream is gone: answered, or left by its client. */
  #closed(): void {
    this.#withdraw();
    this.#over();
    this.#giveBack();
  }
}
