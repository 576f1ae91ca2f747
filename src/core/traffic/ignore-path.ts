/**
 * Paths of values that a comparison leaves out: a small part of JSONPath (RFC 9535). `$.time`, `$["a b"]`, `$.rows[0].id`,
 * `$.rows[*].id`, `$.*`. Everything below a path that is left out is left out, too.
 */

/** One step: a name, a place in a list, or `null` for any of either. */
export type IgnoreStep = string | number | null;
export type IgnorePath = readonly IgnoreStep[];

const STEP = /\.([A-Za-z_][\w-]*|\*)|\[(\d{1,9}|\*)\]|\["((?:[^"\\]|\\.)*)"\]/y;

/** The steps of a path; null when it is none. */
export function parseIgnorePath(text: string): IgnorePath | null {
  if (!text.startsWith("$") || text.length < 2) return null;
  const steps: IgnoreStep[] = [];
  let at = 1;
  while (at < text.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(text);
    if (match === null) return null;
    const [, name, place, quoted] = match;
    if (quoted !== undefined) {
      const unquoted = nameOf(quoted);
      if (unquoted === null) return null;
      steps.push(unquoted);
    } else if (name === "*" || place === "*") steps.push(null);
    else steps.push(name ?? Number(place));
    at = STEP.lastIndex;
  }
  return steps;
}

function nameOf(quoted: string): string | null {
  try {
    return JSON.parse(`"${quoted}"`) as string;
  } catch {
    return null;
  }
}

/** What is left of the paths one step down; null when one of them ends there: the value is left out. */
export function pathsBelow(
  paths: readonly IgnorePath[],
  step: string | number,
): readonly IgnorePath[] | null {
  if (paths.length === 0) return paths;
  const below: IgnorePath[] = [];
  for (const path of paths) {
    if (path[0] !== null && path[0] !== step) continue;
    if (path.length === 1) return null;
    below.push(path.slice(1));
  }
  return below;
}
