import type { TallyRow } from "./tally.ts";

/** Where the demo writes. */
export interface DemoIo {
  write(text: string): void;
  /** A terminal: the table may be drawn over itself. */
  readonly isTerminal: boolean;
}

const HEADERS = ["member", "requests", "share", "p50 ms", "p99 ms", "wrong"];

/** The table as lines of equal length, indented by two spaces; names left, numbers right. */
export function tableLines(rows: readonly TallyRow[]): string[] {
  const cells = [HEADERS, ...rows.map(cellsOf)];
  const widths = HEADERS.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  return cells.map((line) => {
    const padded = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
    );
    return `  ${padded.join("   ")}`;
  });
}

function cellsOf(row: TallyRow): string[] {
  const ms = (value: number | null) => (value === null ? "-" : value.toFixed(2));
  const share = `${(row.share * 100).toFixed(2)} %`;
  return [row.member, String(row.requests), share, ms(row.p50Ms), ms(row.p99Ms), String(row.wrong)];
}

/** Draws a table again and again in one place. Without a terminal only the last one is printed. */
export function liveTable(io: DemoIo): {
  draw(rows: readonly TallyRow[]): void;
  finish(rows: readonly TallyRow[]): void;
} {
  let drawnLines = 0;
  const print = (rows: readonly TallyRow[]) => {
    const lines = tableLines(rows);
    // Up to the first line of the last table, then each line is cleared before it is written anew.
    const up = drawnLines > 0 ? `\x1b[${drawnLines}A` : "";
    const clear = io.isTerminal ? "\x1b[2K" : "";
    io.write(`${up}${lines.map((line) => `${clear}${line}\n`).join("")}`);
    drawnLines = lines.length;
  };
  return {
    draw: (rows) => {
      if (io.isTerminal) print(rows);
    },
    finish: print,
  };
}
