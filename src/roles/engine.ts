import { parseArgs } from "node:util";
import { systemClock } from "../adapters/system/clock.ts";
import { InstanceDir } from "../engine/instance-dir.ts";
import { VERSION } from "./version.ts";

/**
 * The role `engine`: one instance, in this process or watched by it. Exits when it has ended. Only what the instance needs is loaded.
 */
export async function runEngineRole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { dir: { type: "string" }, log: { type: "string" } },
  });
  if (values.dir === undefined || values.log === undefined) {
    throw new Error("the role engine is started by sluice serve, with --dir and --log");
  }
  const options = { dir: values.dir, logFile: values.log, wallNow: systemClock.now };
  if (new InstanceDir(values.dir).readSpec().processor.kind === "command") {
    process.title = "sluice command";
    process.exitCode = await (await import("../engine/command/run-command.ts")).runCommand(options);
  } else {
    process.title = "sluice engine";
    const { runEngine } = await import("../engine/run-engine.ts");
    process.exitCode = await runEngine({ ...options, sluiceVersion: VERSION });
  }
  // Whatever a library left open must not keep a finished instance alive.
  process.exit();
}
