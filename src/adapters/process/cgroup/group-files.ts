import type { LimitSpec } from "../../../core/instance-spec.ts";
import type { Controller } from "./hierarchies.ts";

/** A file of a group and what is written to it. */
export interface GroupFile {
  readonly name: string;
  readonly value: string;
  /** May be missing: a kernel without swap accounting, an older kernel. */
  readonly isOptional?: boolean;
}

/** Length of a scheduling period, in µs; the kernel's default. */
const PERIOD_US = 100_000;
/** Smallest quota that the kernel takes, in µs. */
const QUOTA_US_MIN = 1_000;
/**
 * Memory of our own process beside the user's, in MB. It was seen at 15 to 21 MB of its own and 46 MB of pages of files, most of them
 * of the Node binary, which the group pays for that read them first; the rest is room for load.
 */
export const OWN_MEMORY_MB = 128;

/** Everything a group is told of its limits, in the order in which the kernel takes it. */
export function limitFiles(
  version: 1 | 2,
  controller: Controller,
  limits: LimitSpec,
  pidsMax: number,
): GroupFile[] {
  const bytes = String((limits.memoryMb + OWN_MEMORY_MB) * 1024 * 1024);
  const quotaUs = String(Math.max(QUOTA_US_MIN, Math.round(limits.cpu * PERIOD_US)));
  const hasQuota = limits.isCpuAsked === true;
  switch (controller) {
    case "memory":
      return version === 2
        ? [
            { name: "memory.max", value: bytes },
            { name: "memory.swap.max", value: "0", isOptional: true },
            { name: "memory.oom.group", value: "1" },
          ]
        : [
            { name: "memory.limit_in_bytes", value: bytes },
            { name: "memory.memsw.limit_in_bytes", value: bytes, isOptional: true },
          ];
    case "cpu":
      return version === 2
        ? [
            { name: "cpu.weight", value: String(within(1, Math.round(limits.cpu * 100), 10_000)) },
            ...(hasQuota ? [{ name: "cpu.max", value: `${quotaUs} ${PERIOD_US}` }] : []),
          ]
        : [
            { name: "cpu.shares", value: String(within(2, Math.round(limits.cpu * 1024), 262_144)) },
            ...(hasQuota
              ? [
                  { name: "cpu.cfs_period_us", value: String(PERIOD_US) },
                  { name: "cpu.cfs_quota_us", value: quotaUs },
                ]
              : []),
          ];
    case "pids":
      return [{ name: "pids.max", value: String(pidsMax) }];
  }
}

/**
 * The group of an installation competes for cores with the gateways beside it, as one taker: it weighs as many of them as there are cores,
 * so that instances are not starved by being many in one group.
 */
export function shareOfAll(version: 1 | 2, controller: Controller, cores: number): GroupFile[] {
  if (controller !== "cpu") return [];
  return version === 2
    ? [{ name: "cpu.weight", value: String(within(1, cores * 100, 10_000)) }]
    : [{ name: "cpu.shares", value: String(within(2, cores * 1024, 262_144)) }];
}

/** The file that counts processes killed for want of memory. */
export const oomFile = (version: 1 | 2) => (version === 2 ? "memory.events" : "memory.oom_control");

/** How many processes of a group were killed for want of memory, from {@link oomFile}. */
export function oomKillsIn(text: string): number {
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

const within = (least: number, value: number, most: number) => Math.min(most, Math.max(least, value));
