import { takeBuffer } from "./buffer-pool.ts";
import type { Times } from "./data-plane.ts";
import type { Meter } from "./meter.ts";
import type { Wire } from "./wire.ts";
import type { WireOwner } from "./wire-owner.ts";

/**
 * Two connections after a 101: bytes go both ways as they come, and nobody here looks into them. A side that cannot take more stops
 * the reading of the other. A side that has said its last word (FIN) is passed on as just that, and the other way goes on. When a
 * connection breaks, so does the other. It ends, once, when both are gone.
 */
export class Tunnel {
  readonly #client: End;
  readonly #instance: End;
  readonly #meter: Meter;
  readonly #times: Times;
  readonly #over: () => void;
  #movedMs: number;
  #goneCount = 0;
  #isCut = false;

  constructor(
    client: Wire,
    instance: Wire,
    how: {
      readonly meter: Meter;
      readonly times: Times;
      readonly nowMs: () => number;
      readonly over: () => void;
    },
  ) {
    this.#meter = how.meter;
    this.#times = how.times;
    this.#over = how.over;
    this.#movedMs = how.nowMs();
    const moved = () => {
      this.#movedMs = how.nowMs();
    };
    const gone = () => {
      if (++this.#goneCount === 2) this.#over();
    };
    this.#client = new End(client, moved, gone, (bytes) => {
      this.#meter.bytesIn += bytes;
    });
    this.#instance = new End(instance, moved, gone, (bytes) => {
      this.#meter.bytesOut += bytes;
    });
    this.#client.begin(this.#instance);
    this.#instance.begin(this.#client);
  }

  /** Bytes that the client sent before the tunnel was there. They are copied. */
  sentAhead(buf: Buffer, from: number, to: number): void {
    this.#client.early(buf, from, to);
  }

  /** Bytes that stood behind the 101. They are copied. */
  cameBehind(buf: Buffer, from: number, to: number): void {
    this.#instance.early(buf, from, to);
  }

  /** Cuts it when nothing has moved for too long, and says so once; `nowMs` is monotonic. */
  sweep(nowMs: number): boolean {
    const isHalf = this.#client.isEnded || this.#instance.isEnded;
    const limitMs = isHalf ? this.#times.tunnelHalfMs : this.#times.tunnelIdleMs;
    if (this.#isCut || nowMs - this.#movedMs <= limitMs) return false;
    this.#isCut = true;
    this.#client.wire.destroy();
    this.#instance.wire.destroy();
    return true;
  }

  /** Both sides are told that no more will come, after what is on its way. */
  close(): void {
    this.#client.wire.end();
    this.#instance.wire.end();
  }
}

/** One of the two connections. */
class End implements WireOwner {
  readonly wire: Wire;
  /** It will send no more. */
  isEnded = false;
  readonly #moved: () => void;
  readonly #gone: () => void;
  readonly #count: (bytes: number) => void;
  #other!: End;

  constructor(wire: Wire, moved: () => void, gone: () => void, count: (bytes: number) => void) {
    this.wire = wire;
    this.#moved = moved;
    this.#gone = gone;
    this.#count = count;
  }

  begin(other: End): void {
    this.#other = other;
    this.wire.handTo(this);
    if (other.wire.isPending) this.wire.pause();
    else this.wire.resume();
  }

  early(buf: Buffer, from: number, to: number): void {
    if (from === to) return;
    const out = takeBuffer(to - from);
    buf.copy(out, 0, from, to);
    this.#count(to - from);
    if (!this.#other.wire.write(out, 0, to - from, out)) this.wire.pause();
  }

  bytes(buf: Buffer, to: number): void {
    this.#moved();
    this.#count(to);
    if (!this.#other.wire.pass(buf, 0, to)) this.wire.pause();
  }

  flushed(): void {
    this.#moved();
    this.#other.wire.resume();
  }

  connected(): void {}

  ended(): void {
    this.isEnded = true;
    this.#moved();
    this.#other.wire.end();
  }

  gone(error: Error | null): void {
    // After two last words each connection closes by itself, as soon as its other side has taken all. Anything else is a break.
    if (error !== null || !this.isEnded || !this.#other.isEnded) this.#other.wire.destroy();
    this.#gone();
  }
}
