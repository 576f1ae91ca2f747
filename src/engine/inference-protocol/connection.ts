import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Admission } from "../admission.ts";
import type { ClientConnection, HttpFront } from "../http-front.ts";
import { InferenceCall } from "./call.ts";

/** How a connection begins whose client knows that we speak HTTP/2 (RFC 9113 §3.4); so much of it looks like a head, and nghttp2 checks the rest. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\n", "latin1");

/** Calls of one connection at once. More than `max_queue_size` and `worker_threads` mostly let in. */
const STREAMS_MAX = 256;
/** What a call may send before the engine has looked at it, and so per read: tensors are large, and the path is short. */
const WINDOW_BYTES = 1024 * 1024;
/** As the gateway has it: what node:http2 may hold for one connection, heads and unsent frames. */
const SESSION_MEGABYTES_MAX = 64;

/** True when `buf[from..to)` begins as a connection of HTTP/2 does. */
export function isPreface(buf: Buffer, from: number, to: number): boolean {
  return to - from >= PREFACE.length && PREFACE.compare(buf, from, from + PREFACE.length) === 0;
}

/** One HTTP/2 connection, with calls of inference.GRPCInferenceService as its streams. */
export class InferenceConnection implements ClientConnection {
  readonly #http: HttpFront;
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  #streamCount = 0;
  #quietSince: number;

  /** `head`: what was read from `socket` already. */
  constructor(http: HttpFront, socket: Socket, head: Buffer, admission: Admission) {
    this.#http = http;
    this.#socket = socket;
    this.#quietSince = http.coarseNow;
    // What is given back has to wait for its new reader.
    socket.pause();
    socket.removeAllListeners("data");
    socket.unshift(head);
    const session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: STREAMS_MAX, initialWindowSize: WINDOW_BYTES },
      maxSessionMemory: SESSION_MEGABYTES_MAX,
      strictSingleValueFields: false,
    });
    this.#session = session;
    session.on("stream", (stream, _headers, _flags, raw) => this.#take(stream, raw, admission));
    session.on("error", () => {}); // 'close' follows
    session.on("close", () => http.closed(this));
    if (http.isDraining) session.close();
  }

  #take(stream: ServerHttp2Stream, raw: readonly string[], admission: Admission): void {
    this.#streamCount++;
    this.#quietSince = this.#http.coarseNow;
    stream.on("error", () => {}); // its 'close' follows
    stream.on("close", () => {
      this.#streamCount--;
      this.#quietSince = this.#http.coarseNow;
    });
    new InferenceCall(this.#http, stream, admission).begin(raw);
  }

  get hasUnsent(): boolean {
    return this.#streamCount > 0 || this.#socket.writableLength > 0;
  }

  /** Without calls for too long; or with calls of which nothing has moved for so long: then the client does not take its answers. */
  isOverdue(now: number): boolean {
    return now - this.#quietSince > this.#http.limits.idleConnectionMs;
  }

  leave(): void {
    if (!this.#session.closed) this.#session.close();
  }

  destroy(): void {
    this.#session.destroy(undefined, constants.NGHTTP2_NO_ERROR);
  }
}
