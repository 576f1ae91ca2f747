/** What `sluice processor new` writes: it passes its own tests as it is, and answers through an engine and a worker. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { Place } from "./harness/foreground.ts";

/** Language, and what its service answers to the request that comes with it. */
const TEMPLATES: readonly (readonly [string, string])[] = [
  ["python", '[{"y": 1.0}, {"y": 5.0}]'],
  ["java", "1.0\n5.0"],
  ["cpp", "1\n5"],
  ["node", '[{"y":1},{"y":5}]'],
];

for (const [language, answer] of TEMPLATES) {
  test(`${language}: new, its own tests, sluice test`, async (t) => {
    const place = new Place(t);
    const made = place.run("processor", "new", language, "mine");
    assert.equal(await made.ended(), "0", made.err);
    const [own, tested] = /Next, in mine:\n {2}(.*)\n {2}sluice (.*)\n/.exec(made.out)!.slice(1) as [
      string,
      string,
    ];
    await runShell(t, own, join(place.folder, "mine"));
    const run = place.run(
      ...tested.split(" ").map((word) => word.replace(/^(service|request)\./, "mine/$&")),
    );
    assert.equal(await run.ended(), "0", run.err);
    assert.equal(run.out.trim(), answer);
    const { name } = JSON.parse(readFileSync(join(place.folder, "mine", "service.json"), "utf8"));
    assert.equal(name, "mine");
  });
}

/** With the Node that runs this, where a machine has an older one. */
async function runShell(t: TestContext, script: string, cwd: string): Promise<void> {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const child = spawn("sh", ["-c", script], {
    cwd,
    env: { ...env, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => void child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const code = await new Promise((done) => child.on("close", done));
  assert.equal(code, 0, `${script}\n${said}`);
}
