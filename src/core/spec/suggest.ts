import { FIELD_PLACES, type FieldNode } from "./field-tree.ts";

/** Longest name that a near one is looked for: the work grows with the square of it. */
const NAME_CHARS_MAX = 64;
/** Most names listed when none is near. */
const LISTED_MAX = 12;

/** Upper and lower case, `_` and `-` do not count: `trafficState` is as good as `traffic_state`. */
const fold = (name: string) => name.toLowerCase().replaceAll(/[_-]/g, "");

/**
 * Edits from `a` to `b`: letters added, left out, changed, or swapped with the next one (optimal string alignment).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforeLast[j - 2]! + 1);
      }
      row.push(best);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}

/** The nearest of `names` that is near enough to be meant: about one edit for every three letters. */
export function nearest(name: string, names: Iterable<string>): { name: string; distance: number } | null {
  if (name.length > NAME_CHARS_MAX) return null;
  const folded = fold(name);
  let best: { name: string; distance: number } | null = null;
  for (const candidate of names) {
    const allowed = Math.floor(Math.max(folded.length, 3) / 3);
    if (Math.abs(candidate.length - name.length) > allowed + 3) continue;
    const distance = editDistance(folded, fold(candidate));
    if (distance <= allowed && (best === null || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best;
}

/** What to write in place of the unknown `name` in `block`: for the `allowed` part of a problem. */
export function suggestField(name: string, block: FieldNode): string {
  const here = nearest(name, block.children.keys());
  const anywhere = nearest(name, FIELD_PLACES.keys());
  if (here !== null && (anywhere === null || here.distance <= anywhere.distance)) {
    return `a known field; did you mean "${here.name}"?`;
  }
  if (anywhere !== null) {
    return `a known field; did you mean ${FIELD_PLACES.get(anywhere.name)!.slice(0, 3).join(" or ")}?`;
  }
  const names = [...block.children.keys()];
  if (names.length === 0) return "nothing below this field";
  return names.length <= LISTED_MAX
    ? `a known field: ${names.join(", ")}`
    : "a known field; all are listed in docs/reference/service-json.md";
}
