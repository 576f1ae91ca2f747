import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Logs of instances that are gone, kept for each service: enough to look back over a few versions. */
const GONE_KEPT_MAX = 20;

/**
 * Removes the oldest logs of instances that are gone, rotated parts with them. Every version and restart names its
 * instances anew, so without this a service's logs would grow for ever.
 * @param isInUse true for an instance that still has its run folder
 */
export function pruneLogs(folder: string, isInUse: (id: string) => boolean): void {
  const files = Map.groupBy(readdirSync(folder), (name) => name.replace(/\.log(\.\d+)?$/, ""));
  const gone = [...files]
    .filter(([id]) => !isInUse(id))
    .map(([id, names]) => ({
      id,
      names,
      newestMs: Math.max(...names.map((n) => changedAtMs(join(folder, n)))),
    }))
    .toSorted((a, b) => b.newestMs - a.newestMs);
  for (const { names } of gone.slice(GONE_KEPT_MAX)) {
    for (const name of names) rmSync(join(folder, name), { force: true });
  }
}

function changedAtMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
