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
const width = (text: string) => [...text].length;
const padEnd = (text: string, to: number) => text + " ".repeat(Math.max(0, to - width(text)));
const padStart = (text: string, to: number) => " ".repeat(Math.max(0, to - width(text))) + text;

/** A header is centred over its column and the blanks around it; an odd blank goes to the right. */
function centred(text: string, to: number): string {
  const left = Math.floor((to - width(text)) / 2);
  return padEnd(" ".repeat(left) + text, to);
}

/** Control characters in a cell would break the frame, or the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const oneLine = (value: string | number) => String(value).replace(/[\u0000-\u001f\u007f]+/g, " ");

/** A list as eascmd draws it: `+-|`, centred headers, numbers right-aligned. Ends with a line break. */
export function listTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const cells = rows.map((row) => columns.map((column) => oneLine(column.cell(row))));
  const widths = columns.map((column, at) =>
    Math.max(column.minWidth ?? 0, width(column.header), ...cells.map((row) => width(row[at]!))),
  );
  const pad = (text: string, at: number) =>
    columns[at]!.align === "right" ? padStart(text, widths[at]!) : padEnd(text, widths[at]!);
  const edge = rule(widths);
  const header = line(columns.map((column, at) => centred(column.header, widths[at]!)));
  return `${[edge, header, edge, ...cells.map((row) => line(row.map(pad))), ...(rows.length > 0 ? [edge] : [])].join("\n")}\n`;
}

/** Longest piece of a value before it goes on in the next line, as far as no line break comes first. */
export const VALUE_WIDTH = 80;

/** Key and value, as eascmd draws them: keys right-aligned, long values wrapped. Ends with a line break. */
export function keyTable(
  rows: readonly (readonly [key: string, value: string | number])[],
  valueWidth = VALUE_WIDTH,
): string {
  const pieces = rows.map(([key, value]) => ({ key, lines: wrapped(String(value), valueWidth) }));
  const widths = [
    Math.max(...pieces.map(({ key }) => width(key))),
    Math.max(...pieces.flatMap(({ lines }) => lines.map(width))),
  ] as const;
  const body = pieces.flatMap(({ key, lines }) =>
    lines.map((text, at) => line([padStart(at === 0 ? key : "", widths[0]), padEnd(text, widths[1])])),
  );
  const edge = rule(widths);
  return `${[edge, ...body, edge].join("\n")}\n`;
}

/** Pieces of at most `limit` characters; breaks at blanks where there are any. */
function wrapped(text: string, limit: number): string[] {
  return text.split("\n").flatMap((whole) => {
    const pieces: string[] = [];
    let rest = oneLine(whole);
    while (rest.length > limit) {
      const blank = rest.lastIndexOf(" ", limit);
      const isIndent = rest.slice(0, Math.max(0, blank)).trim() === "";
      const end = blank <= 0 || isIndent ? limit : blank;
      pieces.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return [...pieces, rest];
  });
}
