/** A gateway worker that looks at its own loop and collector, and on SIGUSR2 writes down what it saw since the last time. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { constants, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import { runGatewayRole } from "../../src/roles/gateway.ts";
import { WATCHED_FILE, type Watched } from "./watched.ts";

const KINDS: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MINOR]: "young",
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "all",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "step",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weak",
};
const args = process.argv.slice(2);
const dir = args[args.indexOf("--dir") + 1]!;
let pauses: Record<string, { count: number; ms: number; maxMs: number }> = {};
const collector = new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const { duration, detail } = entry as PerformanceEntry & { readonly detail: { readonly kind: number } };
    const kind = KINDS[detail.kind] ?? "other";
    pauses[kind] ??= { count: 0, ms: 0, maxMs: 0 };
    const sum = pauses[kind];
    sum.count++;
    sum.ms += duration;
    sum.maxMs = Math.max(sum.maxMs, duration);
  }
});
collector.observe({ entryTypes: ["gc"] });
/** A timer of 1 ms, without JavaScript in it: whatever stops the loop makes it late. */
const TICK_MS = 1;
const ticks = monitorEventLoopDelay({ resolution: TICK_MS });
ticks.enable();

/** CPU time of the main thread, and time that it waited for a core (`/proc/PID/task/TID/schedstat`), in ms. */
function schedule(): readonly [cpuMs: number, waitedMs: number] {
  const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, "latin1");
  const [cpuNs, waitedNs] = text.split(" ").map(Number);
  return [cpuNs! / 1e6, waitedNs! / 1e6];
}

let before = schedule();

process.on("SIGUSR2", () => {
  const now = schedule();
  const late = (ns: number) => (ticks.count === 0 ? 0 : Math.max(0, ns / 1e6 - TICK_MS));
  const seen: Watched = {
    lateP50Ms: late(ticks.percentile(50)),
    lateP99Ms: late(ticks.percentile(99)),
    lateP999Ms: late(ticks.percentile(99.9)),
    lateMaxMs: late(ticks.max),
    pauses,
    cpuMs: now[0] - before[0],
    waitedMs: now[1] - before[1],
    rssMb: process.memoryUsage.rss() / 2 ** 20,
  };
  const file = join(dir, WATCHED_FILE);
  writeFileSync(`${file}.new`, JSON.stringify(seen));
  renameSync(`${file}.new`, file);
  pauses = {};
  ticks.reset();
  before = schedule();
});
await runGatewayRole(args);
