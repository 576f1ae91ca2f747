/** The guides as they stand: their shell blocks, in order, against a real installation. What they show is what is printed. */
import { test } from "node:test";
import { GuideShell, shellBlocks } from "./harness/guide.ts";
import { Installation } from "./harness/installation.ts";

test("docs/guide/traffic.md", async (t) => {
  const sluice = new Installation({ gatewayWorkers: 2 });
  t.after(() => sluice.stop());
  await sluice.start();
  const shell = new GuideShell(sluice);
  t.after(() => shell.close());
  for (const block of shellBlocks("docs/guide/traffic.md")) await shell.run(block);
});
