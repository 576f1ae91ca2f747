import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseSpec } from "../src/core/spec/parse.ts";

const folder = import.meta.dirname;
const packages = join(folder, "../processors/python");
const json = (name: string) => JSON.parse(readFileSync(join(folder, name), "utf8"));

/** What Python prints for `script`, run in an example's folder with our `allspark` package. */
function python(example: string, script: string): string {
  return execFileSync("python3", ["-B", "-c", script], {
    cwd: join(folder, example),
    env: { ...process.env, PYTHONPATH: packages },
    encoding: "utf8",
    timeout: 20_000,
  }).trimEnd();
}

test("python-echo answers with the body it was sent", () => {
  const script = `import app; print(app.process(open("request.txt", "rb").read(), {}).decode())`;
  assert.equal(python("python-echo", script), "hello");
});

test("python-sum, in the form of the EAS template, adds the two numbers", () => {
  const script = `import app
p = app.MyProcessor(worker_threads=10)
p.initialize()
print(p.process(open("request.txt", "rb").read()))`;
  assert.equal(python("python-sum", script), "(b'107', 200)");
});

test("own-model predicts the published regression of the cars data set", () => {
  const script = `import app, json
app.initialize("model/stopping_distance.json", None)
print(json.dumps(app.process(open("request.json", "rb").read(), {})))`;
  const answers: { distance: number }[] = JSON.parse(python("own-model", script));
  assert.deepEqual(
    answers.map((answer) => answer.distance.toFixed(4)),
    ["21.7450", "65.0015"],
  );
});

test("own-model names what is wrong with a body", () => {
  const script = `import app
app.initialize("model/stopping_distance.json", None)
print(app.process(b'[{"speed": 1}, {"spede": 2}]', {}), app.process(b'{"speed": 1}', {}))`;
  assert.equal(
    python("own-model", script),
    "('row 1 has no field speed', 400) ('the body is not a JSON array of rows', 400)",
  );
});

test("own-server counts the words of the text that its README sends", () => {
  const script = `import json, server; print(json.dumps(server.word_count(open("text.txt").read())))`;
  const answer = python("own-server", script);
  assert.equal(answer, '{"the": 3, "canary": 2, "and": 1, "hears": 1, "miner": 1, "sings": 1}');
  assert.ok(readFileSync(join(folder, "own-server", "README.md"), "utf8").includes(answer));
});

test("the model of openai-chat is what its train.py makes of the licence", () => {
  const script = `import json, pathlib, train
made = train.count(pathlib.Path("../../LICENSE").read_text(encoding="utf-8"))
print(json.load(open("model/words.json")) == {"end": train.END, "follows": made}, len(made) > 1000)`;
  assert.equal(python("openai-chat", script), "True True");
});

test("every service file is accepted, has no field without effect, and names files that are there", () => {
  const files = [
    "python-echo/service.json",
    "python-sum/service.json",
    "own-model/service.json",
    "own-server/service.json",
    "cpp-custom/service.json",
    "node-custom/service.json",
    "openai-chat/service.json",
    ...globSync("pmml-models/*/service.json", { cwd: folder }),
  ];
  for (const file of [...files, "pmml-canary/pmml_prod.json", "pmml-canary/pmml_grey.json"]) {
    const service = json(file);
    const absolute = { ...service };
    // As `sluice create` does: paths are relative to the file.
    for (const key of ["model_path", "processor_path"]) {
      if (service[key]) absolute[key] = join(folder, dirname(file), service[key]);
    }
    assert.deepEqual(parseSpec(absolute).notEffective, []);
    if (service.model_path) statSync(join(absolute.model_path, service.model_entry ?? ""));
    // A library is made from its source, as the README says.
    const entry = service.processor_entry?.endsWith(".so") ? "" : (service.processor_entry ?? "");
    if (service.processor_path) statSync(join(absolute.processor_path, entry));
  }
});
