import { fits, missingText, type Room } from "../plan/room.ts";
import type { ServiceRecord } from "../service.ts";
import type { ChangeKind } from "../spec/classify.ts";
import { differencesOf, type FieldDifference } from "../spec/difference.ts";
import { paceOf } from "../spec/rolling.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import type { NotEffectiveField } from "../spec/standings.ts";
import { instanceCountOf } from "./decision.ts";
import { ruleText } from "./rollout.ts";

/** What an update would do, without doing it. */
export interface UpdatePreview {
  readonly kind: ChangeKind;
  /** Version in force afterwards. */
  readonly version: number;
  readonly differences: readonly FieldDifference[];
  /** What would happen to instances, in order, for people. */
  readonly steps: readonly string[];
  readonly notEffective: readonly NotEffectiveField[];
}

/** `room`: what is free on the node; null: not known. */
export function previewUpdate(
  before: ServiceRecord,
  after: ParsedSpec,
  kind: ChangeKind,
  room: Room | null,
): UpdatePreview {
  return {
    kind,
    version: kind === "new-version" ? before.latestVersion + 1 : before.version,
    differences: differencesOf(before.document, after.document),
    steps: before.desired === "running" ? stepsOf(before, after, kind, room) : [STOPPED],
    notEffective: after.notEffective,
  };
}

const STOPPED = "the service is stopped: instances are started as it then is when it is started";

function stepsOf(before: ServiceRecord, after: ParsedSpec, kind: ChangeKind, room: Room | null): string[] {
  const from = instanceCountOf(before.document);
  const to = after.spec.instanceCount;
  if (kind === "nothing") return ["no instance is touched"];
  const scaling = from === to ? [] : [scaleText(from, to)];
  if (kind !== "new-version") {
    return kind === "scale"
      ? scaling
      : ["instances go on as they are, and are told what they need to know", ...scaling];
  }
  const pace = paceOf(after.spec.rolling, to);
  const atATime = Math.min(to, Math.max(1, pace.surge + pace.unavailable));
  const { rollout } = before;
  const steps = [
    "models and processor packages are brought first; nothing is stopped before they are here",
    `${to} ${to === 1 ? "instance is" : "instances are"} replaced, ${atATime} at a time: at most ${pace.surge} more than ${to} alive, at most ${pace.unavailable} fewer in service`,
    "an old instance is stopped when a new one is ready, or as one of the fewer, and always after every gateway has let go of it",
  ];
  if (rollout) steps.push(`the rollout's rule: ${ruleText(rollout)}`);
  const need = { cpu: after.spec.cpu, memoryMb: after.spec.memoryMb };
  if (room !== null && !fits(room, need) && to > 0)
    steps.push(`no room now: a new instance ${missingText(need, room)}`);
  return steps;
}

const scaleText = (from: number, to: number) =>
  to > from
    ? `${to - from} more ${to - from === 1 ? "instance is" : "instances are"} started`
    : `${from - to} ${from - to === 1 ? "instance is" : "instances are"} stopped, after every gateway has let go of them`;
