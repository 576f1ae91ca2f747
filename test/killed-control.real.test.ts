/**
 * A day with real processes, in which the control process is killed again and again, at points that a seed chooses: all comes to what was asked
 * for, nothing runs that nobody wants, and no folder of it is left.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { SeededRandom } from "../src/testing/seeded-random.ts";
import { type HttpAnswer, Installation } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const PATIENCE_MS = 120_000;
/** Another one for other points: `SLUICE_KILLS_SEED=7`. */
const SEED = Number(process.env.SLUICE_KILLS_SEED ?? 1);
/** Longest time from a command to the death after it: from before it is stored to when what it began is ready. */
const DELAY_MS_MAX = 700;
/** A command that was accepted before, and only its answer was lost. */
const REFUSED_TWICE = [
  "SERVICE_EXISTS",
  "SERVICE_NOT_FOUND",
  "SERVICE_DELETING",
  "INSTANCE_NOT_FOUND",
  "INVALID_ARGUMENT",
];

const random = new SeededRandom(SEED);
const sluice = new Installation({ gatewayWorkers: 2 });
let kills = 0;
after(() => sluice.stop());

const spec = (name: string, instance: number, metadata: object = {}) =>
  fixtureSpec(name, "steady", { instance, cpu: 0.05, ...metadata }, { model_config: "one" });
const at = (name: string, rest = "") => `/api/v2/services/local/${name}${rest}`;

type Command = readonly [method: string, path: string, body?: unknown];

/** Gives a command until it is accepted; in two of three cases the control process is killed some moments later. */
async function does(...command: Command): Promise<void> {
  const first = sluice.api(...command).catch(() => null);
  if (random.chance(0.67)) {
    const delayMs = random.chance(0.3) ? random.below(15) : random.below(DELAY_MS_MAX);
    await pause(delayMs); // no wait for anything: the point of the death
    await sluice.killControl();
    kills += 1;
    await sluice.startControl();
  }
  let answer = await first;
  let isAgain = false;
  await until(
    async () => {
      if (answer !== null && (answer.status === 200 || (isAgain && isRefusedTwice(answer)))) return true;
      answer = await sluice.api(...command).catch(() => null);
      isAgain = true;
      return false;
    },
    `${command[0]} ${command[1]} to be accepted`,
    PATIENCE_MS,
    () => `${answer?.status} ${answer?.body}\n${sluice.controlOutput}`,
  );
}

const isRefusedTwice = ({ body }: HttpAnswer) => REFUSED_TWICE.some((code) => body.includes(`"${code}"`));

// biome-ignore lint/suspicious/noExplicitAny: an answer of the API
type Found = any;
const instancesOf = async (name: string): Promise<Found[]> =>
  (await sluice.json("GET", at(name, "/instances"))).Instances;

async function settled(name: string, status = "Running"): Promise<void> {
  let last: Found = null;
  const isSo = async () => {
    last = await sluice.service(name);
    return last.Status === status && last.ObservedGeneration === last.Generation;
  };
  await until(isSo, `${name} to be ${status}`, PATIENCE_MS, () => JSON.stringify(last));
}

test(`killed all over the day (seed ${SEED}), the control process goes on, and nothing is left over`, async (t) => {
  await sluice.start();
  await does("POST", "/api/v2/services", spec("a", 2, { group: "g" }));
  await does("POST", "/api/v2/services", spec("b", 1, { group: "g" }));
  await does("POST", "/api/v2/services", spec("c", 2));
  for (const name of ["a", "b", "c"]) await settled(name);

  await does("PUT", at("a"), { model_config: "two" });
  await settled("a");
  await does("PUT", at("a", "/scale"), { Instance: 3 });
  for (const Weight of [30, 100, -1]) await does("PUT", at("b", "/release"), { Weight });
  await does("PUT", at("a"), { processor_entry: "throws.py" });
  await until(
    async () => (await instancesOf("a")).some((i) => i.RestartCount >= 1),
    "the broken version to fail",
    PATIENCE_MS,
  );
  await does("PUT", at("a", "/version"), { Version: 2 });
  await settled("a");
  await does("PUT", at("c", "/stop"));
  await settled("c", "Stopped");
  await does("PUT", at("c", "/start"));
  await settled("c");
  await does("PUT", at("b", "/restart"));
  await settled("b");

  const [isolated, detached] = (await instancesOf("c")).map((i) => i.InstanceName as string);
  await does("PUT", at("c", `/instances/${isolated}`), { Isolate: true });
  await does("PUT", at("c", `/instances/${isolated}`), { Isolate: false });
  await does("PUT", at("c", `/instances/${detached}`), { Detach: true });
  await settled("c");
  await does("DELETE", at("c", `/instances?InstanceList=${detached}`));
  await does("PUT", at("a", "/scale"), { Instance: 2 });
  await does("DELETE", at("b"));
  await until(async () => (await sluice.api("GET", at("b"))).status === 404, "b to be gone", PATIENCE_MS);
  for (const name of ["a", "c"]) await settled(name);

  const a = await sluice.service("a");
  assert.equal(a.CurrentVersion, 2);
  const token = a.AccessToken as string;
  assert.match((await sluice.predict("a", "x", token)).body, /^two /);
  const wanted = [...(await instancesOf("a")), ...(await instancesOf("c"))].map(
    (i) => i.InstanceName as string,
  );
  assert.equal(wanted.length, 4, wanted.join(", "));
  await untilNothingElse(wanted);
  t.diagnostic(`${kills} kills`);
  assert.ok(kills >= 12, `${kills} kills`);
});

/** Folders and processes of exactly these instances, and of the gateways, are there. */
async function untilNothingElse(wanted: readonly string[]): Promise<void> {
  const run = join(sluice.home, "run");
  const seen = () => ({
    instances: readdirSync(join(run, "instances")).sort(),
    gateways: readdirSync(join(run, "gateways")).length,
    living: sluice
      .processes()
      .filter((p) => p.kind === "instance")
      .map((p) => p.id)
      .sort(),
    strays: strayProcesses(),
    unfinished: readdirSync(join(sluice.home, "models", "tmp")),
  });
  const names = [...wanted].sort();
  const all = { instances: names, gateways: 2, living: names, strays: [], unfinished: [] };
  const isSame = () => JSON.stringify(seen()) === JSON.stringify(all);
  await until(isSame, "nothing else to be there", PATIENCE_MS, () => JSON.stringify(seen()));
}

/** Processes of this home that neither are, nor descend from, the control process or a gateway or instance that is known. */
function strayProcesses(): string[] {
  const known = new Set([sluice.control!.pid!, ...sluice.processes().map((p) => p.identity.pid)]);
  const strays: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const isOurs = readFileSync(join("/proc", pid, "environ"), "utf8").includes(
        `SLUICE_HOME=${sluice.home}\0`,
      );
      if (isOurs && !descends(Number(pid), known))
        strays.push(`${pid} ${readFileSync(join("/proc", pid, "cmdline"), "utf8").replaceAll("\0", " ")}`);
    } catch {
      // it has just ended
    }
  }
  return strays;
}

function descends(pid: number, known: ReadonlySet<number>): boolean {
  if (known.has(pid)) return true;
  if (pid <= 1) return false;
  const stat = readFileSync(join("/proc", String(pid), "stat"), "utf8");
  const parent = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]; // proc(5): pid (name) state ppid
  return descends(Number(parent), known);
}
