import { type MirrorCounts, type MirrorDrop, NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";

/** Counts what became of the copies from one service to one target since the last report. */
export class MirrorMeter {
  sent = 0;
  answered = 0;
  failed = 0;
  compared = 0;
  differing = 0;
  uncompared = 0;
  #dropped: Record<MirrorDrop, number> = { ...NO_MIRROR_COUNTS.dropped };
  #isAnyDropped = false;

  drop(reason: MirrorDrop): void {
    this.#dropped[reason]++;
    this.#isAnyDropped = true;
  }

  /** What was counted since the last call; null when nothing was. */
  take(): MirrorCounts | null {
    const { sent, answered, failed, compared, differing, uncompared } = this;
    if (sent + answered + failed + compared + differing + uncompared === 0 && !this.#isAnyDropped)
      return null;
    const dropped = this.#dropped;
    this.#dropped = { ...NO_MIRROR_COUNTS.dropped };
    this.#isAnyDropped = false;
    this.sent = this.answered = this.failed = this.compared = this.differing = this.uncompared = 0;
    return { sent, answered, failed, dropped, compared, differing, uncompared };
  }
}
