import { type AddressInfo, createServer, type Socket } from "node:net";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost } from "../../harness/outcome.ts";
import { prove } from "../../harness/proof.ts";
import { inTurns, SMALL } from "../../harness/side.ts";
import type { Stage } from "../../harness/stage.ts";
import { median, ratios, slope, spread } from "../../harness/statistics.ts";
import { measureByWrk, type Turn } from "../../harness/wrk.ts";
import { startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

/** Few, so that the worker is not full: the question is what a user waits, not what a full worker does. */
const CONNECTIONS = 8;

/** What a mirror of 100 % costs the primary. Two sides are without one, to show the noise. */
export const mirror: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(stage);
  const unix = { kind: "unix", path: upstream.unixPath } as const;
  const start = (name: string, table: object) =>
    GatewayWorkers.start(stage, name, jobTable({ number: 1, upstream: unix, ...table }));
  const off = await start("no mirror", {});
  const again = await start("no mirror, again", {});
  const hung = await start("target hung", { mirrorTo: await hungTarget(stage) });
  const answering = await start("target answers", {
    mirrorTo: { kind: "tcp", host: "127.0.0.1", port: upstream.port },
  });
  const sides = [off, again, hung, answering];
  for (const side of sides) console.log(await prove(side));
  const found = await inTurns(sides, { rounds, seconds }, (side, s) =>
    measureByWrk(stage, side, { request: SMALL, connections: CONNECTIONS, seconds: s }),
  );
  const over = (side: GatewayWorkers, key: keyof Turn) => found.get(side)!.map((turn) => turn[key]);
  const p99 = (side: GatewayWorkers) => median(over(side, "p99Us"));
  const rows = sides.map((side) => ({
    side: side.name,
    "p50 ms": (median(over(side, "p50Us")) / 1000).toFixed(3),
    "p99 ms": spread(
      over(side, "p99Us").map((us) => us / 1000),
      3,
    ),
    "CPU µs/req": spread(over(side, "cpuUs"), 1),
    "vs no mirror": median(ratios(over(side, "cpuUs"), over(off, "cpuUs"))).toFixed(2),
    "RSS MB": spread(
      over(side, "residentKib").map((kib) => kib / 1024),
      0,
    ),
    "copies sent": side.copies.sent,
    "copies dropped": side.copies.dropped,
  }));
  // Off against off is what this machine can tell apart now.
  const noise = Math.max(0.03, Math.abs(p99(again) / p99(off) - 1));
  const added = p99(hung) / ((p99(off) + p99(again)) / 2) - 1;
  const bar = `target hung: p99 above that without a mirror at most 3 % or the noise of off against off (${percent(noise)})`;
  const memory = over(hung, "residentKib").map((kib, i) => [i, kib / 1024] as const);
  const growth = rounds < 3 ? Number.NaN : slope(memory);
  return {
    suite: "mirror",
    tables: [
      { title: `mirror of 100 %, ${CONNECTIONS} connections; ${rounds} rounds of ${seconds} s`, rows },
    ],
    verdicts: [
      { bar, found: percent(added), isMet: added <= noise },
      atMost("target hung: memory flat, at most 1 MiB more each turn (straight line)", growth, 1),
    ],
    raw: Object.fromEntries([...found].map(([{ name }, turns]) => [name, turns])),
  };
};

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Takes connections, and never reads from them. */
async function hungTarget(stage: Stage) {
  const held = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    held.add(socket.on("error", () => {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stage.atEnd(() => {
    for (const socket of held) socket.destroy();
    server.close();
  });
  return { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port } as const;
}
