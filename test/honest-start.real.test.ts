/** What a person reads of a start, over the whole program: how long its stages took, or why there can be none. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

const model = (example: string, file: string) => readFileSync(join(ROOT, "examples", example, "model", file));

/** Models that no instance comes up with, and the sentence that says why. */
const BAD = {
  corrupt: {
    content: model("xgboost", "model.json").subarray(0, 5000),
    sentence: /^model\.json .*cannot be loaded|^model\.json .*(ends|truncated|is cut)/,
  },
  foreign: { content: model("lightgbm", "model.txt"), sentence: /LightGBM.*"xgboost" reads .*"lightgbm"/ },
  none: { content: Buffer.from("PK\x03\x04 an archive"), sentence: /"xgboost" reads / },
};

function serviceOf(name: string, content: Buffer): string {
  const folder = join(sluice.home, "services", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.json"), content);
  const metadata = { instance: 1, cpu: 0.3, memory: 512 };
  const spec = { name, processor: "xgboost", model_path: "model.json", metadata };
  writeFileSync(join(folder, "service.json"), JSON.stringify(spec));
  return join(folder, "service.json");
}

test("why a model cannot be served is the first that is read: in desc, events and explain", async () => {
  for (const [name, { content }] of Object.entries(BAD))
    await sluice.ok("create", serviceOf(name, content), "--no-wait");
  for (const [name, { sentence }] of Object.entries(BAD)) {
    await until(
      async () => (await sluice.service(name)).Reason === "CRASHING",
      `${name} to be given up`,
      60_000,
    );
    const { Message } = await sluice.service(name);
    const said = Message.replace(`No instance of version 1 comes up: ${name}-v1-0: `, "");
    assert.match(said, sentence, Message);
    assert.doesNotMatch(said, /exit|code 1|BadModel|\.py:/, "nothing of ours beside it");
    const events = await sluice.ok("events", name);
    assert.ok(events.includes(`Instance [${name}-v1-0]: ${said.slice(0, 40)}`), events);
    const summary = (await sluice.ok("explain", name))
      .split("\n")
      .find((line) => line.startsWith("Service ["));
    assert.ok(summary?.includes(said.slice(0, 40)) === true, `${summary}`);
  }
  for (const name of Object.keys(BAD)) await sluice.ok("delete", name, "--yes", "--no-wait");
});

test("the stages of a start are told by desc, events, the log and metrics", async () => {
  await sluice.ok("create", serviceOf("good", model("xgboost", "model.json")));
  const { Startup } = await sluice.service("good");
  const names = Startup.map(({ Name }: { Name: string }) => Name);
  assert.deepEqual(names, ["environment", "model fetch", "start", "import", "load"]);
  assert.match(
    await sluice.ok("desc", "good"),
    / Startup \| \d+\.\d\d s: environment .* s, model fetch .* s, start /,
  );
  assert.match(await sluice.ok("events", "good"), /It is ready after \d+\.\d\d s: start .* s, import /);
  assert.match(await sluice.ok("logs", "good"), /worker 0 is ready after \d+\.\d\d s: start .* s, import /);
  const metrics = await sluice.api("GET", "/metrics");
  for (const stage of ["start", "import", "load"])
    assert.match(
      metrics.body,
      new RegExp(`^sluice_instance_start_seconds\\{.*instance="good-v1-0",stage="${stage}"\\} [\\d.]+$`, "m"),
    );
  assert.match(metrics.body, /^sluice_prepare_seconds\{service="good",stage="environment"\} [\d.]+$/m);
});
