import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { SuccessorOrder } from "../../core/gateway-report.ts";
import { launch } from "./launch.ts";
import { readJson, readLivingOwner } from "./run-folder.ts";

/**
 * What gateway.json says of a start that a worker does itself, so that an order that comes late is known as such. Made here and not passed in:
 * it is only ever compared for being the same.
 */
export function newLaunchId(): string {
  return randomUUID();
}

/**
 * Starts the process that an order describes, with open descriptors, and with `args` behind its command line. Called in the worker that the
 * new process is to follow; otherwise as the control process starts one.
 * @throws Error when the order is out of date, or the process cannot be started
 */
export async function launchSuccessor(
  order: SuccessorOrder,
  args: readonly string[],
  descriptors: readonly number[],
): Promise<void> {
  const { folder, launchId, logFile, env, cwd } = order;
  const launched = readJson<{ readonly launchId?: string }>(join(folder, "gateway.json"));
  if (launched?.launchId !== launchId || readLivingOwner(folder) !== null)
    throw new Error(`the order to start ${order.id} is out of date`);
  await launch({ folder, logFile, command: [...order.command, ...args], env, cwd, descriptors });
}
