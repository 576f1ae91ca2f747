import { join } from "node:path";
import type { InstanceGroups } from "../adapters/process/cgroup/instance-groups.ts";
import { ProcessDriver } from "../adapters/process/driver.ts";
import { ProcessGatewayFleet } from "../adapters/process/gateway-fleet.ts";
import { systemClock } from "../adapters/system/clock.ts";
import type { HomeLayout } from "./settings.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");

/** Said to the person who started it, without a stack: not a bug. */
export class CannotServe extends Error {
  override readonly name = "CannotServe";
}

/** What starts and finds the instances and gateways of a home, each as another role of this program. @throws CannotServe */
export function openProcesses(
  layout: HomeLayout,
  groups: InstanceGroups,
): [ProcessDriver, ProcessGatewayFleet] {
  const command = (role: string, ...args: string[]) => [
    process.execPath,
    ...process.execArgv,
    MAIN,
    role,
    ...args,
  ];
  try {
    return [
      new ProcessDriver({
        runDir: layout.run,
        logDir: layout.logs,
        engineCommand: (folder, logFile) => command("engine", "--dir", folder, "--log", logFile),
        now: () => systemClock.now(),
        groups,
      }),
      new ProcessGatewayFleet({
        runDir: layout.run,
        logDir: layout.logs,
        gatewayCommand: (folder) => command("gateway", "--dir", folder),
      }),
    ];
  } catch (error) {
    throw new CannotServe((error as Error).message, { cause: error });
  }
}
