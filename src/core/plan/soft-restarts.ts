import type { InstanceId } from "../names.ts";
import type { Assessed } from "./assess.ts";
import type { PlanInput } from "./plan-input.ts";
import type { Targets } from "./targets.ts";

const TEXT = "It leaves the traffic, and then its processor is started again";

/**
 * Marks as going the wanted instances whose soft restart is due now. Once they are gone, the plan starts them again under the same name, with
 * the number of the restart in their spec. One that serves goes only while all others serve, so these take its
 * work over, and comes back to its work when one of them fails before it was stopped; one that does not serve goes at once.
 */
export function withSoftRestarts(targets: Targets, input: PlanInput): Targets {
  const { wanted, previous } = input;
  const numbers = wanted?.record.softRestarts;
  if (numbers === undefined) return targets;
  const wantedOnes = [...targets.current, ...targets.base];
  const due = wantedOnes.filter((a) => isDue(a, numbers));
  if (due.length === 0) return targets;
  const isLeft = (id: InstanceId) =>
    previous?.instances.some((i) => i.id === id && i.drainingSinceMs !== null) === true;
  const isFree = (a: Assessed) => !a.status.isReady || a.isGoing || a.status.isIsolated === true;
  const going = new Set(due.filter(isFree));
  const serving = wantedOnes.filter((a) => a.status.isIsolated !== true);
  const canAllServe = serving.every((a) => a.status.isReady && !a.isGoing && !going.has(a));
  const rest = due.filter((a) => !going.has(a));
  const next = rest.find((a) => isLeft(a.status.id)) ?? rest[0];
  // What was stopped has to come back: its files are looked at before.
  if (next !== undefined && canAllServe && wanted!.files.kind === "ready") going.add(next);
  const marked = (a: Assessed): Assessed => {
    if (!due.includes(a)) return a;
    const status = { ...a.status, isRestartDue: true } as const;
    return going.has(a)
      ? { ...a, isGoing: true, status: { ...status, isReady: false, reason: "SoftRestart", message: TEXT } }
      : { ...a, status };
  };
  return { ...targets, current: targets.current.map(marked), base: targets.base.map(marked) };
}

function isDue({ isAlive, observed, status }: Assessed, numbers: Readonly<Record<string, number>>): boolean {
  return (
    isAlive && observed?.isAlive === true && (observed.spec.softRestart ?? 0) < (numbers[status.id] ?? 0)
  );
}
