import type { CacheLimits } from "./limits.ts";

/** Lines for people of bytes that come in: `Downloading http file [43%]`, or so many MB when nobody says how much it is. */
export function progressLines(
  what: string,
  limits: CacheLimits,
  say: (line: string) => void,
): (bytes: number, bytesTotal: number | null) => void {
  let [lastLine, lastMs] = ["", Number.NEGATIVE_INFINITY];
  return (bytes, bytesTotal) => {
    const now = performance.now();
    const isEnd = bytes === bytesTotal;
    if (!isEnd && now - lastMs < limits.progressMs) return;
    const done = bytesTotal === null ? `${Math.floor(bytes / 1e6)} MB` : `${percent(bytes, bytesTotal)}%`;
    const line = `Downloading ${what} [${done}]`;
    if (line === lastLine) return;
    [lastLine, lastMs] = [line, now];
    say(line);
  };
}

function percent(bytes: number, bytesTotal: number): number {
  return bytesTotal === 0 ? 100 : Math.floor((bytes * 100) / bytesTotal);
}
