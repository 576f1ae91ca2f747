import { wantedInstances } from "../change/slots.ts";
import type { InstanceId } from "../names.ts";
import type { InstanceStatus, ServiceRecord } from "../service.ts";
import { type Assessed, assess } from "./assess.ts";
import { byAge } from "./keepers.ts";
import type { PlanInput } from "./plan-input.ts";

/** Every instance that exists or shall exist, assessed. */
export interface Candidates {
  /** One for each wanted instance, as if all ran the version in force; lowest slot first. */
  readonly current: readonly Assessed[];
  /** The same for the version before, while an update goes on. */
  readonly base: readonly Assessed[];
  /** All others that the runtime knows, or that are being started. */
  readonly others: readonly Assessed[];
}

/** Assesses what is there and what may be wanted, for a wanted count. */
export function candidatesOf(input: PlanInput, count: number): Candidates {
  const record = input.wanted?.record;
  const observed = new Map(input.observed.map((o) => [o.spec.id, o]));
  const of = (part: ServiceRecord) =>
    [...wantedInstances(part, count)].map(([id, slot]) => {
      const { version, epoch } = part;
      return assess({ id, version, epoch, slot }, observed.get(id) ?? null, input);
    });
  const from = record?.updatingFrom ?? null;
  const current = record === undefined ? [] : of(record);
  const base = record === undefined || from === null ? [] : of({ ...record, ...from });
  const known = new Set([...current, ...base].map((a) => a.status.id));
  const others = input.observed
    .filter((o) => !known.has(o.spec.id))
    .map((o) => assess(o.spec, o, input))
    .sort((a, b) => byAge(b.status, a.status));
  // A start that is under way and no longer wanted has no report yet, and takes its place all the same.
  for (const [id, work] of input.busy) {
    const before = input.previous?.instances.find((i) => i.id === id);
    if (work !== "starting" || known.has(id) || observed.has(id) || before === undefined) continue;
    others.push(assess(before, null, input));
  }
  return { current, base, others };
}

/** What shall run, and what else is there. */
export interface Targets {
  /** Of the version in force. */
  readonly current: readonly Assessed[];
  /** Of the version before, held back by a rollout. */
  readonly base: readonly Assessed[];
  readonly others: readonly Assessed[];
  readonly wantedIds: ReadonlySet<InstanceId>;
}

/** Splits the candidates: `updatedCount` of the version in force, the rest of the wanted count of the one before. */
export function targetsOf(all: Candidates, count: number, updatedCount: number): Targets {
  const current = all.current.slice(0, updatedCount);
  const base = all.base.slice(0, count - updatedCount);
  const spare = [...all.current.slice(updatedCount), ...all.base.slice(base.length)].filter(isThere);
  const others = [...spare, ...all.others].sort((a, b) => byAge(b.status, a.status));
  const wantedIds = new Set([...current, ...base].map((a) => a.status.id));
  return { current, base, others, wantedIds };
}

/** The runtime knows it, or is being told of it. */
const isThere = (a: Assessed) => a.observed !== null || a.isAlive;

/** Not of the version and epoch in force. */
export const isOlder = (status: InstanceStatus, record: ServiceRecord): boolean =>
  status.version !== record.version || status.epoch !== record.epoch;
