import { nextTable, SERVICES, withBigTable } from "../../harness/big-table.ts";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost } from "../../harness/outcome.ts";
import { prove } from "../../harness/proof.ts";
import { inTurns, SMALL } from "../../harness/side.ts";
import { pause } from "../../harness/stage.ts";
import { median, spread } from "../../harness/statistics.ts";
import type { RateResult } from "../../load/constant-rate.ts";
import { capacityOf, sendAtRate } from "../../load/rate.ts";
import { startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const HOW = { connections: 64, isSpinning: false };
const SWAP_MS = 1_000;

/** What happens each second of a turn. */
const KINDS = [
  { name: "no change", changed: 0, isWhole: false },
  { name: "no change, again", changed: 0, isWhole: false },
  { name: "change of 20 services", changed: 20, isWhole: false },
  { name: "change of all services", changed: SERVICES, isWhole: false },
  { name: "whole table", changed: SERVICES, isWhole: true },
];

/** What requests see of new tables of 2,000 services with 20,000 instances, one each second. */
export const table: Suite = async (stage, { rounds, seconds, rate }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const first = withBigTable(jobTable({ number: 1, upstream: address, hasLimits: true }));
  const gateway = await GatewayWorkers.start(stage, "gateway", first);
  console.log(await prove(gateway));
  const perS = rate ?? Math.round((await capacityOf(stage, gateway, SMALL, HOW)) / 2);
  // A turn of one second would see one change or none.
  const turnS = Math.max(seconds, 3);
  const found = await inTurns(KINDS, { rounds, seconds: turnS }, async (kind, intervalS) => {
    let [isOver, swapped] = [false, 0];
    const load = sendAtRate(stage, gateway, SMALL, { ...HOW, perS, intervalS, intervals: 1 }).finally(() => {
      isOver = true;
    });
    const begunAt = performance.now();
    while (!isOver && kind.changed > 0) {
      const next = nextTable(gateway.table, kind.changed);
      await (kind.isWhole ? gateway.apply(next) : gateway.change(next));
      swapped++;
      const leftMs = begunAt + swapped * SWAP_MS - performance.now();
      await Promise.race([load, pause(Math.max(0, leftMs))]);
    }
    const [result] = await load;
    if (result!.failed > 0) throw new Error(`${result!.failed} requests failed: ${kind.name}`);
    return { ...result!, swapped };
  });
  const over = (name: string, key: keyof RateResult) =>
    found.get(KINDS.find((kind) => kind.name === name)!)!.map((result) => result[key] / 1000);
  const rows = KINDS.map((kind) => ({
    "each second": kind.name,
    changes: found.get(kind)!.reduce((sum, { swapped }) => sum + swapped, 0),
    "p50 ms": spread(over(kind.name, "p50Us"), 3),
    "p99 ms": spread(over(kind.name, "p99Us"), 3),
    "p99.9 ms": spread(over(kind.name, "p999Us"), 2),
    unanswered: found.get(kind)!.reduce((sum, { unanswered }) => sum + unanswered, 0),
    "worst ms": Math.max(...over(kind.name, "maxUs")).toFixed(1),
  }));
  const p99 = (name: string) => median(over(name, "p99Us"));
  const off = (p99("no change") + p99("no change, again")) / 2;
  const noise = Math.abs(p99("no change") - p99("no change, again"));
  const bar = (name: string) => {
    const text = `${name}: p99 changes by less than 1 ms (off against off: ${noise.toFixed(3)} ms)`;
    const verdict = atMost(text, p99(name) - off, 0.999, 3);
    // Where two turns without a change are that far apart, a change within it can be told neither way.
    return noise < 1 || p99(name) - off > noise ? verdict : { ...verdict, isMet: null };
  };
  return {
    suite: "table",
    tables: [
      {
        title: `${SERVICES} services with 20,000 instances at ${perS} requests/s; ${rounds} rounds of ${turnS} s`,
        rows,
      },
    ],
    verdicts: ["change of 20 services", "change of all services", "whole table"].map(bar),
    raw: Object.fromEntries([...found].map(([{ name }, results]) => [name, results])),
  };
};
