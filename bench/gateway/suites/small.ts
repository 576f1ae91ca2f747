import { join } from "node:path";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { prove } from "../../harness/proof.ts";
import { SMALL } from "../../harness/side.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import { startUndici } from "../../peers/undici.ts";
import { Comparison } from "../comparison.ts";
import type { Suite } from "../suite.ts";

/** 40 bytes, 32 connections, one worker with everything on: the figure that counts most. */
export const small: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(stage);
  const job = { upstream: upstream.tcp };
  const tcp = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const unix = { kind: "unix", path: upstream.unixPath } as const;
  const table = jobTable({ number: 1, upstream: tcp, hasLimits: true });
  const logged = await GatewayWorkers.start(stage, "gateway, access log 1 %", table);
  logged.accessLog(join(stage.dir, "access.log"), { share: 0.01, withQuery: false });
  const overUnix = jobTable({ number: 1, upstream: unix, hasLimits: true });
  const sides = [
    await startNginxProxy(stage, job),
    await startNginxProxy(stage, { ...job, hasLimits: true }),
    await startHaproxy(stage, job),
    await startUndici(stage, job),
    await GatewayWorkers.start(stage, "gateway", table),
    await GatewayWorkers.start(stage, "gateway, no limits", jobTable({ number: 1, upstream: tcp })),
    await GatewayWorkers.start(stage, "gateway, unix socket", overUnix),
    await GatewayWorkers.start(stage, "gateway, data events", table, "dataEvents"),
    logged,
  ];
  for (const side of sides) console.log(await prove(side));
  const found = await Comparison.run(stage, sides, { request: SMALL, connections: 32, rounds, seconds });
  return {
    suite: "small",
    tables: [
      {
        title: `40 B, 32 connections, one worker, all limits on; ${rounds} rounds of ${seconds} s`,
        rows: found.rows(["nginx", "nginx, limits", "HAProxy"]),
      },
    ],
    verdicts: [
      found.ratioBar("gateway", "nginx", 0.85),
      found.ratioBar("gateway", "HAProxy", 1),
      found.instructionBar("gateway", 32),
    ],
    raw: found.raw(),
  };
};
