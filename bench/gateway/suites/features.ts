import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable, type TableOptions } from "../../harness/job-table.ts";
import { prove } from "../../harness/proof.ts";
import { PREFIX, type Request, type Side, SMALL, TOKEN } from "../../harness/side.ts";
import { spread } from "../../harness/statistics.ts";
import { startUpstream } from "../../peers/nginx.ts";
import { Comparison } from "../comparison.ts";
import type { Suite } from "../suite.ts";

const PLAIN = "gateway, nothing on";

/** What each thing adds when it is on. Counters and histogram are always on. */
export const features: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const start = (name: string, options: Partial<TableOptions>) =>
    GatewayWorkers.start(stage, name, jobTable({ number: 1, upstream: address, ...options }));
  const plain = await start(PLAIN, {});
  const byCookie = await start("sticky by cookie", { sticky: { kind: "cookie", name: "sid" } });
  const byHeader = await start("sticky by header", { sticky: { kind: "header", name: "x-user" } });
  const logged = await start("access log, every request", {});
  logged.accessLog(join(stage.dir, "all.log"), { share: 1, withQuery: false });
  const sampled = await start("access log, 1 %", {});
  sampled.accessLog(join(stage.dir, "some.log"), { share: 0.01, withQuery: false });
  const signed = await start("EAS signature", {});
  const sides = [
    plain,
    await start("all limits", { hasLimits: true }),
    byHeader,
    byCookie,
    await start("mirror 100 %, target answers", { mirrorTo: { kind: "unix", path: upstream.unixPath } }),
    signed,
    logged,
    sampled,
  ];
  const requests = new Map<Side, Request>([
    [byCookie, withField("Cookie", "theme=dark; sid=5d41402abc4b2a76")],
    [byHeader, withField("X-User", "user-4711")],
    [signed, signedRequest()],
  ]);
  for (const side of sides) if (!requests.has(side)) console.log(await prove(side));
  const requestOf = (side: Side) => requests.get(side) ?? SMALL;
  const found = await Comparison.run(stage, sides, {
    request: requestOf,
    connections: 32,
    rounds,
    seconds,
  });
  const title = `what each feature adds: 40 B, 32 connections, one worker; ${rounds} rounds of ${seconds} s`;
  const rows = found.rows([PLAIN]).map(({ side, ...cells }) => {
    const added = found.cpuAdded(String(side), PLAIN);
    return { side: String(side), "added µs": spread(added, 1), ...cells };
  });
  return { suite: "features", tables: [{ title, rows }], verdicts: [], raw: found.raw() };
};

function withField(name: string, value: string): Request {
  return { ...SMALL, headers: { ...SMALL.headers, [name]: value } };
}

/** Signed as the official SDKs sign (eas-reference §3.2); the date is not compared with the clock, so one signature lasts. */
function signedRequest(): Request {
  const md5 = createHash("md5").update(SMALL.body).digest("hex");
  const date = "Sat, 21 Nov 2026 12:00:00 GMT";
  const type = "application/json";
  const text = ["POST", md5, type, date, PREFIX + SMALL.path].join("\n");
  const signature = createHmac("sha1", TOKEN).update(text).digest("base64");
  const headers = { "Content-Type": type, "Content-MD5": md5, Date: date };
  return { ...SMALL, headers: { ...headers, Authorization: `EAS ${signature}` } };
}
