import type { Client } from "./client.ts";
import type { DataPlane } from "./data-plane.ts";
import type { Exchange } from "./exchange.ts";
import { FirstBytes } from "./first-bytes.ts";
import type { Instance } from "./instance.ts";
import { CROWDED_MS_MAX } from "./limits.ts";
import type { Service } from "./service.ts";
import { Upstream } from "./upstream.ts";

/**
 * The tries of one request to get to an instance: which has it, on which connection, and whether another may have it. Each exchange
 * has one, used again and again.
 */
export class Tries {
  /** Whose request it is. */
  client!: Client;
  /** Who has the request; null: nobody, or nobody any more. */
  instance: Instance | null = null;
  /** The connection that it is on. After a failed try it is the one that failed. */
  upstream: Upstream | null = null;
  readonly first = new FirstBytes();
  readonly #exchange: Exchange;
  readonly #plane: DataPlane;
  #service: Service | null = null;
  #key = 0;
  #isIdempotent = false;
  #isRetried = false;
  /** Set while no connection could be made because too many others were; and how often that was so. */
  #pause: NodeJS.Timeout | null = null;
  #pauses = 0;
  /** Bytes that came with the head and were counted nowhere yet. */
  #firstBytesIn = 0;

  constructor(exchange: Exchange, plane: DataPlane) {
    this.#exchange = exchange;
    this.#plane = plane;
  }

  /** Sends what `first` holds to an instance of `service`. `bytesIn`: what the client has sent of the request so far. */
  begin(service: Service, key: number, isIdempotent: boolean, bytesIn: number): void {
    this.#service = service;
    this.#key = key;
    this.#isIdempotent = isIdempotent;
    this.#isRetried = false;
    this.#pauses = 0;
    this.#firstBytesIn = bytesIn;
    this.#sendFirst(service);
  }

  #sendFirst(service: Service): void {
    const instance = service.pick(null, this.#key);
    const meter = instance === null ? service.meter : instance.meter;
    this.#exchange.countAt(meter);
    meter.bytesIn += this.#firstBytesIn;
    this.#firstBytesIn = 0;
    if (instance === null) this.#exchange.end("NO_READY_INSTANCE");
    else this.#send(instance, false);
  }

  /** Hands the kept bytes to an instance; `isFresh` asks for a new connection. */
  #send(instance: Instance, isFresh: boolean): void {
    this.instance = instance;
    instance.inFlight++;
    this.#service!.inFlight++;
    for (;;) {
      const pooled = isFresh ? undefined : instance.idle.pop();
      const upstream = pooled ?? new Upstream(instance, this.#plane);
      this.upstream = upstream;
      this.#exchange.answersFrom(upstream.wire);
      if (upstream.start(this.#exchange, this.first)) {
        // Nothing more is read from the client until these bytes are gone, so that they stay all there is.
        if (!this.first.isTaken) this.client.pauseForUpstream();
        return;
      }
      // A kept connection that the other side has closed: it took no byte, so this is no second try.
      if (pooled === undefined) break;
    }
    this.#exchange.upstreamFailed(this.upstream);
  }

  /** The try on `upstream` failed before any of the answer went to the client. */
  failed(upstream: Upstream): void {
    const { times, nowMs } = this.#plane;
    if (upstream.isCrowded && this.#exchange.ageMs() < times.connectMs) {
      this.#waitForRoom();
      return;
    }
    const instance = this.instance!;
    if (!upstream.isConnected) instance.suspect(nowMs, times.suspectMs);
    const next = this.#secondTry(instance, upstream.isConnected, upstream.isReused);
    if (next === null) {
      this.#exchange.end("BAD_UPSTREAM");
      return;
    }
    this.release();
    this.#isRetried = true;
    this.#exchange.countRetry();
    this.#exchange.countAt(next.meter);
    this.client.resumeFromUpstream();
    this.#send(next, true);
  }

  /** Comes back in a moment, to whoever is the least busy then. Nothing was sent, so this is no second try. */
  #waitForRoom(): void {
    const service = this.#service!;
    this.release();
    this.#exchange.countAt(service.meter);
    const pauseMs = Math.min(CROWDED_MS_MAX, 2 ** this.#pauses++);
    this.#pause = setTimeout(() => {
      this.#pause = null;
      this.#sendFirst(service);
    }, pauseMs);
  }

  /**
   * Where a request may be sent again: once, only while all of it so far is still held, and only when no byte of it
   * reached the first instance or the method is idempotent (design §6). To another instance; to the same one only when a kept connection was stale.
   */
  #secondTry(failed: Instance, wasReached: boolean, wasReused: boolean): Instance | null {
    if (this.#isRetried || this.first.buffer === null) return null;
    if (wasReached && !this.#isIdempotent) return null;
    const other = this.#service!.pick(failed, this.#key);
    return other ?? (wasReused && failed.isNamed ? failed : null);
  }

  /** The request is over: nothing waits or is kept any more. Whoever has it is let go of by `release`. */
  end(): void {
    if (this.#pause !== null) clearTimeout(this.#pause);
    this.#pause = null;
    this.first.drop();
  }

  /** Lets go of the instance that has it, if one has. */
  release(): void {
    this.upstream = null;
    const { instance } = this;
    if (instance === null) return;
    this.instance = null;
    this.#service!.inFlight--;
    if (this.#plane.routing.release(instance)) this.#plane.lingeringEnded();
  }
}
