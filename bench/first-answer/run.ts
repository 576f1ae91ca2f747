/**
 * From `create` to the first 200 through the gateway: a Python processor without dependencies, and PMML. Each round
 * deletes and creates anew on a running Sluice, as a user would. `--rounds=N`, default 5.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Installation, ROOT } from "../../test/harness/installation.ts";
import { fixtureSpec } from "../../test/harness/specs.ts";
import { until } from "../../test/harness/until.ts";

const rounds = Number(process.argv.find((a) => a.startsWith("--rounds="))?.slice("--rounds=".length) ?? 5);
const pmml = join(ROOT, "examples", "pmml-canary");
const cases = [
  { name: "python", spec: fixtureSpec("first", "steady"), body: "x" },
  {
    name: "pmml",
    spec: {
      name: "first",
      processor: "pmml",
      model_path: join(pmml, "model1.pmml"),
      metadata: { instance: 1, cpu: 1, memory: 256 },
    },
    body: readFileSync(join(pmml, "request.json"), "utf8"),
  },
];

/** Resident memory of a process group in MB, by what one instance adds to the machine (proportional set size). */
function memoryMb(leader: number): number {
  const children = readFileSync(`/proc/${leader}/task/${leader}/children`, "utf8")
    .trim()
    .split(" ")
    .filter(Boolean);
  return [leader, ...children.map(Number)].reduce((sum, pid) => {
    const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))![1]!;
    return sum + Number(pss) / 1024;
  }, 0);
}

const sluice = new Installation({ gatewayWorkers: 1 });
try {
  await sluice.start();
  console.log(
    "case     create → first 200, ms (median [least-most])   memory of one instance, MB (engine + worker, PSS)",
  );
  for (const { name, spec, body } of cases) {
    const times: number[] = [];
    let memory = 0;
    for (let round = 0; round < rounds; round++) {
      const started = performance.now();
      await sluice.json("POST", "/api/v2/services", spec);
      const token = (await sluice.service("first")).AccessToken as string;
      await until(
        async () => (await sluice.predict("first", body, token)).status === 200,
        "the first answer",
        60_000,
      );
      times.push(performance.now() - started);
      memory = memoryMb(sluice.processes().find((p) => p.id.startsWith("first-"))!.identity.pid);
      await sluice.ok("delete", "first", "-y");
    }
    times.sort((a, b) => a - b);
    assert(times.length > 0);
    const ms = (value: number) => value.toFixed(0);
    console.log(
      `${name.padEnd(8)} ${ms(times[times.length >> 1]!)} [${ms(times[0]!)}-${ms(times.at(-1)!)}]`.padEnd(56),
      memory.toFixed(0),
    );
  }
} finally {
  await sluice.stop();
}
