import assert from "node:assert/strict";
import test from "node:test";
import { startHaproxy } from "../peers/haproxy.ts";
import { startNginx, startNginxProxy, startUpstream } from "../peers/nginx.ts";
import { processSide } from "../peers/peer.ts";
import { startUndici } from "../peers/undici.ts";
import { GatewayWorkers } from "./gateway-workers.ts";
import { jobTable } from "./job-table.ts";
import { prove } from "./proof.ts";
import { freePort, Stage } from "./stage.ts";

test("every side of the benchmark does the whole job", async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const upstream = await startUpstream(stage);
  const job = { upstream: upstream.tcp, workers: 2 };
  const address = { kind: "unix", path: upstream.unixPath } as const;
  const table = jobTable({ number: 1, upstream: address, hasLimits: true, workers: 2 });
  const sides = [
    await startNginxProxy(stage, job),
    await startNginxProxy(stage, { upstream: upstream.tcp, bufferBytes: 262_144 }),
    await startHaproxy(stage, { ...job, isStreaming: true, bufferBytes: 262_144 }),
    await startUndici(stage, job),
    await GatewayWorkers.start(stage, "gateway", table),
    await GatewayWorkers.start(stage, "gateway on data events", { ...table, workerCount: 1 }, "dataEvents"),
  ];
  for (const side of sides) assert.match(await prove(side), /does the job/);
});

test("a side that passes everything on does not", async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const port = await freePort();
  const all = startNginx(
    stage,
    () => `server { listen 127.0.0.1:${port}; location / { return 200 'probability'; } }`,
  );
  await assert.rejects(prove(processSide("open door", port, all)), /a wrong token comes in/);
});
