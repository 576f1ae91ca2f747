import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import type { Row } from "../../harness/outcome.ts";
import { prove } from "../../harness/proof.ts";
import { SMALL } from "../../harness/side.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import { Comparison } from "../comparison.ts";
import type { Suite } from "../suite.ts";

const COUNTS = [1, 32, 256, 2000];

/** From one connection to many. nginx keeps as many idle ones to the upstream as there are clients. */
export const connections: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const sides = [
    await startNginxProxy(stage, { upstream: upstream.tcp, keptCount: Math.max(...COUNTS) }),
    await startHaproxy(stage, { upstream: upstream.tcp }),
    await GatewayWorkers.start(stage, "gateway", jobTable({ number: 1, upstream: address, hasLimits: true })),
  ];
  for (const side of sides) console.log(await prove(side));
  const rows: Row[] = [];
  const raw: Record<string, unknown> = {};
  for (const count of COUNTS) {
    const load = { request: SMALL, connections: count, rounds, seconds };
    const found = await Comparison.run(stage, sides, load);
    rows.push(...found.rows(["nginx", "HAProxy"], { connections: count }));
    raw[count] = found.raw();
  }
  const title = `40 B over 1 to 2,000 connections; ${rounds} rounds of ${seconds} s`;
  return { suite: "connections", tables: [{ title, rows }], verdicts: [], raw };
};
