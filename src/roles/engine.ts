import { parseArgs } from "node:util";
import { runEngine } from "../engine/run-engine.ts";

/** The role `engine`: one instance in this process. Exits when it has ended. */
export async function runEngineRole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { dir: { type: "string" }, log: { type: "string" } },
  });
  if (values.dir === undefined || values.log === undefined) {
    throw new Error("the role engine is started by sluice serve, with --dir and --log");
  }
  process.title = "sluice engine";
  process.exitCode = await runEngine({ dir: values.dir, logFile: values.log });
  // Whatever a library left open must not keep a finished instance alive.
  process.exit();
}
