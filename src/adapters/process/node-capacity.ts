import { readdirSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import type { Room } from "../../core/plan/room.ts";
import type { NodeCapacity } from "../../ports/capacity.ts";

/**
 * Cores that instances may ask for, for each core there is. Cores are shared by weight: with too many takers each is slower, and none
 * fails; most services wait for requests most of the time. So a machine of two cores runs sixteen services of one core each.
 */
export const CPU_OVERCOMMIT = 8;
/** Memory that is left to the system, the gateways and the control process: this share, and never less than this many MB. */
const RESERVE_SHARE = 1 / 8;
const RESERVE_MB_MIN = 512;

/** What the machine has, or as much of it as the control process's own control groups leave. */
export interface Machine {
  readonly cores: number;
  readonly memoryMb: number;
}

/** The machine of this process. libuv looks at affinity and at the quota and limit of our control groups. */
export function ownMachine(): Machine {
  const limit = process.constrainedMemory(); // 0, or beyond all memory, when there is none
  const total = totalmem();
  const bytes = limit > 0 && limit < total ? limit : total;
  return { cores: availableParallelism(), memoryMb: Math.floor(bytes / (1024 * 1024)) };
}

/**
 * What instances may ask for in all. Memory is not given twice: what is used up ends a process.
 * @param cpu cores, or null: {@link CPU_OVERCOMMIT} times those there are
 * @param memoryMb or null: what there is, less the reserve
 */
export function nodeCapacity(machine: Machine, cpu: number | null, memoryMb: number | null): NodeCapacity {
  const reserveMb = Math.max(RESERVE_MB_MIN, Math.ceil(machine.memoryMb * RESERVE_SHARE));
  const room: Room = {
    cpu: cpu ?? machine.cores * CPU_OVERCOMMIT,
    memoryMb: memoryMb ?? Math.max(0, machine.memoryMb - reserveMb),
  };
  return { total: () => room, gpuCount: () => gpuCount() };
}

/** GPUs with a driver: each is a file `/dev/nvidia<n>`. Looked at each time, since drivers come and go. */
export function gpuCount(folder = "/dev"): number {
  try {
    return readdirSync(folder).filter((name) => /^nvidia\d+$/.test(name)).length;
  } catch {
    return 0;
  }
}
