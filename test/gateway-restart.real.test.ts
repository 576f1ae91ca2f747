/**
 * Restarts of gateway workers under load lose no request: not of clients that connect anew for each, nor of clients that keep a
 * connection and are silent for any time between two requests. All requests are POST, and none is sent twice.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SeededRandom } from "../src/testing/seeded-random.ts";
import { IdlingLoad } from "./harness/idling-load.ts";
import { Installation } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 500;
const BOUND_MS = 60_000;
const sluice = new Installation({ gatewayWorkers: 2 });

before(async () => {
  await sluice.start();
  const file = join(sluice.home, "service.json");
  writeFileSync(
    file,
    JSON.stringify(fixtureSpec("steady", "steady", { instance: 2 }, { model_config: "one" })),
  );
  await sluice.ok("create", file);
});
after(() => sluice.stop());

interface Worker {
  readonly GatewayId: string;
  readonly Pid: number;
  readonly IsListening: boolean;
}
const workers = () => sluice.processes().filter((p) => p.kind === "gateway");
const listening = async (): Promise<Worker[]> =>
  (await sluice.json("GET", "/api/v2/internal/gateways")).Gateways.filter((g: Worker) => g.IsListening);

/** Clients of both kinds, until the test is over. */
async function startLoad(t: { after(end: () => Promise<unknown>): void }) {
  const token = (await sluice.service("steady")).AccessToken as string;
  const target = { url: `${sluice.clientConfig().gateway}/api/predict/steady`, token, body: "x" };
  const seed = new SeededRandom(8);
  const random = () => seed.next();
  const fresh = new ConstantLoad(target, RATE_PER_SECOND, "new");
  const kept = new IdlingLoad(target, 60, 3_000, random);
  fresh.start();
  kept.start();
  t.after(() => Promise.all([fresh.stop(), kept.stop()]));
  const more = async (count: number) => {
    const [freshGoal, keptGoal] = [fresh.outcomes.length + count, kept.answerCount + count / 10];
    await until(
      () => fresh.outcomes.length >= freshGoal && kept.answerCount >= keptGoal,
      `${count} more answers`,
      BOUND_MS,
    );
  };
  const lost = async () => {
    await Promise.all([fresh.stop(), kept.stop()]);
    return {
      sent: { new: fresh.outcomes.length, kept: kept.answerCount },
      new: failures(fresh.outcomes),
      kept: kept.failures,
    };
  };
  return { more, lost };
}

test("three restarts of all workers in a row lose nothing, and are not held up by idle connections", async (t) => {
  const load = await startLoad(t);
  await load.more(RATE_PER_SECOND);
  const pids = new Set((await listening()).map((w) => w.Pid));
  for (let round = 1; round <= 3; round++) {
    await sluice.ok("gateways", "restart");
    for (const { Pid } of await listening()) pids.add(Pid);
    assert.equal(pids.size, 2 + 2 * round, "every worker is a new process");
    await load.more(RATE_PER_SECOND);
  }
  await until(() => workers().length === 2, "the old workers to be gone", 100_000);
  const { sent, ...lost } = await load.lost();
  t.diagnostic(`sent ${JSON.stringify(sent)}, lost ${JSON.stringify(lost)}`);
  assert.deepEqual(lost, { new: {}, kept: {} });
  assert.notEqual(controlLog(), "");
  assert.doesNotMatch(controlLog(), /connections may be lost/, "each was started by the one before it");
});

test("a worker that somebody else ends is followed before it closes its port", async (t) => {
  const load = await startLoad(t);
  const [first] = workers();
  process.kill(first!.identity.pid, "SIGTERM");
  const others = () => workers().filter((w) => w.identity.pid !== first!.identity.pid);
  await until(() => others().length === 2, "the successor", BOUND_MS);
  await until(() => workers().length === 2, "the old one to be gone", 100_000);
  const { sent, ...lost } = await load.lost();
  t.diagnostic(`sent ${JSON.stringify(sent)}, lost ${JSON.stringify(lost)}`);
  assert.deepEqual(lost, { new: {}, kept: {} });
});

const logOf = (id: string) => {
  try {
    return readFileSync(join(sluice.home, "logs", `${id}.log`), "utf8");
  } catch {
    return "";
  }
};
const controlLog = () => logOf("control");
/** Every name that a worker of the two slots can have. */
const NAMES = ["0", "1"].flatMap((slot) => ["", "b", "c", "d"].map((end) => `gateway-${slot}${end}`));
const gatewayIds = () => readdirSync(join(sluice.home, "run", "gateways"));

/** Living gateway processes of this installation, whether their run folder names them or not. */
function gatewayPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return (
          readFileSync(`/proc/${pid}/cmdline`, "latin1").startsWith("sluice gateway") &&
          readFileSync(`/proc/${pid}/environ`, "latin1").includes(`SLUICE_HOME=${sluice.home}\0`)
        );
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}

/** Moments of a replacement, seen from outside. */
const MOMENTS: Record<string, (newcomers: string[], logs: () => string) => boolean> = {
  "the successor's folder is there": (newcomers) => newcomers.length > 0,
  "the successor's process is there": (newcomers) => newcomers.some((id) => isRunning(id)),
  "the successor listens": (_, logs) => logs().includes("listening for clients"),
  "the old worker drains": (_, logs) => logs().includes("draining"),
};
const isRunning = (id: string) => workers().some((w) => w.id === id);

for (const [moment, isNow] of Object.entries(MOMENTS)) {
  test(`kill -9 of the control process when ${moment}: nothing lost, two workers, no orphan`, async (t) => {
    const load = await startLoad(t);
    await until(() => workers().length === 2, "no old worker from before", 100_000);
    const ids = gatewayIds();
    const lengths = new Map<string, number>();
    for (const name of NAMES) lengths.set(name, logOf(name).length);
    const added = () => NAMES.map((name) => logOf(name).slice(lengths.get(name))).join("");
    await sluice.json("PUT", "/api/v2/internal/gateways/restart");
    await until(
      () =>
        isNow(
          gatewayIds().filter((id) => !ids.includes(id)),
          added,
        ),
      moment,
      BOUND_MS,
    );
    await sluice.killControl();
    await load.more(RATE_PER_SECOND);
    await sluice.startControl();
    await until(async () => (await listening()).length === 2, "two workers that listen", BOUND_MS);
    // A successor that was ordered before may still come, and is then one of the two, or goes.
    const named = () =>
      workers()
        .map((w) => w.identity.pid)
        .toSorted();
    await until(
      () => gatewayPids().length === 2 && `${gatewayPids().toSorted()}` === `${named()}`,
      "the two that the run directory names, and nobody else",
      100_000,
      () => `${gatewayPids()} but named ${named()}`,
    );
    await load.more(RATE_PER_SECOND);
    const { sent, ...lost } = await load.lost();
    t.diagnostic(`sent ${JSON.stringify(sent)}, lost ${JSON.stringify(lost)}`);
    assert.deepEqual(lost, { new: {}, kept: {} });
  });
}
