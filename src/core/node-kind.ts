import type { Room } from "./plan/room.ts";

/** A node that instances run on, and what is left of it. */
export interface NodeKind {
  /** The same for the same capacity, e.g. `node.16c7g`, or `node.16c7g.2gpu`. */
  readonly name: string;
  /** What instances may ask for in all. */
  readonly capacity: Room;
  readonly gpuCount: number;
  /** What no instance has asked for; never below 0. */
  readonly free: Room;
  /** There is room for another instance, if only of the smallest size. */
  readonly isAvailable: boolean;
}

/** The least that an instance may ask for: `metadata.memory` begins at 16 MB (docs/reference/service-json.md). */
const MEMORY_MB_MIN = 16;

/** The kind of a node by what it has; null: that is not known. */
export function nodeKind(capacity: Room | null, free: Room | null, gpuCount: number): NodeKind | null {
  if (capacity === null) return null;
  const size = `${Math.floor(capacity.cpu)}c${Math.floor(capacity.memoryMb / 1024)}g`;
  const left = {
    cpu: Math.max(0, (free ?? capacity).cpu),
    memoryMb: Math.max(0, (free ?? capacity).memoryMb),
  };
  return {
    name: gpuCount === 0 ? `node.${size}` : `node.${size}.${gpuCount}gpu`,
    capacity,
    gpuCount,
    free: left,
    isAvailable: left.cpu > 0 && left.memoryMb >= MEMORY_MB_MIN,
  };
}

/** Sizes of an instance that fit an empty node: cores and GB by powers of two, each with each. */
export function instanceSizes({
  cpu,
  memoryMb,
}: Room): { readonly cpu: number; readonly memoryGb: number[] }[] {
  const memoryGb = powersUpTo(memoryMb / 1024);
  return powersUpTo(cpu).map((cores) => ({ cpu: cores, memoryGb: [...memoryGb] }));
}

function powersUpTo(most: number): number[] {
  const powers: number[] = [];
  for (let power = 1; power <= most; power *= 2) powers.push(power);
  return powers;
}
