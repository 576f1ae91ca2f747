import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import type { ServiceName } from "../core/names.ts";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

const name = "pmml_prod" as ServiceName;

async function withService(t: TestContext) {
  const bench = await cliBench(t);
  await bench.control.createService(pmmlDocument(name, 4));
  bench.control.settle();
  return bench;
}

test("rollout: the rule as given, then changed, then off; and how far the update is", async (t) => {
  const { run, control } = await withService(t);
  const rule = await run(["rollout", name, "--partition", "50%", "--batch", "1", "--interval", "5m"]);
  assert.match(
    rule.out,
    /\[OK\] Rollout of service \[pmml_prod\] in region \[local\]: 50% stay at the version before, batches of 1, 5m apart\n$/,
  );
  assert.match((await run(["rollout", name, "pause"])).out, /: paused, 50% stay/);
  const record = control.services.get(name)!;
  control.services.set(name, {
    ...record,
    version: 2,
    latestVersion: 2,
    updatingFrom: { version: 1, epoch: 0, retiredSlots: [] },
  });
  const nextBatchAtMs = Date.UTC(2026, 4, 8, 16, 10, 56);
  const step = {
    version: 2,
    wantedCount: 2,
    readyCount: 2,
    isHeld: true,
    nextBatchAtMs,
    phase: "Paused",
  } as const;
  control.setStatus(name, { rollout: step });
  const shown = await run(["rollout", name]);
  for (const line of [
    /Phase \| Paused/,
    /From version \| 1/,
    /To version \| 2/,
    /2026\/05\/08 16:10:56 UTC/,
    /Batch \| 1, 5m apart/,
  ])
    assert.match(shown.out, line);
  const json = JSON.parse((await run(["rollout", name, "status", "--output", "json"])).out);
  assert.deepEqual(json.Rollout.Strategy, {
    Partition: { Partition: "50%" },
    Batch: { BatchSize: "1", Interval: "5m" },
    Paused: true,
  });
  assert.equal(json.Rollout.Status.TotalReplicas, 4);
  assert.match((await run(["rollout", name, "resume"])).out, /: 50% stay/);
  assert.match((await run(["rollout", name, "off"])).out, /: nothing is held back\n$/);
  assert.equal(control.services.get(name)!.rollout, null);
});

test("rollout: what makes no sense is refused, with the field and what is allowed", async (t) => {
  const { run } = await withService(t);
  const part = await run(["rollout", name, "--partition", "half"]);
  assert.match(part.err, /\$\.Partition\.Partition: found "half", allowed: a number of instances, or a part/);
  const batch = await run(["rollout", name, "--batch", "0", "--interval", "soon"]);
  assert.match(batch.err, /\$\.Batch\.BatchSize: found "0".* above 0\n.*\$\.Batch\.Interval: found "soon"/);
  assert.match((await run(["rollout", name, "--interval", "5m"])).err, /--interval belongs to --batch/);
  assert.match((await run(["rollout", name, "go"])).err, /one of status, pause, resume, off/);
  assert.match((await run(["rollout", "nobody", "pause"])).err, /SERVICE_NOT_FOUND/);
});

test("modify --plan: what would change, and how; nothing does", async (t) => {
  const { run, control } = await withService(t);
  const before = control.services.get(name);
  const planned = await run(["modify", name, "-Dmetadata.cpu=2", "-Dtoken=secret", "--plan"]);
  assert.equal(planned.code, 0);
  assert.match(planned.out, /Change: a new version: instances are replaced \(version 2 afterwards\)/);
  assert.match(planned.out, /\| \$\.metadata\.cpu +\| 1 +\| 2 +\|/);
  assert.match(planned.out, /4 instances are replaced, 1 at a time/);
  assert.match(planned.out, /Nothing was changed\.\n$/);
  assert.doesNotMatch(planned.out, /secret/);
  const json = JSON.parse(
    (await run(["modify", name, "-Dmetadata.instance=9", "--plan", "--output", "json"])).out,
  );
  assert.equal(json.Plan.Change, "scale");
  assert.equal(control.services.get(name), before);
});

test("versions tells which can be run, and why one cannot", async (t) => {
  const { run, control } = await withService(t);
  control.runnable.set(1, { kind: "false", why: "/models/lr.pmml is gone" });
  assert.match(
    (await run(["versions", name])).out,
    /\| false +\| Service was created; cannot be run: \/models\/lr\.pmml is gone/,
  );
});
