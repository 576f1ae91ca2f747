import type { MirrorTotals } from "../control/mirror-totals.ts";
import type { MirrorDrop } from "../core/traffic/mirror.ts";
import { type Exposition, labels } from "./exposition.ts";
import { METRICS } from "./metric-table.ts";

/** Label values of the reasons for which copies are not sent, in the case that Prometheus uses. */
const REASONS: Readonly<Record<MirrorDrop, string>> = {
  busy: "busy",
  missing: "missing",
  memory: "memory",
  tooLarge: "too_large",
  unfinished: "unfinished",
};
/** Metrics that are one count of a pair of service and target. */
const COUNTS = [
  [METRICS.mirrorSent, "sent"],
  [METRICS.mirrorAnswered, "answered"],
  [METRICS.mirrorFailed, "failed"],
  [METRICS.mirrorCompared, "compared"],
  [METRICS.mirrorDiffering, "differing"],
  [METRICS.mirrorUncompared, "uncompared"],
] as const;

/** What became of copies, by service and target. A pair that had any has all of its series, also those at 0. */
export function writeMirrors(out: Exposition, totals: Pick<MirrorTotals, "all">): void {
  const all = [...totals.all()];
  for (const [metric, count] of COUNTS) {
    out.begin(metric);
    for (const { service, target, counts } of all)
      out.sample(metric, labels(metric, [service, target]), counts[count]);
  }
  const dropped = METRICS.mirrorDropped;
  out.begin(dropped);
  for (const { service, target, counts } of all)
    for (const [reason, name] of Object.entries(REASONS) as [MirrorDrop, string][])
      out.sample(dropped, labels(dropped, [service, target, name]), counts.dropped[reason]);
}
