/** The guide's section on mirroring, as it stands there: two real services, real requests, the CLI. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
let token: string;
before(async () => {
  await sluice.start();
  for (const [name, slope] of [
    ["line", 2],
    ["line_next", 2.001],
  ] as const) {
    const file = join(sluice.home, `${name}.json`);
    const spec = fixtureSpec(name, "line", {}, { model_config: { slope } });
    writeFileSync(file, JSON.stringify(spec));
    await sluice.ok("create", file);
  }
  token = (await sluice.service("line")).AccessToken;
});
after(() => sluice.stop());

/** One command of the guide. */
async function shell(line: string): Promise<string> {
  const env = { ...sluice.env(), PATH: `${join(ROOT, "bin")}:${process.env.PATH}` };
  const child = spawn("sh", ["-eu", "-c", line], { env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
  const code = await new Promise<number | null>((done) => child.on("close", done));
  assert.equal(code, 0, `${line}\n${output}`);
  return output;
}

async function ask(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const answer = await sluice.predict("line", "10", token);
    assert.deepEqual([answer.status, answer.body], [200, '{"y": 20}']);
  }
}
// biome-ignore lint/suspicious/noExplicitAny: an answer of the API
const counts = async (): Promise<any> =>
  (await sluice.json("GET", "/api/v2/services/local/line/mirror")).Counts[0] ?? {};

test("the commands of the guide: mirror, compare, look, end", async () => {
  const guide = readFileSync(join(ROOT, "docs", "guide", "traffic.md"), "utf8");
  const section = guide.split(/^## /m).find((s) => s.startsWith("Mirroring"))!;
  const lines = /^```sh\n([\s\S]*?)^```$/m.exec(section)![1]!.trim().split("\n");
  const [create, desc, update, diffs, end, ...more] = lines as [string, string, string, string, string];
  assert.equal(more.length, 0);

  assert.match(
    await shell(create),
    /\[OK\] Traffic mirroring is ON for service \[line\] in region \[local\], ratio \[70%\]/,
  );
  await until(async () => {
    await ask(10);
    return (await counts()).Compared >= 7;
  }, "copies to be compared");
  const { Sent, Differing, Failed } = await counts();
  assert.deepEqual([Differing, Failed], [0, 0], "within the tolerance");
  assert.ok(Sent >= 7);
  assert.match(await shell(desc), /\| line_next \|/);

  assert.match(await shell(update), /is updating for service \[line\] in region \[local\], ratio \[100%\]/);
  await until(async () => {
    await ask(1);
    return (await counts()).Differing > 0;
  }, "without a tolerance the answers to differ");
  await until(async () => /\$\.y: 20 and 20\.0/.test(await shell(diffs)), "a pair to be kept");
  const traffic = await sluice.json("GET", "/api/v2/internal/traffic?Seconds=300");
  const users = JSON.stringify(traffic).match(/"ServiceName":"line_next"/g);
  assert.equal(users, null, "copies are no traffic of the target");

  await shell(end);
  assert.match((await sluice.cli("mirror", "desc", "line")).stderr, /MIRROR_NOT_FOUND/);
});

test("a target that is deleted leaves the mirror, with an event", async () => {
  await sluice.ok("mirror", "create", "line", "--target", "line_next", "--ratio", "100");
  await ask(5);
  await sluice.ok("delete", "line_next", "-y");
  await ask(5);
  assert.match((await sluice.cli("mirror", "desc", "line")).stderr, /MIRROR_NOT_FOUND/);
  const events = await sluice.ok("events", "line");
  assert.match(events, /Service \[line_next\] is deleted and no longer a mirror target of service \[line\]/);
  assert.match(events, /Traffic mirroring is OFF for service \[line\]/);
});
