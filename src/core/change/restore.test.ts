import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { desiredOf, groupName, parsedOf, serviceName } from "../../testing/records.ts";
import { ServingError } from "../errors.ts";
import type { DesiredState } from "../service.ts";
import { parseSpec } from "../spec/parse.ts";
import type { JsonObject } from "../spec/service-spec.ts";
import { applyChanges } from "./apply.ts";
import { createService } from "./create.ts";
import { type Decision, findService, metadataOf, withMetadata } from "./decision.ts";
import { createGroup, deleteGroup, updateGroup } from "./group.ts";
import { createMirror } from "./mirror.ts";
import { reachOf } from "./reach.ts";
import { release } from "./release.ts";
import { finishRemoval, removeService } from "./remove.ts";
import { type Backup, type RestoreReport, restoreBackup } from "./restore.ts";
import { setSafetyLock } from "./safety-lock.ts";
import { scaleService } from "./scale.ts";
import { stopService } from "./stop.ts";
import { addServiceToken } from "./tokens.ts";
import { updateService } from "./update.ts";

const [a, b, c] = ["a", "b", "c"].map(serviceName) as [
  ReturnType<typeof serviceName>,
  ReturnType<typeof serviceName>,
  ReturnType<typeof serviceName>,
];
const pair = groupName("pair");

/** What is wanted, changed by one command after the other. */
class World {
  state: DesiredState = desiredOf();
  nowMs = 1000;

  do<R>(decide: (state: DesiredState, context: ReturnType<World["context"]>) => Decision<R>): R {
    this.nowMs += 1;
    const { changes, record } = decide(this.state, this.context());
    this.state = applyChanges(this.state, changes);
    return record;
  }
  context() {
    const { nowMs } = this;
    return { nowMs, serviceId: `id-${nowMs}`, serviceToken: `st-${nowMs}`, groupToken: `gt-${nowMs}` };
  }
  create = (name: typeof a, group: typeof pair | null = null, instanceCount = 1) =>
    this.do((s, x) => createService(s, parsedOf({ name, group, instanceCount }), x));
  update = (name: typeof a, change: JsonObject) =>
    this.do((s, x) => {
      const before = findService(s, name);
      const after = parseSpec({ ...before.document, ...change });
      return updateService(s, { name, after, reach: reachOf(before, after) }, x);
    });
  backup = (): Backup => ({
    madeAtMs: this.nowMs,
    services: [...this.state.services.values()],
    groups: [...this.state.groups.values()],
    versions: [...this.state.versions.values()].flat(),
  });
  restore = (backup: Backup): RestoreReport => this.do((s, x) => restoreBackup(s, backup, x));
  /** Everything that was to go is gone. */
  settle(): void {
    for (const name of this.state.services.keys())
      this.state = applyChanges(this.state, finishRemoval(this.state, name, this));
  }
}

/** What users see of a state that a restore has to bring back. */
function seen({ services, groups }: DesiredState) {
  const withoutToken = ({ token: _, ...rest }: JsonObject) => rest;
  const stated = (document: JsonObject) =>
    withMetadata(document, { traffic_state: metadataOf(document).traffic_state ?? "grouping" });
  return {
    services: [...services.values()]
      .filter((s) => s.desired !== "deleted")
      .map(({ name, group, desired, document, trafficState, weight, mirror, lock }) => ({
        name,
        group,
        desired,
        document: withoutToken(stated(document)),
        trafficState,
        weight,
        mirror: mirror ?? null,
        lock: lock ?? "none",
      }))
      .sort((x, y) => (x.name < y.name ? -1 : 1)),
    groups: [...groups.values()]
      .map(({ name, mode, labels, isExplicit, sticky }) => ({
        name,
        mode,
        labels,
        isExplicit,
        sticky: sticky ?? null,
      }))
      .sort((x, y) => (x.name < y.name ? -1 : 1)),
  };
}

const refusals = (act: () => unknown): readonly string[] => {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ServingError && error.code === "RESTORE_REFUSED", String(error));
    return (error.facts as { reasons: readonly string[] }).reasons;
  }
  assert.fail("it was not refused");
};

test("a new installation gets everything as it was, with ids, versions and tokens", () => {
  const w = new World();
  w.create(a, pair);
  w.create(b, pair);
  w.do((s, x) => release(s, { name: b, release: { kind: "weight", weight: 27 } }, x));
  w.update(a, { model_path: "/m/2" });
  const backup = w.backup();
  const fresh = new World();
  const report = fresh.restore(backup);
  assert.deepEqual(seen(fresh.state), seen(w.state));
  assert.deepEqual(fresh.state.versions, w.state.versions);
  assert.deepEqual(
    [fresh.state.services.get(a)?.token, fresh.state.services.get(a)?.id],
    [w.state.services.get(a)?.token, w.state.services.get(a)?.id],
  );
  assert.deepEqual(
    report.services.map((s) => s.outcome),
    ["created", "created"],
  );
});

test("what is there is updated: history goes on, versions are not given twice, tokens stay those of now", () => {
  const w = new World();
  w.create(a);
  const backup = w.backup();
  w.update(a, { model_path: "/m/2" });
  w.do((s, x) => addServiceToken(s, a, x));
  const now = findService(w.state, a);
  w.restore(backup);
  const restored = findService(w.state, a);
  assert.deepEqual([restored.version, restored.latestVersion, restored.token], [3, 3, now.token]);
  assert.equal(restored.updatingFrom?.version, 1); // an update like any other: where the one that is not over began
  assert.deepEqual(
    w.state.versions.get(a)?.map((v) => v.version),
    [1, 2, 3],
  );
});

test("what did not change is not touched, and what came later goes", () => {
  const w = new World();
  w.create(a);
  const backup = w.backup();
  const before = findService(w.state, a);
  w.create(b, pair);
  const report = w.restore(backup);
  assert.equal(findService(w.state, a), before);
  assert.equal(findService(w.state, b).desired, "deleted");
  assert.deepEqual(report, {
    services: [
      { name: a, outcome: "unchanged" },
      { name: b, outcome: "removed" },
    ],
    groups: [{ name: pair, outcome: "removed" }],
  });
  w.settle();
  assert.equal(w.state.groups.size, 0);
});

test("all that stands in the way is told at once, and nothing is changed", () => {
  const w = new World();
  w.create(a);
  w.create(b, pair);
  w.create(c);
  const backup = w.backup();
  w.update(a, { model_path: "/m/2" });
  w.do((s, x) => setSafetyLock(s, { name: a, lock: "all" }, x));
  w.do((s, x) => removeService(s, b, x));
  w.settle();
  w.create(b);
  w.do((s, x) => removeService(s, c, x));
  const before = w.state;
  const reasons = refusals(() => w.restore(backup));
  assert.deepEqual(
    reasons.map((r) => r.slice(0, 9)),
    ["service a", "service b", "service c"],
  );
  assert.match(reasons.join(), /safety lock all.*created in no group.*being deleted/);
  assert.equal(w.state, before);
});

test("a locked service that is as it was stands in no way", () => {
  const w = new World();
  w.create(a);
  w.do((s, x) => setSafetyLock(s, { name: a, lock: "all" }, x));
  const backup = w.backup();
  w.create(b);
  assert.deepEqual(w.restore(backup).services[0], { name: a, outcome: "unchanged" });
});

test("an address that another one has by now is refused", () => {
  const w = new World();
  w.create(a);
  w.create(b, pair);
  const backup = w.backup();
  const other = new World();
  other.create(serviceName("pair"));
  other.do((s, x) => createGroup(s, { name: groupName("a"), labels: {} }, x));
  assert.deepEqual(
    refusals(() => other.restore(backup)).map((r) => r.replace(/:.*/, "")),
    ["service a", "group pair"],
  );
});

const commands = fc.array(
  fc.record({
    kind: fc.constantFrom(
      "create",
      "remove",
      "update",
      "scale",
      "weight",
      "state",
      "mode",
      "stop",
      "mirror",
      "labels",
    ),
    name: fc.constantFrom("a", "b", "c", "d"),
    group: fc.constantFrom(null, "g", "h"),
    n: fc.nat(100),
  }),
  { maxLength: 25 },
);

function run(
  w: World,
  list: readonly { kind: string; name: string; group: string | null; n: number }[],
): void {
  for (const { kind, name: text, group: groupText, n } of list) {
    const name = serviceName(text);
    const group = groupText === null ? null : groupName(groupText);
    const act: Record<string, () => unknown> = {
      create: () => w.create(name, group, n % 5),
      remove: () => w.do((s, x) => removeService(s, name, x)),
      update: () => w.update(name, { model_path: `/m/${n % 3}` }),
      scale: () =>
        w.do((s, x) => scaleService(s, { name, count: n % 4, instancesToDelete: [], known: [] }, x)),
      weight: () => w.do((s, x) => release(s, { name, release: { kind: "weight", weight: n } }, x)),
      state: () =>
        w.do((s, x) =>
          release(
            s,
            { name, release: { kind: "state", trafficState: n % 2 ? "grouping" : "standalone" } },
            x,
          ),
        ),
      mode: () =>
        group && w.do((s, x) => updateGroup(s, { name: group, mode: n % 2 ? "auto" : "customized" }, x)),
      labels: () =>
        group &&
        w.do(
          (s, x): Decision<unknown> =>
            n % 3 === 0
              ? createGroup(s, { name: group, labels: { n: `${n}` } }, x)
              : n % 3 === 1
                ? updateGroup(s, { name: group, labels: { n: `${n}` } }, x)
                : deleteGroup(s, { name: group, isCascading: false }, x),
        ),
      stop: () => w.do((s, x) => stopService(s, name, x)),
      mirror: () =>
        w.do((s, x) => createMirror(s, { name, ratio: n, targets: [serviceName("abcd"[n % 4]!)] }, x)),
    };
    try {
      act[kind]!();
    } catch (error) {
      if (!(error instanceof ServingError)) throw error; // a command may be refused
    }
  }
}

test("property: after a restore all is seen as it was, and a second one changes nothing", () => {
  let restored = 0;
  fc.assert(
    fc.property(commands, commands, (before, after) => {
      const w = new World();
      run(w, before);
      w.settle();
      const backup = w.backup();
      const wanted = seen(w.state);
      run(w, after);
      w.settle();
      try {
        w.restore(backup);
      } catch (error) {
        if (error instanceof ServingError && error.code === "RESTORE_REFUSED") return;
        throw error;
      }
      restored += 1;
      w.settle();
      assert.deepEqual(seen(w.state), wanted);
      const once = w.state;
      const again = w.restore(backup);
      assert.deepEqual(w.state, once);
      assert.ok([...again.services, ...again.groups].every((r) => r.outcome === "unchanged"));
    }),
    { numRuns: 300 },
  );
  assert.ok(restored > 100, `${restored} of 300 were not refused`);
});
