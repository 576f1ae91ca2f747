/** The README's "one minute to a first prediction", as it stands there, on a Sluice of the test's own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";

const FOLDER = "/tmp/first";
const sluice = new Installation({ gatewayWorkers: 1 });
before(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await sluice.start();
});
after(async () => {
  await sluice.stop();
  rmSync(FOLDER, { recursive: true, force: true });
});

/** The shell blocks of one section, in order. */
function blocksOf(heading: string): string[] {
  const section = readFileSync(join(ROOT, "README.md"), "utf8")
    .split(/^## /m)
    .find((s) => s.startsWith(heading));
  assert(section !== undefined, `README has a section ${heading}`);
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
}

async function run(script: string, cwd: string): Promise<string> {
  const child = spawn("sh", ["-eu", "-c", script], {
    cwd,
    env: sluice.env(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((done) => child.on("close", done));
  assert.equal(code, 0, `${script}\n${output}`);
  return output;
}

test("a stranger with a shell gets a prediction of a model of their own", async () => {
  const [start, files, deploy, curl, ...more] = blocksOf("One minute to a first prediction");
  assert(start !== undefined && files !== undefined && deploy !== undefined && curl !== undefined);
  assert.equal(more.length, 0);
  assert.match(start, /^make setup\nbin\/sluice serve\n$/);
  await run(files, "/tmp");
  const said = await run(deploy.replaceAll("PATH_TO_SLUICE", ROOT), FOLDER);
  assert.match(said, /\[OK\] Service is running/);
  const token = /Token \| (\S+)/.exec(said)?.[1];
  assert(token !== undefined, said);
  assert.match(said, /\[21\.74\d*, 65\.0\d*\]\s*$/);
  const gateway = sluice.clientConfig().gateway;
  const answer = await run(
    curl.replace("YOUR_TOKEN", token).replace("http://127.0.0.1:8080", gateway),
    FOLDER,
  );
  assert.match(answer, /\[21\.74\d*\]/);
});
