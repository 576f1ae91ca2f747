import type { MirrorDrop } from "../core/traffic/mirror.ts";
import type { AnswerPair } from "./answer-pair.ts";
import { giveBuffer, takeBuffer } from "./buffer-pool.ts";
import type { FirstBytes } from "./first-bytes.ts";
import { MIRROR_BODY_BYTES_MAX, MIRROR_COPY_OVERHEAD_BYTES } from "./limits.ts";
import type { Mirror } from "./mirror.ts";
import type { MirrorBudget } from "./mirror-budget.ts";
import type { MirrorTarget } from "./mirror-target.ts";

const MARK = Buffer.from("X-Sluice-Mirror: 1\r\n", "latin1");
const LINE_FEED = 0x0a;
/** Up to this a buffer comes from the pool. */
const POOLED_BYTES_MAX = 20 * 1024;

/** What a copy begins with. */
export interface Start {
  /** What the instance was sent so far. */
  readonly first: FirstBytes;
  /** Bytes of the body that `first` has. */
  readonly bodyBytes: number;
  /** Bytes of the body that are known to come. */
  readonly bodyBytesLeft: number;
  readonly isHead: boolean;
  /** For answers that are compared. */
  readonly newPair: () => AnswerPair | null;
}

/**
 * One request as targets get it: what the instance got, which has no client token and has the request id, and the mark. First its
 * bytes are gathered as they pass, then it is ready and belongs to its targets; the last of them to be done frees it.
 */
export class MirrorCopy {
  /** Those of the moment when it began. */
  readonly targets: readonly MirrorTarget[];
  readonly isHead: boolean;
  /** When it was ready; monotonic ms. */
  readyMs = 0;
  length = 0;
  /** Null: the answers are not compared. */
  readonly pair: AnswerPair | null;
  readonly #mirror: Mirror;
  readonly #budget: MirrorBudget;
  #buffer: Buffer | null;
  /** Bytes that are charged for it. */
  #charged: number;
  /** Bytes at which it is too large. */
  readonly #lengthMax: number;
  #uses = 0;
  #isGathering = true;
  /** A write that was given up may still point into the buffer. */
  #isTainted = false;

  private constructor(mirror: Mirror, budget: MirrorBudget, start: Start, buffer: Buffer, charged: number) {
    this.#mirror = mirror;
    this.#budget = budget;
    this.targets = mirror.targets;
    this.isHead = start.isHead;
    this.pair = start.newPair();
    this.#charged = charged;
    const { buffer: source, length } = start.first;
    const lineTo = source!.indexOf(LINE_FEED) + 1;
    let at = source!.copy(buffer, 0, 0, lineTo);
    at += MARK.copy(buffer, at);
    this.length = at + source!.copy(buffer, at, lineTo, length);
    this.#buffer = buffer;
    this.#lengthMax = this.length - start.bodyBytes + MIRROR_BODY_BYTES_MAX;
  }

  /** Begins a copy; null: there is no room. */
  static begin(mirror: Mirror, budget: MirrorBudget, start: Start): MirrorCopy | null {
    const bytes = start.first.length + MARK.length + start.bodyBytesLeft;
    const pooled = bytes <= POOLED_BYTES_MAX ? takeBuffer(bytes) : null;
    const charged = (pooled?.length ?? bytes) + MIRROR_COPY_OVERHEAD_BYTES;
    if (budget.take(charged)) {
      return new MirrorCopy(mirror, budget, start, pooled ?? Buffer.allocUnsafeSlow(bytes), charged);
    }
    if (pooled !== null) giveBuffer(pooled);
    return null;
  }

  get buffer(): Buffer {
    return this.#buffer!;
  }

  /** More of the request's body: the instance has it already. */
  add(buf: Buffer, from: number, to: number, isDone: boolean): void {
    if (!this.#isGathering) return;
    const length = this.length + to - from;
    if (length > this.#lengthMax) this.#giveUp("tooLarge");
    else if (length > this.#buffer!.length && !this.#grow(length)) this.#giveUp("memory");
    else {
      buf.copy(this.#buffer!, this.length, from, to);
      this.length = length;
      if (isDone) this.ready();
    }
  }

  /** Only bodies of unknown length grow. */
  #grow(length: number): boolean {
    const bytes = Math.min(this.#lengthMax, Math.max(length, this.#buffer!.length * 2));
    const more = bytes - this.#buffer!.length;
    if (!this.#budget.take(more)) return false;
    this.#charged += more;
    const larger = Buffer.allocUnsafeSlow(bytes);
    this.#buffer!.copy(larger, 0, 0, this.length);
    giveBuffer(this.#buffer!);
    this.#buffer = larger;
    return true;
  }

  /** All of the request is here. */
  ready(): void {
    this.#isGathering = false;
    this.#mirror.ready(this);
  }

  /** The exchange is over. `status` is what the client was answered by the instance, in whole; 0 when it was not. */
  over(status: number): void {
    if (this.#isGathering) this.#giveUp("unfinished");
    this.pair?.primaryOver(status);
  }

  #giveUp(reason: MirrorDrop): void {
    this.#isGathering = false;
    for (const target of this.targets) {
      target.meter.drop(reason);
      this.pair?.closed();
    }
    this.#free();
  }

  /** Hands it to its targets. */
  offer(): void {
    this.#uses = this.targets.length;
    for (const target of this.targets) target.offer(this);
  }

  /** One target needs the bytes no more; `isWritePending` when a write of them was given up. */
  release(isWritePending: boolean): void {
    if (isWritePending) this.#isTainted = true;
    if (--this.#uses === 0) this.#free();
  }

  #free(): void {
    if (this.#buffer !== null && !this.#isTainted) giveBuffer(this.#buffer);
    this.#buffer = null;
    this.#budget.give(this.#charged);
    this.#charged = 0;
  }
}
