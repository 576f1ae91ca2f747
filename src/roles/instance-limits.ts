import { createHash } from "node:crypto";
import { ownGroupParents } from "../adapters/process/cgroup/group-parents.ts";
import { InstanceGroups } from "../adapters/process/cgroup/instance-groups.ts";
import { nodeCapacity, ownMachine } from "../adapters/process/node-capacity.ts";
import type { NodeCapacity } from "../ports/capacity.ts";
import type { ServeSettings } from "./settings.ts";

/** Enough to tell installations on one machine apart in names of control groups. */
const INSTALLATION_CHARS = 8;

/** What instances may have here: each by its control groups, and all together. */
export interface InstanceLimits {
  readonly groups: InstanceGroups;
  readonly capacity: NodeCapacity;
}

/**
 * Looks what the machine has. Before the first gateway is started: this process may move to a control group of its own for it, and
 * gateways begin where it is.
 * @param runDir the run folder, which names the installation
 */
export function openInstanceLimits(settings: ServeSettings, runDir: string): InstanceLimits {
  const machine = ownMachine(); // from our own group, before we leave it
  const installation = createHash("sha256").update(runDir).digest("hex").slice(0, INSTALLATION_CHARS);
  const found = ownGroupParents(settings.cgroups, installation);
  const groups = new InstanceGroups(found, {
    installation,
    pidsMax: settings.instanceProcesses,
    cores: machine.cores,
  });
  return { groups, capacity: nodeCapacity(machine, settings.capacityCpu, settings.capacityMemory) };
}
