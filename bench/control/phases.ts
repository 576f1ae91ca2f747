import type { ControlChild } from "./control-child.ts";
/** What is measured, in the order in which it is. */

import { setTimeout as delay } from "node:timers/promises";
import { cpuUs } from "../harness/process-cost.ts";
import { median } from "../harness/statistics.ts";
import { commands } from "./commands.ts";
import { floor } from "./floor.ts";
import { queries } from "./queries.ts";
import { type Found, type Phase, profiled, type Stand } from "./stand.ts";

const STARTS = 3;
const FIRST_MS_MAX = 600_000;

/** Everything that is wanted is started: nothing was there before. */
async function first(stand: Stand): Promise<Found> {
  const { size } = stand;
  await stand.begin();
  const { child } = stand;
  const seconds = () => (performance.now() - child.spawnedAtMs) / 1000;
  await profiled(stand, "first", () =>
    child.until(
      "all instances are ready",
      (s) => s.readyInstances >= size.instances && s.runningServices >= size.services,
      FIRST_MS_MAX,
    ),
  );
  const [readyS, cpuS] = [seconds(), cpuUs([child.pid]) / 1e6];
  await child.until("every gateway has the newest table", (s) => s.tables.every((t) => t === s.newestTable));
  await child.ask({ type: "save" }, "done");
  const row = { "all ready after s": readyS.toFixed(1), "CPU s": cpuS.toFixed(1) };
  return {
    tables: [{ title: "All services are started for the first time", rows: [row] }],
    bars: [],
    raw: { readyS, cpuS },
  };
}

/** `kill -9` of the control process, and a new one over the same store, instances and gateways. */
async function start(stand: Stand): Promise<Found> {
  const rounds: { apiS: number; tableS: number; allS: number; allCpuS: number }[] = [];
  if ((stand.child as ControlChild | null) === null) {
    await stand.begin();
    await stand.child.until("every key ran", (s) => s.keysRun === s.keys);
  }
  for (let i = 0; i < STARTS; i++) {
    await stand.child.ask({ type: "save" }, "done");
    await stand.child.kill();
    await stand.begin();
    const { child } = stand;
    const seconds = () => (performance.now() - child.spawnedAtMs) / 1000;
    await stand.client.send({ method: "GET", path: "/api/v2/services?PageSize=100" });
    const apiS = seconds();
    const work = async () => {
      await child.until(
        "gateways have the newest table",
        (s) => s.newestTable > 0 && s.tables.length > 0 && s.tables.every((t) => t === s.newestTable),
      );
      const tableS = seconds();
      await child.until("every key ran", (s) => s.keysRun === s.keys);
      rounds.push({ apiS, tableS, allS: seconds(), allCpuS: cpuUs([child.pid]) / 1e6 });
    };
    await profiled(stand, "start", work);
  }
  const of = (key: keyof (typeof rounds)[number]) => median(rounds.map((r) => r[key]));
  const row = {
    "first list after s": of("apiS").toFixed(2),
    "table in force after s": of("tableS").toFixed(2),
    "every service looked at after s": of("allS").toFixed(2),
    "CPU s by then": of("allCpuS").toFixed(2),
  };
  return {
    tables: [{ title: `Start with that store, after kill -9; median of ${STARTS}`, rows: [row] }],
    bars: [
      { bar: "start to the first list < 3 s", value: of("apiS"), most: 3 },
      { bar: "start to a table in force < 3 s", value: of("tableS"), most: 3 },
    ],
    raw: rounds,
  };
}

/** Nothing is asked for: only periods go by; then with instances that tell something new. */
async function idle(stand: Stand): Promise<Found> {
  const { child, idleS, size } = stand;
  await delay(5_000);
  const rows = [];
  const shares: number[] = [];
  for (const perSecond of [0, size.instances / 100]) {
    await child.ask({ type: "touch", perSecond }, "done");
    const [before, begin] = [cpuUs([child.pid]), performance.now()];
    await profiled(stand, `idle-${perSecond}`, () => delay(idleS * 1000));
    const share = (cpuUs([child.pid]) - before) / 1000 / (performance.now() - begin);
    shares.push(share * 100);
    rows.push({
      "hints a second": perSecond,
      "% of a core": (share * 100).toFixed(2),
    });
  }
  await child.ask({ type: "touch", perSecond: 0 }, "done");
  return {
    tables: [{ title: `Idle for ${idleS} s`, rows }],
    bars: [{ bar: "reconcile of an idle world < 5 % of a core", value: shares[0]!, most: 5 }],
    raw: shares,
  };
}

async function memory({ child }: Stand): Promise<Found> {
  const found = await child.ask({ type: "memory" }, "memory");
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  const row = {
    "RSS MB": mb(found.rss),
    "heap in use after a collection MB": mb(found.heapUsed),
    "outside of the heap MB": mb(found.external),
  };
  return {
    tables: [{ title: "Memory of the control process, at the end", rows: [row] }],
    bars: [],
    raw: found,
  };
}

export const PHASES: Readonly<Record<string, Phase>> = {
  first: { needsControl: false, run: first },
  start: { needsControl: false, run: start },
  idle: { needsControl: true, run: idle },
  queries: { needsControl: true, run: queries },
  commands: { needsControl: true, run: commands },
  floor: { needsControl: true, run: floor },
  memory: { needsControl: true, run: memory },
};
