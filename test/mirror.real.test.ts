/** Mirroring with two real services, real requests and the CLI. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation } from "./harness/installation.ts";
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

async function ask(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const answer = await sluice.predict("line", "10", token);
    assert.deepEqual([answer.status, answer.body], [200, '{"y": 20}']);
  }
}
// biome-ignore lint/suspicious/noExplicitAny: an answer of the API
const counts = async (): Promise<any> =>
  (await sluice.json("GET", "/api/v2/services/local/line/mirror")).Counts[0] ?? {};

test("mirror, compare, look, end", async () => {
  const compare = ["--target", "line_next", "--ratio", "70", "--compare", "json", "--tolerance", "0.001"];
  assert.match(
    await sluice.ok("mirror", "create", "line", ...compare),
    /\[OK\] Traffic mirroring is ON for service \[line\] in region \[local\], ratio \[70%\]/,
  );
  await until(async () => {
    await ask(10);
    return (await counts()).Compared >= 7;
  }, "copies to be compared");
  const { Sent, Differing, Failed } = await counts();
  assert.deepEqual([Differing, Failed], [0, 0], "within the tolerance");
  assert.ok(Sent >= 7);
  assert.match(await sluice.ok("mirror", "desc", "line"), /\| line_next \|/);

  assert.match(
    await sluice.ok("mirror", "update", "line", "--ratio", "100", "--compare", "json", "--samples", "20"),
    /is updating for service \[line\] in region \[local\], ratio \[100%\]/,
  );
  await until(async () => {
    await ask(1);
    return (await counts()).Differing > 0;
  }, "without a tolerance the answers to differ");
  await until(
    async () => /\$\.y: 20 and 20\.0/.test(await sluice.ok("mirror", "diffs", "line")),
    "a pair to be kept",
  );
  const traffic = await sluice.json("GET", "/api/v2/internal/traffic?Seconds=300");
  const users = JSON.stringify(traffic).match(/"ServiceName":"line_next"/g);
  assert.equal(users, null, "copies are no traffic of the target");

  await sluice.ok("mirror", "delete", "line");
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
