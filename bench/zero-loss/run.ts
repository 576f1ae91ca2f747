/**
 * Random operations of a seed under a constant load that keeps a ledger: `node bench/zero-loss/run.ts --seed=N --operations=200
 * [--rate=500] [--ledger=FILE]`. Ends with 1 when a request was lost, or an operation did not come into effect.
 */
import { writeFileSync } from "node:fs";
import { Installation } from "../../test/harness/installation.ts";
import { numberOption, textOption } from "../harness/options.ts";
import { Stage } from "../harness/stage.ts";
import type { Played } from "./play.ts";
import { report } from "./summary.ts";
import { runZeroLoss } from "./zero-loss-run.ts";

const options = {
  seed: numberOption("seed", 1),
  operations: numberOption("operations", 200),
  perS: numberOption("rate", 500),
};
const ledgerFile = textOption("ledger");

function show({ step, startedAtMs, endedAtMs, outcome, besides }: Played): void {
  const { number, kind, isOverlapping: _, gapMs: __, ...what } = step;
  const text = `${String(number).padStart(4)} ${kind} ${Object.values(what).join(" ")}`;
  const how = `${outcome}${besides > 0 ? `, beside ${besides}` : ""}`;
  console.log(`${text.padEnd(36)} ${((endedAtMs - startedAtMs) / 1000).toFixed(2).padStart(6)} s  ${how}`);
}

const stage = new Stage();
const sluice = new Installation({ gatewayWorkers: 2 });
try {
  await sluice.start();
  const run = await runZeroLoss(stage, sluice, options, show);
  if (ledgerFile !== null)
    writeFileSync(ledgerFile, run.entries.map((entry) => `${JSON.stringify(entry)}\n`).join(""));
  process.exitCode = report(run, options) ? 0 : 1;
} finally {
  stage.end();
  await sluice.stop();
}
