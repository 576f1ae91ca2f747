import type { LimitSpec } from "../instance-spec.ts";

/** What is free on the node: not taken by instances that are alive or being started, of any service. */
export interface Room {
  /** Cores; may be a fraction. */
  readonly cpu: number;
  readonly memoryMb: number;
}

/** What an instance asks for fits. */
export const fits = (room: Room, need: LimitSpec): boolean =>
  need.cpu <= room.cpu + ROUNDING && need.memoryMb <= room.memoryMb;

/** Sums of fractions such as 0.1 cores are not exact. */
const ROUNDING = 1e-9;

export const without = (room: Room, need: LimitSpec): Room => ({
  cpu: room.cpu - need.cpu,
  memoryMb: room.memoryMb - need.memoryMb,
});

export const withMore = (room: Room, limits: Iterable<LimitSpec>): Room => {
  let { cpu, memoryMb } = room;
  for (const given of limits) {
    cpu += given.cpu;
    memoryMb += given.memoryMb;
  }
  return { cpu, memoryMb };
};

/** `needs 2 cores and 4000 MB; 0.5 cores and 9000 MB are free, so 1.5 cores are missing` */
export function missingText(need: LimitSpec, room: Room): string {
  const missing = [];
  if (need.cpu > room.cpu + ROUNDING) missing.push(cores(need.cpu - Math.max(0, room.cpu)));
  if (need.memoryMb > room.memoryMb) missing.push(`${need.memoryMb - Math.max(0, room.memoryMb)} MB`);
  const free = `${cores(Math.max(0, room.cpu))} and ${Math.max(0, room.memoryMb)} MB are free`;
  return `needs ${cores(need.cpu)} and ${need.memoryMb} MB; ${free}, ${missing.join(" and ")} missing`;
}

function cores(count: number): string {
  const rounded = Math.round(count * 100) / 100;
  return `${rounded} ${rounded === 1 ? "core" : "cores"}`;
}
