import { parseArgs } from "node:util";
import { systemClock } from "../adapters/system/clock.ts";
import { isSameProcess, type ProcessIdentity } from "../base/process-identity.ts";
import { InstanceDir } from "../engine/instance-dir.ts";
import { VERSION } from "./version.ts";

/** How often the owner of an instance is looked for, in ms. */
const OWNER_LOOK_MS = 500;

/**
 * The role `engine`: one instance, in this process or watched by it. Exits when it has ended. Only what the instance needs is loaded.
 * `--port` and `--host` are where direct callers reach it; `--owner pid.startTicks` a process without which it ends, for it outlives all others.
 */
export async function runEngineRole(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      dir: { type: "string" },
      log: { type: "string" },
      port: { type: "string" },
      host: { type: "string" },
      owner: { type: "string" },
    },
  });
  if (values.dir === undefined || values.log === undefined) {
    throw new Error("the role engine is started by sluice serve, with --dir and --log");
  }
  const port = Number(values.port ?? 0);
  const options = {
    dir: values.dir,
    logFile: values.log,
    wallNow: systemClock.now,
    ...(port === 0 ? {} : { port }),
    ...(values.host === undefined ? {} : { host: values.host }),
    // Who calls one in the foreground knows that it goes.
    ...(values.owner === undefined ? {} : { limits: { directRecentMs: -1 } }),
  };
  if (values.owner !== undefined) endWithout(values.owner);
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

/** Ends this instance at once, by two signals to itself, when its owner has gone without ending it. */
function endWithout(text: string): void {
  const [pid, startTicks] = text.split(".").map(Number);
  const owner = { pid, startTicks } as ProcessIdentity;
  const look = setInterval(() => {
    if (isSameProcess(owner)) return;
    process.kill(process.pid, "SIGTERM");
  }, OWNER_LOOK_MS);
  look.unref();
}
