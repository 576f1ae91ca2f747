import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { prove } from "../../harness/proof.ts";
import { type Side, SMALL } from "../../harness/side.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import { Comparison } from "../comparison.ts";
import type { Suite } from "../suite.ts";

/** One worker and two, at 64 connections: what sharing a port costs. More requests need more cores than two. */
export const workers: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const called = (side: Side, name: string): Side => ({ name, port: side.port, pids: () => side.pids() });
  const sides: Side[] = [];
  for (const count of [1, 2]) {
    const job = { upstream: upstream.tcp, workers: count };
    const table = jobTable({ number: 1, upstream: address, hasLimits: true, workers: count });
    sides.push(
      called(await startNginxProxy(stage, job), `nginx × ${count}`),
      called(await startHaproxy(stage, job), `HAProxy × ${count}`),
      await GatewayWorkers.start(stage, `gateway × ${count}`, table),
    );
  }
  for (const side of sides) console.log(await prove(side));
  const found = await Comparison.run(stage, sides, { request: SMALL, connections: 64, rounds, seconds });
  const title = `40 B, 64 connections, one worker and two; ${rounds} rounds of ${seconds} s`;
  const rows = found.rows(["nginx × 1", "nginx × 2", "HAProxy × 2"]);
  return { suite: "workers", tables: [{ title, rows }], verdicts: [], raw: found.raw() };
};
