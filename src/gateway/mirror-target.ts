import { leastBusy } from "../core/traffic/pick.ts";
import type { AnswerCapture } from "./answer-capture.ts";
import type { DataPlane } from "./data-plane.ts";
import { isSameAddress } from "./instance.ts";
import { MIRROR_IN_FLIGHT_MAX, MIRROR_LIFE_MS, MIRROR_WAIT_MS, MIRROR_WAITING_MAX } from "./limits.ts";
import type { MirrorCopy } from "./mirror-copy.ts";
import { MirrorInstance } from "./mirror-instance.ts";
import { MirrorLink } from "./mirror-link.ts";
import { MirrorMeter } from "./mirror-meter.ts";
import type { Service } from "./service.ts";

/**
 * Where the copies of one service go to one other service: to its least busy instance, over connections of their own. A copy is
 * sent, or waits for a moment, or is dropped and counted. Nobody waits for anything here.
 */
export class MirrorTarget {
  readonly service: Service;
  readonly meter = new MirrorMeter();
  readonly #plane: DataPlane;
  /** Those with a copy in flight. */
  readonly #busy = new Set<MirrorLink>();
  #waiting: MirrorCopy[] = [];
  #instances: MirrorInstance[] = [];
  #turn = 0;
  #isClosed = false;

  constructor(service: Service, plane: DataPlane) {
    this.service = service;
    this.#plane = plane;
    this.refresh();
  }

  /** Monotonic ms at the last sweep. */
  get nowMs(): number {
    return this.#plane.nowMs;
  }

  /** Why a copy would be dropped now, so that it need not be made; null: it would not. */
  get refusal(): "missing" | "busy" | null {
    if (this.#instances.length === 0) return "missing";
    const isFull = this.#busy.size >= MIRROR_IN_FLIGHT_MAX && this.#waiting.length >= MIRROR_WAITING_MAX;
    return isFull ? "busy" : null;
  }

  /** Takes the instances of the table in force. Copies in flight to others go on to their end. */
  refresh(): void {
    const before = this.#instances;
    const byId = new Map(before.map((b) => [b.instance.id, b]));
    this.#instances = this.service.instances.map((instance) => {
      const known = byId.get(instance.id);
      return known !== undefined && isSameAddress(known.instance.address, instance.address)
        ? known
        : new MirrorInstance(instance);
    });
    const kept = new Set(this.#instances);
    for (const old of before) {
      if (kept.has(old)) continue;
      old.isNamed = false;
      old.closeIdle();
    }
  }

  /** A copy to send, or to drop. */
  offer(copy: MirrorCopy): void {
    if (this.#isClosed) this.#drop(copy, "missing");
    else if (this.#busy.size < MIRROR_IN_FLIGHT_MAX && this.#waiting.length === 0) this.#send(copy);
    else if (this.#waiting.length < MIRROR_WAITING_MAX) this.#waiting.push(copy);
    else this.#drop(copy, "busy");
  }

  #drop(copy: MirrorCopy, reason: "missing" | "busy"): void {
    this.meter.drop(reason);
    copy.pair?.closed();
    copy.release(false);
  }

  #send(copy: MirrorCopy): void {
    this.#turn = this.#turn + 1 < this.#instances.length ? this.#turn + 1 : 0;
    const instance = this.#instances[leastBusy(this.#instances, this.#turn, -1)];
    // Suspects are picked last, so all of them are: trying at each copy would cost more than it could give.
    if (instance === undefined || instance.isSuspect) {
      this.#drop(copy, "missing");
      return;
    }
    for (;;) {
      const pooled = instance.idle.pop();
      const link = pooled ?? new MirrorLink(instance, this);
      if (link.send(copy, this.nowMs)) {
        this.#busy.add(link);
        instance.copies++;
        this.meter.sent++;
        return;
      }
      // A kept connection that the other side has closed took no byte; a new one that fails at once means that nobody is there.
      if (pooled !== undefined) continue;
      this.#suspect(instance);
      this.#drop(copy, "missing");
      return;
    }
  }

  #suspect(instance: MirrorInstance): void {
    instance.isSuspect = true;
    instance.suspectUntilMs = this.nowMs + this.#plane.times.suspectMs;
  }

  /** The answer of a copy is here in whole. */
  answered(link: MirrorLink, copy: MirrorCopy, capture: AnswerCapture | null): void {
    this.meter.answered++;
    if (capture !== null) copy.pair!.copyAnswered(this, capture);
    this.#over(link);
  }

  /** A copy is not answered, and never will be. */
  failed(link: MirrorLink, copy: MirrorCopy): void {
    this.meter.failed++;
    if (!link.isConnected && !link.isCrowded) this.#suspect(link.instance);
    copy.pair?.copyFailed(this);
    this.#over(link);
  }

  #over(link: MirrorLink): void {
    this.#busy.delete(link);
    link.instance.copies--;
    if (this.#isClosed || this.#waiting.length === 0) return;
    this.#send(this.#waiting.shift()!);
  }

  /** Looks at the time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    const { times } = this.#plane;
    const limitMs = this.service.keepaliveMs + times.timeoutMarginMs;
    for (const link of [...this.#busy]) {
      const isUnconnected = !link.isConnected && nowMs - link.sentMs > times.connectMs;
      const isStuck = nowMs - link.movedMs > limitMs || nowMs - link.sentMs > MIRROR_LIFE_MS;
      if (isUnconnected || isStuck) link.fail();
    }
    let late = 0;
    while (late < this.#waiting.length && nowMs - this.#waiting[late]!.readyMs > MIRROR_WAIT_MS) late++;
    for (const copy of this.#waiting.splice(0, late)) this.#drop(copy, "busy");
    for (const instance of this.#instances) instance.sweep(nowMs, times.upstreamIdleMs);
  }

  /** It is a target no more: what waits is dropped, what is in flight is given up. */
  close(): void {
    this.#isClosed = true;
    for (const copy of this.#waiting.splice(0)) this.#drop(copy, "missing");
    for (const link of [...this.#busy]) link.fail();
    for (const instance of this.#instances) instance.closeIdle();
  }
}
