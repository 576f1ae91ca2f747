/** The guides as they stand: their shell blocks, in order, against a real installation. What they show is what is printed. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { GuideShell, shellBlocks } from "./harness/guide.ts";
import { Installation, ROOT } from "./harness/installation.ts";

const sluice = new Installation({ gatewayWorkers: 2 });
before(() => sluice.start());
after(() => sluice.stop());

/** On the service that the README deploys. */
const ON_README = ["authentication", "monitoring", "operations"];
/** With services of their own. */
const OWN = [
  "health-checks",
  "manual-control",
  "models",
  "own-processor",
  "own-server",
  "pmml",
  "traffic",
  "updates",
];

/** Need a gateway with a certificate, and official SDKs: tests of their own. */
const ELSEWHERE = ["migrate-from-eas", "tls"];

test("no guide is left out", () => {
  const guides = readdirSync(join(ROOT, "docs", "guide")).map((file) => file.replace(/\.md$/, ""));
  assert.deepEqual(guides.sort(), [...ON_README, ...OWN, ...ELSEWHERE].sort());
});

const readme = () => shellBlocks("README.md").filter((b) => b.heading === "One minute to a first prediction");

test("README.md: a stranger with a shell gets a prediction of a model of their own; guides that build on it work", async (t) => {
  const shell = new GuideShell(sluice);
  t.after(() => shell.close());
  shell.stand("/tmp/first", `${shell.folder}/first`);
  const [files, deploy, curl, ...more] = readme();
  assert(files !== undefined && deploy !== undefined && curl !== undefined && more.length === 0);
  await shell.run(files);
  const said = await shell.run(deploy);
  assert.match(said, /\[OK\] Service is running/);
  assert.match(said, /\[21\.74\d*, 65\.0\d*\]\s*$/);
  const token = /Token \| (\S+)/.exec(said)?.[1];
  assert(token !== undefined, said);
  shell.stand("YOUR_TOKEN", token);
  assert.match(await shell.run(curl), /\[21\.74\d*\]/);
  for (const guide of ON_README)
    for (const block of shellBlocks(`docs/guide/${guide}.md`)) await shell.run(block);
});

for (const guide of OWN) {
  test(`docs/guide/${guide}.md`, async (t) => {
    const shell = new GuideShell(sluice);
    t.after(() => shell.close());
    const blocks = shellBlocks(`docs/guide/${guide}.md`);
    assert(blocks.length > 2);
    for (const block of blocks) await shell.run(block);
  });
}
