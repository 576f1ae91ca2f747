/** The six fields of a time of EAS (eas-reference §6.2), with their ranges and the names that some take. */
const FIELDS = [
  { name: "second", from: 0, to: 59, words: [] },
  { name: "minute", from: 0, to: 59, words: [] },
  { name: "hour", from: 0, to: 23, words: [] },
  { name: "day of the month", from: 1, to: 31, words: [] },
  {
    name: "month",
    from: 1,
    to: 12,
    words: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
  },
  { name: "day of the week", from: 0, to: 6, words: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] },
] as const satisfies readonly { name: string; from: number; to: number; words: readonly string[] }[];

type CronField = (typeof FIELDS)[number];

/** What is wrong with a time, as what is allowed in its place; null: nothing is. Operators are `*`, `/`, `,` and `-`. */
export function cronFault(text: string): string | null {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== FIELDS.length) {
    return `six fields with spaces between them: ${FIELDS.map(({ name }) => name).join(", ")}`;
  }
  for (const [i, field] of FIELDS.entries()) {
    if (parts[i]!.split(",").every((item) => isItem(item, field))) continue;
    const words = field.words.length === 0 ? "" : ` or ${field.words[0]} to ${field.words.at(-1)}`;
    return `as ${field.name}: *, or numbers from ${field.from} to ${field.to}${words}, with - , and /`;
  }
  return null;
}

/** `*`, `5`, `1-5`, `MON-FRI`, and each of them with `/` and a step. */
function isItem(item: string, field: CronField): boolean {
  const [range = "", step, ...more] = item.split("/");
  if (more.length > 0 || (step !== undefined && !(/^[0-9]{1,2}$/.test(step) && Number(step) >= 1)))
    return false;
  if (range === "*") return true;
  const [first = "", last, ...rest] = range.split("-");
  const from = numberOf(first, field);
  const to = last === undefined ? from : numberOf(last, field);
  return rest.length === 0 && from !== null && to !== null && from <= to;
}

function numberOf(text: string, { from, to, words }: CronField): number | null {
  const word = (words as readonly string[]).indexOf(text.toUpperCase());
  if (word >= 0) return word + from;
  const number = /^[0-9]{1,2}$/.test(text) ? Number(text) : -1;
  return number >= from && number <= to ? number : null;
}
