import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import type { Row, Verdict } from "../../harness/outcome.ts";
import { prove } from "../../harness/proof.ts";
import { type Request, SMALL } from "../../harness/side.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import { Comparison } from "../comparison.ts";
import type { Suite } from "../suite.ts";

/** The peers' buffers for bodies are raised to the gateway's own (`LONG_READ_BYTES` in src/gateway/limits.ts). */
const BUFFER_BYTES = 256 * 1024;
const SIZES: readonly (readonly [name: string, bytes: number])[] = [
  ["40 B", 40],
  ["1 KiB", 1024],
  ["64 KiB", 64 * 1024],
  ["1 MiB", 1024 * 1024],
];

/** Bodies of four sizes in both directions. */
export const sizes: Suite = async (stage, { rounds, seconds }) => {
  const upstream = await startUpstream(
    stage,
    SIZES.map(([, bytes]) => bytes),
  );
  const job = { upstream: upstream.tcp, bufferBytes: BUFFER_BYTES };
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const sides = [
    await startNginxProxy(stage, job),
    await startHaproxy(stage, job),
    await GatewayWorkers.start(stage, "gateway", jobTable({ number: 1, upstream: address, hasLimits: true })),
  ];
  for (const side of sides) console.log(await prove(side));
  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  const raw: Record<string, unknown> = {};
  for (const [name, bytes] of SIZES) {
    for (const [way, request] of [
      ["up", upload(bytes)],
      ["down", download(bytes)],
    ] as const) {
      const found = await Comparison.run(stage, sides, { request, connections: 32, rounds, seconds });
      rows.push(...found.rows(["nginx", "HAProxy"], { body: `${name} ${way}` }));
      raw[`${name} ${way}`] = found.raw();
      if (bytes > 40)
        for (const peer of ["nginx", "HAProxy"])
          verdicts.push(found.ratioBar("gateway", peer, 1, `, ${name} ${way}`));
    }
  }
  const buffers = `nginx proxy_buffer_size, 4 proxy_buffers and client_body_buffer_size of ${BUFFER_BYTES} bytes, no request buffering; HAProxy tune.bufsize ${BUFFER_BYTES}`;
  const title = `bodies up and down, 32 connections; ${rounds} rounds of ${seconds} s; ${buffers}`;
  return { suite: "sizes", tables: [{ title, rows }], verdicts, raw };
};

/** The upstream answers when it has all of it. */
function upload(bytes: number): Request {
  return { ...SMALL, path: "/up", body: "x".repeat(bytes) };
}

function download(bytes: number): Request {
  return { ...SMALL, method: "GET", path: `/down/${bytes}`, body: "" };
}
