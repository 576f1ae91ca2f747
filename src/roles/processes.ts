import { join } from "node:path";
import type { InstanceGroups } from "../adapters/process/cgroup/instance-groups.ts";
import { ProcessDriver } from "../adapters/process/driver.ts";
import { ProcessGatewayFleet } from "../adapters/process/gateway-fleet.ts";
import { systemClock } from "../adapters/system/clock.ts";
import type { NodeCapacity } from "../ports/capacity.ts";
import { openInstanceLimits } from "./instance-limits.ts";
import type { HomeLayout, ServeSettings } from "./settings.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");

/** Said to the person who started it, without a stack: not a bug. */
export class CannotServe extends Error {
  override readonly name = "CannotServe";
}

/** What of this machine is ours, whoever leads. */
export interface Machine {
  readonly runtime: ProcessDriver;
  readonly gateways: ProcessGatewayFleet;
  readonly groups: InstanceGroups;
  readonly capacity: NodeCapacity;
}

/** @throws CannotServe */
export function openMachine(settings: ServeSettings, layout: HomeLayout): Machine {
  const { groups, capacity } = openInstanceLimits(settings, layout.run);
  const [runtime, gateways] = openProcesses(layout, groups);
  return { runtime, gateways, groups, capacity };
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
