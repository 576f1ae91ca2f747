import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost } from "../../harness/outcome.ts";
import { prove } from "../../harness/proof.ts";
import { inTurns, type Side, SMALL } from "../../harness/side.ts";
import { median, spread } from "../../harness/statistics.ts";
import type { RateResult } from "../../load/constant-rate.ts";
import { capacityOf, sendAtRate } from "../../load/rate.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const HOW = { connections: 64, isSpinning: true };

/** What a proxy adds to the way to the upstream, at half of what the slowest of them can do. */
export const latency: Suite = async (stage, { rounds, seconds, rate }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const proxies: Side[] = [
    await startNginxProxy(stage, { upstream: upstream.tcp }),
    await startHaproxy(stage, { upstream: upstream.tcp }),
    await GatewayWorkers.start(stage, "gateway", jobTable({ number: 1, upstream: address, hasLimits: true })),
  ];
  for (const side of proxies) console.log(await prove(side));
  const capacities: number[] = [];
  for (const side of proxies) capacities.push(await capacityOf(stage, side, SMALL, HOW));
  const perS = rate ?? Math.round(Math.min(...capacities) / 2);
  const direct: Side = { name: "direct", port: upstream.port, pids: () => [] };
  const sides = [direct, ...proxies];
  const found = await inTurns(sides, { rounds, seconds }, async (side, intervalS) => {
    const load = { ...HOW, perS, intervalS, intervals: 1, ...(side === direct && { prefix: "" }) };
    const [result] = await sendAtRate(stage, side, SMALL, load);
    if (result!.failed > 0) throw new Error(`${result!.failed} requests through ${side.name} failed`);
    return result!;
  });
  const over = (side: Side, key: keyof RateResult) => found.get(side)!.map((result) => result[key]);
  const added = (side: Side, key: keyof RateResult) =>
    over(side, key).map((us, i) => us - over(direct, key)[i]!);
  const rows = sides.map((side, i) => ({
    side: side.name,
    "capacity req/s": i === 0 ? "" : capacities[i - 1]!.toFixed(0),
    "req/s": median(over(side, "perS")).toFixed(0),
    "p50 µs": spread(over(side, "p50Us"), 0),
    "added p50 µs": spread(added(side, "p50Us"), 0),
    "p99 µs": spread(over(side, "p99Us"), 0),
    "added p99 µs": spread(added(side, "p99Us"), 0),
    "p99.9 µs": median(over(side, "p999Us")).toFixed(0),
  }));
  const [nginx, , gateway] = proxies as [Side, Side, Side];
  const p50 = median(added(gateway, "p50Us")) - median(added(nginx, "p50Us"));
  // What nginx adds may vanish in the noise of the two ways; then there is nothing to compare with.
  const base = median(added(nginx, "p99Us"));
  const p99 = base > 0 ? median(added(gateway, "p99Us")) / base : Number.NaN;
  return {
    suite: "latency",
    tables: [
      {
        title: `added latency at ${perS} requests/s, half of the slowest side's capacity; ${rounds} rounds of ${seconds} s`,
        rows,
      },
    ],
    verdicts: [
      atMost("added p50 at most nginx's + 30 µs; above nginx's by µs", p50, 30, 0),
      atMost("added p99 at most 1.5 × nginx's", p99, 1.5),
    ],
    raw: Object.fromEntries([...found].map(([{ name }, results]) => [name, results])),
  };
};
