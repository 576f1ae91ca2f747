/**
 * The run in short: 20 operations of one seed, all kinds among them, under a constant load. A request may fail only when a gateway that
 * was killed held it; nothing here depends on how fast the machine is.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { Installation } from "../../test/harness/installation.ts";
import { Stage } from "../harness/stage.ts";
import { isGood } from "../load/ledger-entry.ts";
import { troubles } from "./summary.ts";
import { runZeroLoss } from "./zero-loss-run.ts";

/** Less than in the bench: the machine may have much else to do. */
const PER_S = 200;
const OPERATIONS = 20;
/** Two kills of a gateway, two of the control process, and at least one of every other kind. */
const SEED = 40;
const KINDS = 8;

test("20 random operations lose no request", async (t) => {
  const stage = new Stage();
  const sluice = new Installation({ gatewayWorkers: 2 });
  t.after(async () => {
    stage.end();
    await sluice.stop();
  });
  await sluice.start();
  const run = await runZeroLoss(stage, sluice, { seed: SEED, operations: OPERATIONS, perS: PER_S });
  const found = troubles(run);
  const lost = found.filter(({ verdict }) => verdict.kind === "lost").map(({ entry }) => entry);
  const kinds = Object.entries(Object.groupBy(found, ({ verdict }) => verdict.kind));
  const counts = kinds.map(([kind, list]) => `${list!.length} ${kind}`).join(", ");
  t.diagnostic(`${run.entries.length} requests in ${(run.lengthMs / 1000).toFixed(0)} s; ${counts}`);
  assert.deepEqual(lost, []);
  assert.equal(run.played.length, OPERATIONS);
  assert.equal(new Set(run.played.map(({ step }) => step.kind)).size, KINDS);
  assert.deepEqual(run.orphans, []);
  for (const kind of ["plain", "stream"] as const) {
    const answered = run.entries.filter((entry) => entry.kind === kind && isGood(entry.attempts.at(-1)!));
    assert.ok(answered.length > 0, `${kind}: ${answered.length} answered`);
  }
});
