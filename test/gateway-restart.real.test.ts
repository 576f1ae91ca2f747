/**
 * A restart of gateway workers loses no request, not even with a new connection for each. What can be lost in principle: a
 * connection that the kernel has made between a worker's last look at its queue and the close that follows; see
 * docs/guide/operations.md.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 500;
/** Of some 2,500 new connections: what falls into the moment of closing, on a machine that may stop a process just there. */
const LOST_MAX = 1;
const sluice = new Installation({ gatewayWorkers: 2 });

before(async () => {
  await sluice.start();
  const file = join(sluice.home, "service.json");
  writeFileSync(
    file,
    JSON.stringify(fixtureSpec("steady", "steady", { instance: 2 }, { model_config: "one" })),
  );
  await sluice.ok("create", file);
});
after(() => sluice.stop());

const workers = () => sluice.processes().filter((p) => p.kind === "gateway");

for (const connections of ["new", "kept"] as const) {
  test(`two restarts of all workers under ${RATE_PER_SECOND} requests/s, connections ${connections}`, async (t) => {
    const token = (await sluice.service("steady")).AccessToken as string;
    const url = `${sluice.clientConfig().gateway}/api/predict/steady`;
    const load = new ConstantLoad({ url, token, body: "x" }, RATE_PER_SECOND, connections);
    load.start();
    t.after(() => load.stop());
    const answered = async (count: number) => {
      const goal = load.outcomes.length + count;
      await until(() => load.outcomes.length >= goal, `${count} more answers`, 30_000);
    };
    await answered(RATE_PER_SECOND);
    for (let round = 0; round < 2; round++) {
      const old = new Set(workers().map((w) => w.identity.pid));
      await sluice.ok("gateways", "restart");
      await until(() => workers().every((w) => !old.has(w.identity.pid)), "the old workers to be gone");
      assert.equal(workers().length, 2);
      await answered(RATE_PER_SECOND);
    }
    const outcomes = await load.stop();
    const lost = failures(outcomes);
    t.diagnostic(`of ${outcomes.length} requests these failed: ${JSON.stringify(lost)}`);
    assert.ok(
      outcomes.filter((o) => o.status !== 200).length <= (connections === "new" ? LOST_MAX : 0),
      JSON.stringify(lost),
    );
  });
}

test("a worker that somebody else ends is replaced at once, while it finishes what it has", async (t) => {
  const token = (await sluice.service("steady")).AccessToken as string;
  const url = `${sluice.clientConfig().gateway}/api/predict/steady`;
  const load = new ConstantLoad({ url, token, body: "x" }, RATE_PER_SECOND, "new");
  load.start();
  t.after(() => load.stop());
  const [first] = workers();
  process.kill(first!.identity.pid, "SIGTERM");
  const others = () => workers().filter((w) => w.identity.pid !== first!.identity.pid);
  await until(() => others().length === 2, "the successor");
  const list = await sluice.ok("gateways", "ls");
  assert.match(list, /gateway-/);
  await until(() => workers().length === 2, "the old one to be gone");
  const lost = failures(await load.stop());
  t.diagnostic(`lost: ${JSON.stringify(lost)}`);
  assert.ok(Object.values(lost).reduce((a, b) => a + b, 0) <= LOST_MAX, JSON.stringify(lost));
});
