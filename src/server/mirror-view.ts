import type { MirrorSample } from "../core/gateway-report.ts";

/** What became of copies for one target, as the API tells it. */
export function mirrorCountsView(sample: MirrorSample) {
  const { tooLarge, unfinished, memory, busy, missing } = sample.dropped;
  return {
    Target: sample.target,
    Sent: sample.sent,
    Answered: sample.answered,
    Failed: sample.failed,
    Dropped: { TooLarge: tooLarge, Unfinished: unfinished, Memory: memory, Busy: busy, Missing: missing },
    Compared: sample.compared,
    Differing: sample.differing,
    Uncompared: sample.uncompared,
  };
}
