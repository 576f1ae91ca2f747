/** The engine as a process of its own, for tests that kill it: `node engine-process.ts <dir> <log file> <limits as JSON>`.
 * With BATCH_RULE=fixed in its environment each batch waits its whole time, for the measurement of batching. */
import { fixedWaitMs } from "../engine/batching/batch-rules.ts";
import { runEngine } from "../engine/run-engine.ts";

const [dir, logFile, limits] = process.argv.slice(2);
process.exitCode = await runEngine({
  dir: dir!,
  logFile: logFile!,
  limits: JSON.parse(limits ?? "{}"),
  wallNow: () => Date.now(),
  ...(process.env.BATCH_RULE === "fixed" ? { batchRule: fixedWaitMs } : {}),
});
