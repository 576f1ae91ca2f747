import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { changeCommands, tableCommands } from "../../../src/core/table-commands.ts";
import { routeChange } from "../../../src/core/traffic/route-change.ts";
import type { RouteTable } from "../../../src/core/traffic/route-table.ts";
import { nextTable, SERVICES, withBigTable } from "../../harness/big-table.ts";
import { goFirst, hasCores, spreadOver, stayOn } from "../../harness/cores.ts";
import { GatewayWorkers, linesOf } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { textOption } from "../../harness/options.ts";
import type { Row, Verdict } from "../../harness/outcome.ts";
import { stolenMs } from "../../harness/process-cost.ts";
import { prove } from "../../harness/proof.ts";
import { inTurns, SMALL } from "../../harness/side.ts";
import { pause } from "../../harness/stage.ts";
import { median, spread } from "../../harness/statistics.ts";
import type { Watched } from "../../harness/watched.ts";
import type { RateResult } from "../../load/constant-rate.ts";
import { sendAtRate } from "../../load/rate.ts";
import { startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const HOW = { connections: 64, isSpinning: false };
/** The programs around the gateway need less than a fifth of a core for it, so that what requests wait for is the gateway. */
const PER_S = 1_000;
const SWAP_MS = 1_000;
/** The main thread of the gateway has the one core, all the rest the other. */
const [GATEWAY_CORE, OTHER_CORE] = [0, 1];

/** What happens each second of a turn. */
const KINDS = [
  { name: "no change", changed: 0, isWhole: false },
  { name: "no change, again", changed: 0, isWhole: false },
  { name: "change of 20 services", changed: 20, isWhole: false },
  { name: "change of all services", changed: SERVICES, isWhole: false },
  { name: "whole table", changed: SERVICES, isWhole: true },
];

type Kind = (typeof KINDS)[number];

/** What a turn found. */
interface Turn extends RateResult {
  /** Until each table was in force. */
  readonly inForceMs: readonly number[];
  readonly watched: Watched;
  /** What the machine's host gave to others meanwhile: no pause of ours. */
  readonly stolenMs: number;
}

/** Tables and how to get to each from the one before, made before any of it is measured, and without garbage left of it. */
function prepared(from: RouteTable, { changed, isWhole }: Kind, count: number) {
  const swaps: { readonly table: RouteTable; readonly bytes: Buffer }[] = [];
  for (let table = from; changed > 0 && swaps.length < count; ) {
    const next = nextTable(table, changed);
    const bytes = linesOf(isWhole ? tableCommands(next) : changeCommands(routeChange(table, next)));
    swaps.push({ table: next, bytes });
    table = next;
  }
  collect();
  return swaps;
}

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What requests see of new tables of 2,000 services with 20,000 instances, one each second. */
export const table: Suite = async (stage, { rounds, seconds, rate }) => {
  if (hasCores) stayOn(OTHER_CORE);
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const first = withBigTable(jobTable({ number: 1, upstream: address, hasLimits: true }));
  const nodeOptions = (textOption("node-options") ?? "").split(" ").filter((option) => option !== "");
  const gateway = await GatewayWorkers.start(stage, "gateway", first, "watched", {
    nodeOptions,
  });
  console.log(await prove(gateway));
  if (hasCores) for (const pid of gateway.pids()) spreadOver(pid, GATEWAY_CORE, OTHER_CORE);
  const isFirst = [upstream.pid, ...gateway.pids()].map(goFirst).every((may) => may);
  const perS = rate ?? PER_S;
  // A turn of one second would see one change or none.
  const turnS = Math.max(seconds, 3);
  const found = await inTurns(KINDS, { rounds, seconds: turnS }, async (kind, intervalS): Promise<Turn> => {
    const swaps = prepared(gateway.table, kind, Math.floor(intervalS));
    const inForceMs: number[] = [];
    await gateway.watched();
    const stolenBefore = stolenMs();
    const load = sendAtRate(stage, gateway, SMALL, { ...HOW, perS, intervalS, intervals: 1, isFirst });
    // The first second of the load is not counted.
    await pause(1_500);
    const begunAt = performance.now();
    for (const [i, { table, bytes }] of swaps.entries()) {
      await pause(Math.max(0, begunAt + i * SWAP_MS - performance.now()));
      const sentAt = performance.now();
      await gateway.take(table, bytes);
      inForceMs.push(performance.now() - sentAt);
    }
    const [result] = await load;
    const [watched] = await gateway.watched();
    if (result!.failed > 0) throw new Error(`${result!.failed} requests failed: ${kind.name}`);
    return { ...result!, inForceMs, watched: watched!, stolenMs: stolenMs() - stolenBefore };
  });
  const of = (name: string) => found.get(KINDS.find((kind) => kind.name === name)!)!;
  const p99 = (name: string) => of(name).map(({ p99Us }) => p99Us / 1000);
  // Of the same round, so that a slow spell of the machine hits both.
  const off = p99("no change").map((ms, i) => (ms + p99("no change, again")[i]!) / 2);
  const added = (name: string) => p99(name).map((ms, i) => ms - off[i]!);
  const noise = p99("no change").map((ms, i) => Math.abs(ms - p99("no change, again")[i]!));
  const bar = (name: string): Verdict => {
    const [value, apart] = [median(added(name)), median(noise)];
    return {
      bar: `${name}: p99 changes by less than 1 ms`,
      found: `${spread(added(name), 3)} ms by rounds (off against off: ${apart.toFixed(3)} ms)`,
      // Where two turns without a change are that far apart, a change within it can be told neither way.
      isMet: apart >= 1 && Math.abs(value) <= apart ? null : value < 1,
    };
  };
  return {
    suite: "table",
    tables: [
      {
        title: `${SERVICES} services with 20,000 instances at ${perS} requests/s; ${rounds} rounds of ${turnS} s${isFirst ? "; real-time priority" : ""}`,
        rows: KINDS.map((kind) => requestRow(kind.name, found.get(kind)!)),
      },
      {
        title: "what the worker saw of itself",
        rows: KINDS.map((kind) => workerRow(kind.name, found.get(kind)!, turnS)),
      },
    ],
    verdicts: ["change of 20 services", "change of all services", "whole table"].map(bar),
    raw: Object.fromEntries([...found].map(([{ name }, results]) => [name, results])),
  };
};

function requestRow(name: string, turns: readonly Turn[]): Row {
  const over = (key: keyof RateResult) => turns.map((turn) => turn[key] / 1000);
  return {
    "each second": name,
    changes: turns.reduce((sum, { inForceMs }) => sum + inForceMs.length, 0),
    "in force after ms": median(turns.flatMap(({ inForceMs }) => inForceMs)).toFixed(0),
    "p50 ms": spread(over("p50Us"), 3),
    "p99 ms": spread(over("p99Us"), 3),
    "p99.9 ms": spread(over("p999Us"), 2),
    unanswered: turns.reduce((sum, { unanswered }) => sum + unanswered, 0),
    "worst ms": Math.max(...over("maxUs")).toFixed(1),
  };
}

function workerRow(name: string, turns: readonly Turn[], turnS: number): Row {
  const over = (pick: (watched: Watched) => number) => turns.map(({ watched }) => pick(watched));
  const pauses = (kind: string) => {
    const all = turns.map(({ watched }) => watched.pauses[kind] ?? { count: 0, ms: 0, maxMs: 0 });
    const sum = (key: "count" | "ms") => all.reduce((total, one) => total + one[key], 0);
    const worst = Math.max(...all.map(({ maxMs }) => maxMs));
    return `${(sum("count") / turns.length).toFixed(0)}, ${(sum("ms") / turns.length).toFixed(1)}, ${worst.toFixed(1)}`;
  };
  return {
    "each second": name,
    "timer late p99 ms": spread(
      over((w) => w.lateP99Ms),
      2,
    ),
    "p99.9": spread(
      over((w) => w.lateP999Ms),
      2,
    ),
    worst: Math.max(...over((w) => w.lateMaxMs)).toFixed(1),
    "young: count, ms, worst": pauses("young"),
    "all: count, ms, worst": pauses("all"),
    "step: count, ms, worst": pauses("step"),
    [`CPU ms in ${turnS} s`]: median(over((w) => w.cpuMs)).toFixed(0),
    "waited for core ms": median(over((w) => w.waitedMs)).toFixed(0),
    "stolen from the machine ms": median(turns.map((turn) => turn.stolenMs)).toFixed(0),
    "MB resident": median(over((w) => w.rssMb)).toFixed(0),
  };
}
