import { join } from "node:path";
import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost } from "../../harness/outcome.ts";
import { residentKib } from "../../harness/process-cost.ts";
import { prove } from "../../harness/proof.ts";
import { PREFIX, type Side, SMALL, TOKEN } from "../../harness/side.ts";
import { pause, type Stage } from "../../harness/stage.ts";
import { measureByWrk } from "../../harness/wrk.ts";
import type { IdleOptions } from "../../load/idle-connections.ts";
import { startLoad } from "../../load/talk.ts";
import { startHaproxy } from "../../peers/haproxy.ts";
import { startNginxProxy, startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const CONNECTIONS = 10_000;
/** Memory is at rest when it moved by less than this over {@link REST_MS}. */
const REST_KIB = 256;
const REST_MS = 3_000;
const REST_MS_MAX = 20_000;
const SCRIPT = join(import.meta.dirname, "..", "..", "load", "idle-connections.ts");

/** What 10,000 idle keep-alive connections that each served one request hold in memory. */
export const idle: Suite = async (stage) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const table = jobTable({ number: 1, upstream: address, hasLimits: true });
  const collected = await GatewayWorkers.start(stage, "gateway, garbage collected", table, "collected");
  const sides: Side[] = [
    await startNginxProxy(stage, { upstream: upstream.tcp }),
    await startHaproxy(stage, { upstream: upstream.tcp }),
    await GatewayWorkers.start(stage, "gateway", table),
    collected,
  ];
  const found = new Map<Side, Memory>();
  for (const side of sides) {
    console.log(await prove(side));
    const settle = async () => {
      if (side === collected) collected.collect();
      return await atRest(side);
    };
    found.set(side, await measure(stage, side, settle));
  }
  const rows = sides.map((side) => {
    const { startKib, warmKib, heldKib } = found.get(side)!;
    return {
      side: side.name,
      "at start MB": (startKib / 1024).toFixed(1),
      "warm MB": (warmKib / 1024).toFixed(1),
      "with connections MB": (heldKib / 1024).toFixed(1),
      "KiB/connection above warm": ((heldKib - warmKib) / CONNECTIONS).toFixed(2),
      "KiB/connection above start": ((heldKib - startKib) / CONNECTIONS).toFixed(2),
    };
  });
  const { warmKib, heldKib } = found.get(sides[2]!)!;
  const bar = `gateway: at most 6 KiB for each of ${CONNECTIONS} idle connections above the idle process`;
  return {
    suite: "idle",
    tables: [{ title: `resident memory with ${CONNECTIONS} idle keep-alive connections`, rows }],
    verdicts: [atMost(bar, (heldKib - warmKib) / CONNECTIONS, 6)],
    raw: Object.fromEntries([...found].map(([{ name }, memory]) => [name, memory])),
  };
};

/** Resident memory of a side at rest, in KiB. */
interface Memory {
  /** Having had the requests of the proof only. */
  readonly startKib: number;
  /** After seconds of load over few connections, so that code and buffers are not charged to connections. */
  readonly warmKib: number;
  /** With the connections. */
  readonly heldKib: number;
}

async function measure(stage: Stage, side: Side, settle: () => Promise<number>): Promise<Memory> {
  const startKib = await settle();
  await measureByWrk(stage, side, { request: SMALL, connections: 32, seconds: 3 });
  const warmKib = await settle();
  const options: IdleOptions = {
    port: side.port,
    path: `${PREFIX}/rest`,
    token: TOKEN,
    count: CONNECTIONS,
  };
  const holder = startLoad(stage, SCRIPT, options);
  await holder.next();
  const heldKib = await settle();
  holder.say("end");
  await holder.ended;
  return { startKib, warmKib, heldKib };
}

/** Resident memory once it moves no more, or after {@link REST_MS_MAX}. */
async function atRest(side: Side): Promise<number> {
  const giveUpAt = performance.now() + REST_MS_MAX;
  let before = Number.POSITIVE_INFINITY;
  for (;;) {
    await pause(REST_MS);
    const now = residentKib(side.pids());
    if (Math.abs(now - before) < REST_KIB || performance.now() > giveUpAt) return now;
    before = now;
  }
}
