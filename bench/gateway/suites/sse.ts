import { join } from "node:path";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost } from "../../harness/outcome.ts";
import { cpuUs, residentKib } from "../../harness/process-cost.ts";
import { proveToken } from "../../harness/proof.ts";
import { inTurns, PREFIX, type Side, TOKEN } from "../../harness/side.ts";
import { pause, type Stage } from "../../harness/stage.ts";
import { median, ratios, spread } from "../../harness/statistics.ts";
import type { ReaderOptions, StreamResult } from "../../load/stream-reader.ts";
import type { SourceOptions } from "../../load/stream-source.ts";
import { startLoad } from "../../load/talk.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const STREAMS = 1000;
const CHUNKS_PER_S = 10_000;
const SCRIPTS = join(import.meta.dirname, "..", "..", "load");

interface Turn extends StreamResult {
  /** CPU of the side's processes per chunk. */
  readonly cpuUs: number;
  readonly residentKib: number;
}

/** Event streams: how late a chunk is, and what it costs. */
export const sse: Suite = async (stage, { rounds, seconds }) => {
  const source = startLoad(stage, join(SCRIPTS, "stream-source.ts"), {
    chunksPerS: CHUNKS_PER_S,
  } satisfies SourceOptions);
  const { port } = await source.next<{ port: number }>();
  const job = { upstream: `127.0.0.1:${port}`, isStreaming: true };
  const address = { kind: "tcp", host: "127.0.0.1", port } as const;
  const direct: Side = { name: "direct", port, pids: () => [] };
  const nginx = await startNginxProxy(stage, job);
  const haproxy = await startHaproxy(stage, job);
  const table = jobTable({ number: 1, upstream: address, hasLimits: true });
  const gateway = await GatewayWorkers.start(stage, "gateway", table);
  const sides = [direct, nginx, haproxy, gateway];
  for (const side of [nginx, haproxy, gateway]) await proveToken(side);
  const found = await inTurns(sides, { rounds, seconds }, (side, s) => measure(stage, side, s));
  const over = (side: Side, key: keyof Turn) => found.get(side)!.map((turn) => turn[key]);
  const added = (side: Side, key: keyof Turn) => over(side, key).map((us, i) => us - over(direct, key)[i]!);
  const rows = sides.map((side) => ({
    side: side.name,
    "chunks/s": (median(over(side, "chunks")) / seconds).toFixed(0),
    "p50 µs": spread(over(side, "p50Us"), 0),
    "added p50 µs": spread(added(side, "p50Us"), 0),
    "p99 µs": spread(over(side, "p99Us"), 0),
    "worst ms": (Math.max(...over(side, "maxUs")) / 1000).toFixed(1),
    "CPU µs/chunk": side === direct ? "" : spread(over(side, "cpuUs"), 1),
    "vs nginx": side === direct ? "" : spread(ratios(over(side, "cpuUs"), over(nginx, "cpuUs")), 2),
    "RSS MB": side === direct ? "" : (median(over(side, "residentKib")) / 1024).toFixed(0),
  }));
  const perChunk = median(ratios(over(gateway, "cpuUs"), over(nginx, "cpuUs")));
  const p99 = median(ratios(over(gateway, "p99Us"), over(nginx, "p99Us")));
  return {
    suite: "sse",
    tables: [
      {
        title: `${STREAMS} streams, ${CHUNKS_PER_S} chunks/s in all; ${rounds} rounds of ${seconds} s`,
        rows,
      },
    ],
    verdicts: [
      atMost("added delay p50 at most 300 µs", median(added(gateway, "p50Us")), 300, 0),
      atMost("p99 no worse than nginx's: ratio at most 1", p99, 1),
      atMost("CPU per chunk at most 1.2 × nginx", perChunk, 1.2),
    ],
    raw: Object.fromEntries([...found].map(([{ name }, turns]) => [name, turns])),
  };
};

/** A turn has streams of its own; their opening is not counted. */
async function measure(stage: Stage, side: Side, seconds: number): Promise<Turn> {
  const path = side.name === "direct" ? "/stream" : `${PREFIX}/stream`;
  const options: ReaderOptions = { port: side.port, path, token: TOKEN, streams: STREAMS, seconds };
  const reader = startLoad(stage, join(SCRIPTS, "stream-reader.ts"), options);
  await reader.next();
  await pause(500);
  const before = cpuUs(side.pids());
  reader.say("count");
  const result = await reader.next<StreamResult>();
  const spentUs = cpuUs(side.pids()) - before;
  const resident = residentKib(side.pids());
  reader.say("end");
  await reader.ended;
  // The other side closes its streams before the next turn.
  await pause(300);
  return { ...result, cpuUs: spentUs / result.chunks, residentKib: resident };
}
