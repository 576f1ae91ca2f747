import type { GroupName, InstanceId, ServiceName } from "../src/core/names.ts";
import { OPEN_RULE, type RolloutRule } from "../src/core/rollout.ts";
import type { Amount } from "../src/core/spec/rolling.ts";
import { type ControlWorld, documentFor } from "../src/testing/control-world.ts";
import type { SeededRandom } from "../src/testing/seeded-random.ts";

const GROUPS = ["g", "h"].map((n) => n as GroupName);

/** Every command that a user can give, by verb; what it asks for is drawn when it is given. */
export function commandsOn(
  world: ControlWorld,
  r: SeededRandom,
  { name, count }: { readonly name: ServiceName; readonly count: number },
): Record<string, () => Promise<unknown>> {
  const { control } = world;
  return {
    create: () =>
      control.createService(documentFor(name, { count, rolling_strategy: paceOf(r), ...membershipOf(r) })),
    scale: () => control.scaleService(name, count, []),
    pace: () => control.updateService(name, { metadata: { rolling_strategy: paceOf(r) } }, "merge"),
    rollout: () => control.createRollout({ name, change: ruleOf(r) }),
    pause: () => control.updateRollout({ name, change: { isPaused: true } }),
    resume: () => control.updateRollout({ name, change: { isPaused: false } }),
    "rollout-off": () => control.deleteRollout(name),
    plan: () => control.previewUpdate(name, { metadata: { cpu: 7 } }, "merge"),
    version: () => control.updateService(name, { metadata: { cpu: (1 + r.below(50)) / 20 } }, "merge"),
    restart: () => control.restartService(name),
    stop: () => control.stopService(name),
    start: () => control.startService(name),
    delete: () => control.deleteService(name),
    weight: () => control.releaseService(name, { kind: "weight", weight: r.below(102) - 1 }),
    standalone: () => control.releaseService(name, { kind: "state", trafficState: "standalone" }),
    grouping: () => control.releaseService(name, { kind: "state", trafficState: "grouping" }),
    back: () => control.switchVersion(name, 1 + r.below(3)),
    retire: () =>
      control.deleteInstances(name, [r.pick([...world.alive(name).keys(), `${name}-v1-0` as InstanceId])]),
    mode: () => control.updateGroup(r.pick(GROUPS), { mode: r.pick(["auto", "customized"]) }),
    "token-add": () => control.addServiceToken(name),
    "token-revoke": () => control.revokeServiceToken(name, 1 + r.below(3)),
    "group-token-add": () => control.addGroupToken(r.pick(GROUPS)),
    "group-token-revoke": () => control.revokeGroupToken(r.pick(GROUPS), 1 + r.below(3)),
    "delete-group": () => control.deleteGroup(r.pick(GROUPS), r.chance(0.3)),
  };
}

function membershipOf(r: SeededRandom) {
  if (r.chance(0.4)) return {};
  const group = r.pick(GROUPS);
  return r.chance(0.7) ? { group } : { group, traffic_state: "standalone" };
}

function paceOf(r: SeededRandom) {
  const max_surge = r.pick([0, 1, 2, "30%"]);
  return { max_surge, max_unavailable: r.pick(max_surge === 0 ? [1, 2] : [0, 0, 1, "50%"]) };
}

function ruleOf(r: SeededRandom): RolloutRule {
  const size = r.pick<Amount>([
    { kind: "count", count: 1 },
    { kind: "percent", percent: 50 },
  ]);
  return {
    partition: r.pick<Amount>([
      OPEN_RULE.partition,
      { kind: "count", count: 1 },
      { kind: "percent", percent: 50 },
    ]),
    batch: r.chance(0.5) ? { size, intervalMs: r.pick([0, 500, 20_000]) } : null,
    isPaused: r.chance(0.3),
  };
}
