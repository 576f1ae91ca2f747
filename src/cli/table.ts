import { beginning, textWidth as width } from "./text-width.ts";

/** One column of a list. */
export interface Column<T> {
  readonly header: string;
  /** Numbers stand right, everything else left. */
  readonly align?: "right";
  /** Least width of its text; eascmd gives names 25 (seeds 000 and 001). */
  readonly minWidth?: number;
  readonly cell: (row: T) => string | number;
}

const rule = (widths: readonly number[]) => `+${widths.map((width) => "-".repeat(width + 2)).join("+")}+`;
const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const padEnd = (text: string, to: number) => text + " ".repeat(Math.max(0, to - width(text)));
const padStart = (text: string, to: number) => " ".repeat(Math.max(0, to - width(text))) + text;

/** A header is centred over its column and the blanks around it; an odd blank goes to the right. */
function centred(text: string, to: number): string {
  const left = Math.floor((to - width(text)) / 2);
  return padEnd(" ".repeat(left) + text, to);
}

/** Control characters in a cell would break the frame, or the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const oneLine = (value: string | number) => String(value).replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");

/**
 * From here on a list that is wider than the terminal is drawn nevertheless, and the terminal wraps it, as with eascmd; below
 * it, nobody could read that, and each row is a block of keys and values.
 */
const LIST_SCREEN = 80;

/**
 * A list as eascmd draws it: `+-|`, centred headers, numbers right-aligned. Ends with a line break.
 * @param screen columns of the terminal; null: none, or it does not matter
 */
export function listTable<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  screen: number | null = null,
): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.minWidth ?? 0, width(column.header), ...cells.map((row) => width(row[at]!))),
  );
  const edge = rule(widths);
  if (screen !== null && screen < LIST_SCREEN && edge.length > screen) {
    if (rows.length === 0) return `no rows of ${columns.map((column) => column.header).join(", ")}\n`;
    return cells
      .map((row) =>
        keyTable(
          row.map((text, at) => [columns[at]!.header, text] as const),
          screen,
        ),
      )
      .join("");
  }
  const pad = (text: string, at: number) =>
    columns[at]!.align === "right" ? padStart(text, widths[at]!) : padEnd(text, widths[at]!);
  const header = line(columns.map((column, at) => centred(column.header, widths[at]!)));
  return `${[edge, header, edge, ...cells.map((row) => line(row.map(pad))), ...(rows.length > 0 ? [edge] : [])].join("\n")}\n`;
}

/** Longest piece of a value before it goes on in the next line, as far as no line break comes first. */
export const VALUE_WIDTH = 80;
/** On the narrowest terminal too, so much of a value stands in a line. */
const VALUE_WIDTH_MIN = 12;
/** What a line of a key and a value has beside them: `|  |  |`. */
const FRAME = 7;

/**
 * Key and value, as eascmd draws them: keys right-aligned, long values wrapped. Ends with a line break.
 * @param screen columns of the terminal; null: none, or it does not matter
 */
export function keyTable(
  rows: readonly (readonly [key: string, value: string | number])[],
  screen: number | null = null,
): string {
  const keyWidth = Math.max(...rows.map(([key]) => width(key)));
  const room = screen === null ? VALUE_WIDTH : Math.max(VALUE_WIDTH_MIN, screen - keyWidth - FRAME);
  const pieces = rows.map(([key, value]) => ({
    key,
    lines: wrapped(String(value), Math.min(VALUE_WIDTH, room)),
  }));
  const widths = [keyWidth, Math.max(...pieces.flatMap(({ lines }) => lines.map(width)))] as const;
  const body = pieces.flatMap(({ key, lines }) =>
    lines.map((text, at) => line([padStart(at === 0 ? key : "", widths[0]), padEnd(text, widths[1])])),
  );
  const edge = rule(widths);
  return `${[edge, ...body, edge].join("\n")}\n`;
}

/** Pieces of at most `limit` columns; breaks at blanks where there are any. */
function wrapped(text: string, limit: number): string[] {
  return text.split("\n").flatMap((whole) => {
    const pieces: string[] = [];
    let rest = oneLine(whole);
    while (width(rest) > limit) {
      const most = beginning(rest, limit);
      const blank = rest.lastIndexOf(" ", most.length);
      const isIndent = rest.slice(0, Math.max(0, blank)).trim() === "";
      const end = blank <= 0 || isIndent ? most.length : blank;
      pieces.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return [...pieces, rest];
  });
}
