/** docs/guide/migrate-from-eas.md as it stands: its shell and Python, with the official SDKs, unmodified. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CONTROL_SDK } from "./harness/control-sdk.ts";
import { GuideShell, shellBlocks } from "./harness/guide.ts";
import { Installation, ROOT } from "./harness/installation.ts";
import { makeEnvironment } from "./harness/python-environment.ts";
import { runBySdk } from "./harness/python-sdk.ts";

const GUIDE = "docs/guide/migrate-from-eas.md";
const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

test("what the guide shows works as it is shown", async (t) => {
  const { address, gateway } = sluice.clientConfig();
  const shell = new GuideShell(sluice);
  t.after(() => shell.close());
  const made: Record<string, string> = {};
  for (const block of shellBlocks(GUIDE)) {
    const said = await shell.run(block);
    for (const [, name, value] of said.matchAll(/(AccessKey(?:Id|Secret)) \| (\S+)/g)) made[name!] = value!;
    if (block.script.includes("key create")) {
      shell.stand("YOUR_KEY_ID", made.AccessKeyId!);
      shell.stand("YOUR_KEY_SECRET", made.AccessKeySecret!);
    }
    if (block.script.includes("sluice create")) assert.match(said, /metadata\.resource has no effect here/);
  }
  const stands: readonly (readonly [string, string])[] = [
    ["127.0.0.1:8080", new URL(gateway).host],
    ["127.0.0.1:8081", new URL(address).host],
    ["YOUR_KEY_ID", made.AccessKeyId!],
    ["YOUR_KEY_SECRET", made.AccessKeySecret!],
    ["YOUR_TOKEN", (await sluice.service("doubler")).AccessToken],
  ];
  const text = readFileSync(join(ROOT, GUIDE), "utf8");
  const programs = [...text.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, program]) =>
    stands.reduce((all, [there, here]) => all.replaceAll(there, here), program!),
  );
  assert.equal(programs.length, 2);
  for (const program of programs) {
    if (program.includes("eas_prediction")) assert.match(runBySdk(program), /\[2, 4, 6\]/);
    else {
      const python = makeEnvironment(CONTROL_SDK);
      const said = execFileSync(python, ["-c", program], { encoding: "utf8", timeout: 60_000 });
      assert.equal(said, "doubler Running\n");
    }
  }
});
