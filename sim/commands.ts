import type { GroupName, InstanceId, ServiceName } from "../src/core/names.ts";
import { OPEN_RULE, type RolloutRule } from "../src/core/rollout.ts";
import type { TokenHolder } from "../src/core/service.ts";
import type { Amount } from "../src/core/spec/rolling.ts";
import { type ControlWorld, documentFor } from "../src/testing/control-world.ts";
import type { SeededRandom } from "../src/testing/seeded-random.ts";

/** Where the files of services are. */
export const PLACES = ["/p", "/q"];

const GROUPS = ["g", "h"].map((n) => n as GroupName);

/** What services live through mostly: they change, and are held in between. */
export const LIKELY_VERBS = [
  ...["version", "version", "version", "version", "version", "version"],
  ...["rollout", "rollout", "rollout", "resume", "resume", "rollout-off", "back", "back", "scale", "scale"],
];

/** Every command that a user can give, by verb; what it asks for is drawn when it is given. */
export function commandsOn(
  world: ControlWorld,
  r: SeededRandom,
  { name, count }: { readonly name: ServiceName; readonly count: number },
): Record<string, () => Promise<unknown>> {
  const { control, store } = world;
  const record = store.state.services.get(name);
  const group = record?.group ?? r.pick(GROUPS);
  return {
    create: () =>
      control.createService({
        ...documentFor(name, { count, rolling_strategy: paceOf(r), ...graceOf(r), ...membershipOf(r) }),
        processor_path: r.pick(PLACES),
        runtime: { enable_crash_block: r.chance(0.15) },
      }),
    scale: () => control.scaleService(name, count, []),
    pace: () =>
      control.updateService(name, { metadata: { rolling_strategy: paceOf(r), ...graceOf(r) } }, "merge"),
    rollout: () => control.createRollout({ name, change: ruleOf(r) }),
    pause: () => control.updateRollout({ name, change: { isPaused: true } }),
    resume: () => control.updateRollout({ name, change: { isPaused: false } }),
    "rollout-off": () => control.deleteRollout(name),
    plan: () => control.previewUpdate(name, { metadata: { cpu: 7 } }, "merge"),
    version: () =>
      control.updateService(
        name,
        { metadata: { cpu: (1 + r.below(50)) / 20 }, processor_path: r.pick(PLACES) },
        "merge",
      ),
    block: () => control.updateService(name, { runtime: { enable_crash_block: r.chance(0.3) } }, "merge"),
    "scale-away": () => control.scaleService(name, count, [instanceOf(world, r, name)]),
    restart: () => control.restartService(name),
    stop: () => control.stopService(name),
    start: () => control.startService(name),
    delete: () => control.deleteService(name),
    weight: () => control.releaseService(name, { kind: "weight", weight: r.below(102) - 1 }),
    standalone: () => control.releaseService(name, { kind: "state", trafficState: "standalone" }),
    grouping: () => control.releaseService(name, { kind: "state", trafficState: "grouping" }),
    back: () => control.switchVersion(name, 1 + r.below(record?.version ?? 1)),
    retire: () => control.deleteInstances(name, [instanceOf(world, r, name)]),
    isolate: () => control.updateInstance(name, instanceOf(world, r, name), { isolate: true }),
    "let-back": () => control.updateInstance(name, instanceOf(world, r, name), { isolate: false }),
    detach: () => control.updateInstance(name, instanceOf(world, r, name), { detach: true }),
    "soft-restart": () => control.softRestart(name, [instanceOf(world, r, name)]),
    lock: () => control.setSafetyLock(name, r.pick(["all", "dangerous", "none", "none"])),
    mode: () => control.updateGroup(group, { mode: r.pick(["auto", "customized"]) }),
    "token-add": () => control.addServiceToken(name),
    "token-revoke": () => control.revokeServiceToken(name, numberOf(record)),
    "group-token-add": () => control.addGroupToken(group),
    "group-token-revoke": () => control.revokeGroupToken(group, numberOf(store.state.groups.get(group))),
    "delete-group": () => control.deleteGroup(group, r.chance(0.3)),
  };
}

/** Of the oldest token that is still valid, mostly of one that may be revoked. */
const numberOf = (holder: TokenHolder | undefined) => holder?.olderTokens[0]?.number ?? 1;

const instanceOf = (world: ControlWorld, r: SeededRandom, name: ServiceName) =>
  r.pick([...world.alive(name).keys(), `${name}-v1-0` as InstanceId]);

function membershipOf(r: SeededRandom) {
  if (r.chance(0.4)) return {};
  const group = r.pick(GROUPS);
  return r.chance(0.7) ? { group } : { group, traffic_state: "standalone" };
}

/** Each longer than the last grace, so that one can be told from the other. */
const graceOf = (r: SeededRandom) => ({ eas: { termination_grace_period: r.pick([2, 5, 30]) } });

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
