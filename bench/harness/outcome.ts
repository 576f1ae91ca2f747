import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";

/** What was asked for, and what came of it. */
export interface Verdict {
  /** In words, e.g. `CPU at most 0.85× nginx`. */
  readonly bar: string;
  readonly found: string;
  /** Null: this run cannot tell, and why is in `found`. */
  readonly isMet: boolean | null;
}

/** One line of a table: what to show by column. */
export type Row = Readonly<Record<string, string | number>>;

export interface Table {
  readonly title: string;
  readonly rows: readonly Row[];
}

/** What a suite found. */
export interface Outcome {
  readonly suite: string;
  readonly tables: readonly Table[];
  readonly verdicts: readonly Verdict[];
  /** Every single measurement, for the file only. */
  readonly raw: unknown;
}

/** `value` may be at most `most`. */
export function atMost(bar: string, value: number, most: number, digits = 2): Verdict {
  if (!Number.isFinite(value)) return { bar, found: "not measured", isMet: null };
  return { bar, found: value.toFixed(digits), isMet: value <= most };
}

/** The machine and its state, in one line. */
export function machine(): string {
  const kernel = execFileSync("uname", ["-r"], { encoding: "utf8" }).trim();
  const load = loadavg()[0]!.toFixed(1);
  return `${cpus().length} × ${cpus()[0]!.model.trim()}, Linux ${kernel}, Node ${process.version}, load ${load}`;
}

/** Prints tables and verdicts, and keeps all of it in `bench/out/<bench>-<suite>.json`; without the suite when a bench has only one, "". */
export function publish(bench: string, outcome: Outcome): void {
  for (const { title, rows } of outcome.tables) {
    console.log(`\n${title}`);
    console.log(textTable(rows));
  }
  for (const { bar, found, isMet } of outcome.verdicts) {
    const word = isMet === null ? "open" : isMet ? "met" : "not met";
    console.log(`${word.padEnd(8)} ${bar}: ${found}`);
  }
  const out = join(import.meta.dirname, "..", "out");
  mkdirSync(out, { recursive: true });
  const record = { at: new Date().toISOString(), machine: machine(), ...outcome };
  const name = outcome.suite === "" ? bench : `${bench}-${outcome.suite}`;
  writeFileSync(join(out, `${name}.json`), `${JSON.stringify(record, null, 1)}\n`);
}

/** Columns side by side in Markdown's way, so that a table can go into a document as it is. */
export function textTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "")));
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((line) => line[i]!.length)));
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  return [line(columns), line(widths.map((width) => "-".repeat(width))), ...cells.map(line)].join("\n");
}
