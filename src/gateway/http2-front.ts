import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { DATA_PATH_REASONS } from "../core/errors.ts";
import { FIELDS_MAX } from "../http1/limits.ts";
import { bytesInFlight } from "./bytes-in-flight.ts";
import { Client } from "./client.ts";
import type { Connection } from "./connection.ts";
import type { DataPlane } from "./data-plane.ts";
import { GrpcCall } from "./grpc-call.ts";
import { isReset } from "./http2-abuse.ts";
import { framingOf, type Http2Request, readRequest, writeHead } from "./http2-head.ts";
import { streamSocket } from "./http2-stream.ts";
import * as limits from "./limits.ts";
import { takePlace } from "./places.ts";
import { TokenBucket } from "./token-bucket.ts";

/** What a connection starts with when the client knows that we speak HTTP/2 (RFC 9113 §3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
/** So much of it is seen before node:http2 takes over: it looks like a head to a reader of HTTP/1.1, and nghttp2 checks the rest. */
const PREFACE_HEAD_BYTES = 18;

/** All stream ids that there are: a GOAWAY with it tells that the end comes, and refuses nothing yet (RFC 9113 §6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1;

/** What the first bytes of a connection, `buf[0..to)`, are: the preface, the beginning of it, or something else. */
export function prefaceIn(buf: Buffer, to: number): "whole" | "part" | "none" {
  const length = Math.min(to, PREFACE_HEAD_BYTES);
  if (PREFACE.compare(buf, 0, length, 0, length) !== 0) return "none";
  return to >= PREFACE_HEAD_BYTES ? "whole" : "part";
}

/**
 * Serves HTTP/2 on a connection, to its end: of the plain port after a preface, or of TLS when ALPN chose `h2`. The caller has taken its place
 * (`takePlace`) for `address`; it is given back here. `head`: bytes that were read from it already, which are ours to keep.
 */
export function serveHttp2(socket: Socket, plane: DataPlane, address: string, head: Buffer | null): void {
  new Http2Connection(socket, plane, address, head);
}

/** One HTTP/2 connection of a client: takes its streams in, and watches over what costs us more than its client. */
class Http2Connection implements Connection {
  readonly isIdle = true;
  readonly #plane: DataPlane;
  readonly #address: string;
  readonly #session: ServerHttp2Session;
  readonly #isSecure: boolean;
  readonly #streams = new Set<ServerHttp2Stream>();
  readonly #resets: TokenBucket;
  readonly #controls: TokenBucket;
  #movedMs: number;
  /** Of `bytesInFlight`, what the streams held at the last sweep. */
  #heldBytes = 0;
  /** When its client was told that the end comes; monotonic ms. */
  #toldMs: number | null = null;
  #isCalmed = false;

  constructor(socket: Socket, plane: DataPlane, address: string, head: Buffer | null) {
    this.#plane = plane;
    this.#address = address;
    this.#isSecure = (socket as Partial<TLSSocket>).encrypted === true;
    this.#movedMs = plane.nowMs;
    this.#resets = new TokenBucket(limits.HTTP2_RESETS_AT_ONCE, limits.HTTP2_RESETS_PER_SECOND, plane.nowMs);
    this.#controls = new TokenBucket(
      limits.HTTP2_CONTROLS_AT_ONCE,
      limits.HTTP2_CONTROLS_PER_SECOND,
      plane.nowMs,
    );
    plane.clients.add(this);
    if (head !== null) socket.unshift(head);
    const session = performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: plane.caps.http2StreamsMax,
        maxHeaderListSize: limits.HTTP2_HEAD_BYTES_MAX,
      },
      maxHeaderListPairs: FIELDS_MAX + limits.HTTP2_PSEUDO_FIELDS_MAX,
      // nghttp2 has the same rule, unseen by us; its bound must not be met first.
      streamResetBurst: 10 * limits.HTTP2_RESETS_AT_ONCE,
      streamResetRate: 10 * limits.HTTP2_RESETS_PER_SECOND,
      maxSessionMemory: limits.HTTP2_SESSION_MEGABYTES_MAX,
      strictSingleValueFields: false,
    });
    this.#session = session;
    session.on("stream", (stream, _headers, _flags, raw) => this.#take(stream, raw));
    session.on("ping", () => this.#control());
    session.on("remoteSettings", () => this.#control());
    // What nghttp2 ends a connection for: broken frames, floods of CONTINUATION, or acknowledgements that nobody reads.
    session.on("error", () => {
      if (!this.#isCalmed) plane.limited.count("http2_errors");
    });
    session.on("close", () => {
      bytesInFlight.sum -= this.#heldBytes;
      this.#heldBytes = 0;
      plane.clients.delete(this);
      plane.addresses.leave(address);
    });
  }

  #take(stream: ServerHttp2Stream, raw: readonly string[]): void {
    const plane = this.#plane;
    this.#movedMs = plane.nowMs;
    this.#streams.add(stream);
    stream.on("error", () => {}); // its 'close' follows, and says the same
    stream.on("close", () => this.#closed(stream));
    const request = readRequest(raw);
    if (typeof request === "string") {
      plane.unrouted++;
      refuseMalformed(stream, request);
      return;
    }
    const limit = takePlace(plane, this.#address);
    if (limit !== null) {
      plane.limited.count(limit);
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
      return;
    }
    if (request.isGrpc) new GrpcCall(stream, request, plane, this.#address).begin(this.#isSecure);
    else this.#serveHttp(stream, request);
  }

  /** Through the path that all HTTP/1.1 requests go. */
  #serveHttp(stream: ServerHttp2Stream, request: Http2Request): void {
    const framing = framingOf(request, stream.endAfterHeaders);
    const socket = streamSocket(stream, {
      head: writeHead(request, request.path, framing, this.#isSecure),
      framing,
      contentLength: request.contentLength,
      isHead: request.method === "HEAD",
    });
    new Client(socket, this.#plane, this.#address);
  }

  #closed(stream: ServerHttp2Stream): void {
    const { nowMs } = this.#plane;
    this.#movedMs = nowMs;
    this.#streams.delete(stream);
    if (isReset(stream) && !this.#resets.take(nowMs)) this.#calm("http2_resets");
  }

  #control(): void {
    if (!this.#controls.take(this.#plane.nowMs)) this.#calm("http2_controls");
  }

  /** The client does too much of what costs it nothing: the connection ends at once. */
  #calm(limit: string): void {
    if (this.#session.destroyed) return;
    this.#plane.limited.count(limit);
    this.#isCalmed = true;
    this.#session.destroy(new Error(limit), constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  /** Open streams go on to their end; the connection ends with the last one. */
  close(): void {
    this.#session.close();
  }

  closeTunnel(): void {}

  destroy(): void {
    this.#session.destroy();
  }

  sweep(nowMs: number): void {
    const { times, isDraining, limited } = this.#plane;
    this.#countHeld();
    if (isDraining) this.#leave(nowMs);
    if (this.#streams.size > 0 || nowMs - this.#movedMs <= times.clientIdleMs) return;
    limited.count("client_idle");
    if (this.#session.closed) this.#session.destroy();
    else this.#session.close();
  }

  /** A client that hears of the end early opens no stream that would cross it. So its connection ends with its last stream, and loses none. */
  #leave(nowMs: number): void {
    if (this.#session.destroyed) return;
    if (this.#toldMs === null) {
      this.#toldMs = nowMs;
      this.#session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM_ID);
    } else if (nowMs - this.#toldMs > this.#plane.times.drainIdleMs) this.close();
  }

  /** What waits in streams, for instances that do not take it or clients that do not: known at sweeps, which is near enough for a sum. */
  #countHeld(): void {
    let held = 0;
    for (const stream of this.#streams) held += stream.readableLength + stream.writableLength;
    bytesInFlight.sum += held - this.#heldBytes;
    this.#heldBytes = held;
  }
}

/** The answer to a request that cannot be written down as HTTP/1.1. */
function refuseMalformed(stream: ServerHttp2Stream, why: string): void {
  const { status } = DATA_PATH_REASONS.BAD_REQUEST;
  stream.respond([
    ":status",
    String(status),
    "content-type",
    "text/plain; charset=utf-8",
    "x-sluice-reason",
    "BAD_REQUEST",
  ]);
  stream.end(why);
  stream.close(constants.NGHTTP2_NO_ERROR);
}
