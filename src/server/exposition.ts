import type { Metric } from "./metric-table.ts";

/** What the text is, for Content-Type: Prometheus text format 0.0.4. */
export const EXPOSITION_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const ESCAPED = /[\\"\n]/;

/** Label values may hold anything: backslash, double quote and line feed are escaped (text format 0.0.4). */
export function labelValue(text: string): string {
  return ESCAPED.test(text)
    ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")
    : text;
}

/** `a="1",b="2"`, for a metric's labels and their values in the same order. */
export function labels(metric: Metric, values: readonly string[]): string {
  // Put together by hand: a large installation has tens of thousands of them on each page.
  let text = "";
  for (let i = 0; i < metric.labels.length; i++)
    text += `${i === 0 ? "" : ","}${metric.labels[i]}="${labelValue(values[i]!)}"`;
  return text;
}

/** Text of one metric after the other; all samples of a metric have to come together. */
export class Exposition {
  readonly #lines: string[] = [];

  begin({ name, type, help }: Metric): void {
    this.#lines.push(`# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`);
  }

  /** One sample of the metric begun; `suffix` for parts of histograms and summaries. `labelText` as `labels` gives it. */
  sample(metric: Metric, labelText: string, value: number, suffix = ""): void {
    const braces = labelText === "" ? "" : `{${labelText}}`;
    this.#lines.push(`${metric.name}${suffix}${braces} ${value}\n`);
  }

  text(): string {
    return this.#lines.join("");
  }
}
