/** The engine as a process of its own, for tests that kill it: `node engine-process.ts <dir> <log file> <limits as JSON>`. */
import { runEngine } from "../engine/run-engine.ts";

const [dir, logFile, limits] = process.argv.slice(2);
process.exitCode = await runEngine({
  dir: dir!,
  logFile: logFile!,
  limits: JSON.parse(limits ?? "{}"),
  wallNow: () => Date.now(),
});
