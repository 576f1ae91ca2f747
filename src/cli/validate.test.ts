import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

/** RequestIds count up in the test server. */
const masked = (text: string) => text.replace(/[0-9A-F]{8}-[0-9A-F-]{27}/g, "<id>");
const server = { containers: [{ script: "exec ./run", image: "i" }], metadata: { name: "a", instance: 1 } };

test("validate shows the standing of each field, warns with reasons, and makes nothing", async (t) => {
  const { run, write, control } = await cliBench(t);
  write("service.json", server);
  const { code, out, err } = await run(["validate", "service.json"]);
  assert.equal(
    masked(out),
    `\
[RequestId]: <id>
+------------------------+-----------+
|         FIELD          | STANDING  |
+------------------------+-----------+
| $.metadata.name        | effective |
| $.metadata.instance    | effective |
| $.containers[0].image  | no effect |
| $.containers[0].script | effective |
+------------------------+-----------+
[OK] service.json is valid: 3 of 4 fields have an effect here
`,
  );
  assert.equal(
    err,
    "[WARNING] $.containers[0].image has no effect here: images need a container runtime, and this build has none: programs run as processes of this machine\n",
  );
  assert.equal(code, 0);
  assert.equal(control.services.size, 0);
  assert.equal((await run(["validate", "service.json", "--strict"])).code, 1);
  assert.match(
    (await run(["validate", "service.json", "--all"])).out,
    /\$\.containers\[0\]\.port +\| default 8000/,
  );
});

test("validate tells every problem, in its exit code too", async (t) => {
  const { run, write } = await cliBench(t);
  write("bad.json", { ...server, token: "two words", "metadata.cpu": 0 });
  const { code, err } = await run(["validate", "bad.json"]);
  assert.equal(code, 1);
  assert.equal(
    err,
    `\
[ERROR] bad.json would be refused: 2 problems
  $["metadata.cpu"]: found 0, allowed: a number above 0, at most 1024
  $.token: found a string of 9 characters, allowed: 1 to 512 visible ASCII characters without spaces
`,
  );
  write("lost.json", { ...server, model_path: "m.bin", processor_path: "code", oops: 1 });
  const lost = await run(["validate", "lost.json"]);
  assert.equal(lost.code, 1);
  assert.match(
    lost.err,
    /model_path: there is no file[\s\S]*processor_path: there is no file[\s\S]*\$\.oops/,
  );
  write("text.json", "{");
  assert.match((await run(["validate", "text.json"])).err, /INVALID_JSON/);
  assert.equal((await run(["validate", "missing.json"])).code, 1);
  assert.equal((await run(["validate", "bad.json", "--replace"])).code, 2);
});

test("validate --service is held against the service that is there; as JSON it is the whole answer", async (t) => {
  const { run, write, control, home } = await cliBench(t);
  write("lr.pmml", "<PMML/>");
  await control.createService({ ...pmmlDocument("a", 1), model_path: join(home, "lr.pmml") });
  control.settle();
  write("part.json", { metadata: { instance: 3 } });
  const part = await run(["validate", "part.json", "--service", "a"]);
  assert.equal(part.code, 0);
  assert.match(part.out, /Update: scale\n {2}- 2 more instances are started/);
  write("group.json", { metadata: { group: "other" } });
  const fixed = await run(["validate", "group.json", "-s", "a"]);
  assert.equal(fixed.code, 1);
  assert.match(fixed.err, /would be refused: service a was created in group pmml/);
  write("whole.json", { ...pmmlDocument("a", 1), model_path: "lr.pmml" });
  assert.match((await run(["validate", "whole.json"])).err, /there is a service of this name/);
  const asJson = await run(["validate", "whole.json", "--service", "a", "--replace", "--output", "json"]);
  const answer = JSON.parse(asJson.out);
  assert.deepEqual([answer.Valid, answer.Plan.Change], [true, "nothing"]);
  assert.equal(control.services.get("a" as never)!.generation, 1);
});
