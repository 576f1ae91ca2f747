import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as dial } from "node:net";
import type { DataPlane } from "./data-plane.ts";
import type { Instance } from "./instance.ts";
import { GRPC_CALLS_PER_LINK_MAX, GRPC_LINKS_MAX, HTTP2_SESSION_MEGABYTES_MAX } from "./limits.ts";

/** Who waits for a link to be ready. */
export interface LinkUser {
  linkReady(link: GrpcLink): void;
  /** It never became ready, or has no room after all; `isFailed`: the instance could not be reached. */
  linkGone(isFailed: boolean): void;
}

/** The HTTP/2 connections of this worker to one instance that speaks gRPC: few, each with many calls. */
export class GrpcLinks {
  readonly #instance: Instance;
  readonly #plane: DataPlane;
  readonly #links = new Set<GrpcLink>();

  constructor(instance: Instance, plane: DataPlane) {
    this.#instance = instance;
    this.#plane = plane;
  }

  /** The link for one more call; null when as many as there may be have no room. */
  take(): GrpcLink | null {
    for (const link of this.#links) if (link.hasRoom) return link;
    if (this.#links.size >= GRPC_LINKS_MAX) return null;
    const link: GrpcLink = new GrpcLink(this.#instance, this.#plane, () => this.#links.delete(link));
    this.#links.add(link);
    return link;
  }

  /** Closes links that had no call for `idleMs`, and gives up those that were not made in time. */
  sweep(nowMs: number, idleMs: number): void {
    for (const link of this.#links) link.sweep(nowMs, idleMs);
  }

  /** No more calls; those that are there go on to their end. */
  close(): void {
    for (const link of this.#links) link.close();
  }
}

/**
 * One HTTP/2 connection to an instance. It is ready when the instance has said its settings: only then is it known to speak HTTP/2, and how
 * many calls it takes at once. Before that nothing of a call is sent. It takes no more calls once either side has begun to end it.
 */
export class GrpcLink {
  readonly startedMs: number;
  readonly #plane: DataPlane;
  readonly #session: ClientHttp2Session;
  readonly #waiting = new Set<LinkUser>();
  readonly #gone: () => void;
  #isReady = false;
  #isEnding = false;
  #calls = 0;
  #movedMs: number;

  constructor(instance: Instance, plane: DataPlane, gone: () => void) {
    this.#plane = plane;
    this.#gone = gone;
    this.startedMs = this.#movedMs = plane.nowMs;
    const { address } = instance;
    const where =
      address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
    const how = {
      createConnection: () => dial({ ...where, noDelay: true }),
      settings: { enablePush: false },
      maxSessionMemory: HTTP2_SESSION_MEGABYTES_MAX,
      // Metadata may have any name, and several values.
      strictSingleValueFields: false,
    };
    const session = connect("http://instance", how);
    this.#session = session;
    session.on("connect", () => instance.reached());
    session.on("remoteSettings", () => this.#ready());
    session.on("goaway", () => this.#end());
    session.on("error", () => {}); // 'close' follows
    session.on("close", () => this.#close(instance));
  }

  get hasRoom(): boolean {
    if (this.#isEnding) return false;
    const limit = this.#session.remoteSettings?.maxConcurrentStreams ?? GRPC_CALLS_PER_LINK_MAX;
    return this.#calls + this.#waiting.size < Math.min(limit, GRPC_CALLS_PER_LINK_MAX);
  }

  /** The connection is gone. */
  get isOver(): boolean {
    return this.#session.destroyed;
  }

  /** Tells `user` once calls may be opened, at once if it is so already. */
  await(user: LinkUser): void {
    if (this.#isReady) user.linkReady(this);
    else this.#waiting.add(user);
  }

  /** `user` waits no longer. */
  forget(user: LinkUser): void {
    this.#waiting.delete(user);
  }

  #ready(): void {
    if (this.#isReady) return;
    this.#isReady = true;
    const users = [...this.#waiting];
    this.#waiting.clear();
    for (const user of users) {
      if (this.hasRoom) user.linkReady(this);
      else user.linkGone(false);
    }
  }

  /** Opens a call with these fields, pseudo-header fields first. */
  open(fields: readonly string[], isRequestDone: boolean): ClientHttp2Stream {
    this.#calls++;
    const stream = this.#session.request(fields, { endStream: isRequestDone });
    stream.on("error", () => {}); // 'close' follows
    stream.on("close", () => {
      this.#calls--;
      this.#movedMs = this.#plane.nowMs;
    });
    return stream;
  }

  /** It was not made in time, or is of no use. */
  fail(): void {
    this.#session.destroy();
  }

  sweep(nowMs: number, idleMs: number): void {
    if (!this.#isReady && nowMs - this.startedMs > this.#plane.times.connectMs) this.fail();
    else if (this.#calls + this.#waiting.size === 0 && nowMs - this.#movedMs > idleMs) this.close();
  }

  close(): void {
    this.#end();
    if (this.#isReady || this.#waiting.size === 0) this.#session.close();
  }

  #end(): void {
    this.#isEnding = true;
    this.#gone();
  }

  #close(instance: Instance): void {
    this.#end();
    const users = [...this.#waiting];
    this.#waiting.clear();
    const { nowMs, times } = this.#plane;
    if (!this.#isReady && users.length > 0) instance.suspect(nowMs, times.suspectMs);
    for (const user of users) user.linkGone(true);
  }
}

/** How a call is given up towards an instance. */
export const CANCEL = constants.NGHTTP2_CANCEL;
