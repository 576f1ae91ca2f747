/**
 * The control process with 1,000 services and 10,000 instances: what its API answers in, what it costs when nothing happens, how long a route
 * table takes to be in force, its memory, and its start. See README.md.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { hasFlag, numberOption, textOption } from "../harness/options.ts";
import { atMost, publish, type Table, type Verdict } from "../harness/outcome.ts";
import { Client } from "./calls.ts";
import { ControlChild, endGateways, freePort } from "./control-child.ts";
import type { ControlOptions } from "./control-messages.ts";
import { PHASES } from "./phases.ts";
import type { Phase, Stand } from "./stand.ts";
import { fillStore, type WorldSize } from "./world.ts";

const size: WorldSize = {
  services: numberOption("services", 1000),
  instances: numberOption("instances", 10_000),
  versions: 3,
  events: numberOption("events", 100_000),
};
const kept = textOption("home");
const home = kept === null ? mkdtempSync(join(tmpdir(), "sluice-bench-control-")) : resolve(kept);
const options: ControlOptions = {
  home,
  gateways: numberOption("gateways", 2),
  ports: { api: await freePort(), gateway: await freePort() },
  key: { id: "bench", secret: "the-secret-of-the-benchmark" },
};
const only = textOption("only")?.split(",") ?? Object.keys(PHASES);
const stand: Stand = {
  size,
  options,
  client: new Client(options.ports.api, options.key.secret),
  child: null as never,
  calls: numberOption("calls", 300),
  idleS: numberOption("idle", 30),
  profiles: textOption("profiles"),
  begin: async () => {
    stand.child = new ControlChild(options);
    await stand.child.listening();
  },
};
const tables: Table[] = [];
const verdicts: Verdict[] = [];
const raw: Record<string, unknown> = {};
try {
  mkdirSync(home, { recursive: true });
  const isNew = !existsSync(join(home, "instances.ndjson"));
  if (isNew) {
    const begin = performance.now();
    await fillStore(join(home, "data", "sluice.db"), size);
    console.log(`the store is filled after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  }
  if (isNew) await run("first", PHASES.first!);
  if (!hasFlag("fill")) for (const name of only) if (name !== "first") await run(name, PHASES[name]!);
  publish("control", { suite: "", tables, verdicts, raw });
} finally {
  stand.client.close();
  await (stand.child as ControlChild | null)?.end();
  endGateways(home);
  if (kept === null) rmSync(home, { recursive: true, force: true });
}

async function run(name: string, phase: Phase): Promise<void> {
  if (phase === undefined) throw new Error(`there is no phase ${name}: ${Object.keys(PHASES).join(", ")}`);
  if (phase.needsControl && (stand.child as ControlChild | null) === null) {
    await stand.begin();
    await stand.child.until(
      "every key ran",
      (s) => s.keysRun === s.keys && s.readyInstances >= size.instances,
    );
  }
  const outcome = await phase.run(stand);
  tables.push(...outcome.tables);
  for (const { bar, value, most, digits } of outcome.bars) verdicts.push(atMost(bar, value, most, digits));
  raw[name] = outcome.raw;
}
