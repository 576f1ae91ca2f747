/** Writes docs/reference/metrics.md from the one table of metrics. `node tools/reference-metrics.ts` */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BATCH_ENDS } from "../src/core/instance-work.ts";
import { DURATION_ENDS_S } from "../src/core/meter/duration-buckets.ts";
import { METRICS, type Metric } from "../src/server/metric-table.ts";

export const METRICS_PAGE = join(import.meta.dirname, "..", "docs", "reference", "metrics.md");

/** The page as it should be. */
export function metricsReference(): string {
  const rows = Object.values<Metric>(METRICS).map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((l) => `\`${l}\``).join(", ")} | ${help} |`,
  );
  return `# Metrics

Written from \`src/server/metric-table.ts\` by \`tools/reference-metrics.ts\`. \`GET /metrics\` on the control API tells them in Prometheus'
text format 0.0.4; it asks for an access key like the rest of the API. How to scrape it, and what to look at: [monitoring](../guide/monitoring.md).

| Metric | Type | Labels | Meaning |
| --- | --- | --- | --- |
${rows.join("\n")}

- Counters are those of all gateways together and begin at 0 with the control process (\`process_start_time_seconds\`). A gateway that ends or is
  replaced takes nothing back; one that is killed takes its last second with it.
- \`sluice_compute_seconds\` and \`sluice_batch_size\` are counted by each instance's engine, begin at 0 with it, and are at most 5 s old. Requests of the warm-up are not in
  them; those are that nobody waited for any more. The compute time of a request in a batch is that until its own answer begins. Instances of command services tell neither.
- \`instance\` is an instance of the service, as \`sluice w\` names it, or \`none\` for requests that came to none. Scrape with
  \`honor_labels: true\`, or Prometheus renames it to \`exported_instance\`.
- Ends of the buckets of \`sluice_request_duration_seconds\`, in seconds: ${DURATION_ENDS_S.join(", ")}. They are filled from a finer histogram; a
  value within 1.6 % of an end may count in the bucket above. Those of \`sluice_batch_size\`: ${BATCH_ENDS.join(", ")}.
- At most 32 different codes are told apart for one instance, further ones are \`other\`. The series of an instance that is gone end 5 minutes after its
  last request. Totals of 10,000 instances are kept; beyond that those go that were silent for longest.
`;
}

if (import.meta.main) writeFileSync(METRICS_PAGE, metricsReference());
