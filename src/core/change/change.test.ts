import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, groupName, groupOf, parsedOf, recordOf, serviceName } from "../../testing/records.ts";
import { type ErrorCode, ServingError } from "../errors.ts";
import type { InstanceId } from "../names.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import type { ChangeKind } from "../spec/classify.ts";
import { applyChanges } from "./apply.ts";
import { createService } from "./create.ts";
import { type Decision, instanceCountOf, metadataOf, withMetadata } from "./decision.ts";
import { deleteInstances } from "./delete-instances.ts";
import { removeService } from "./remove.ts";
import { restartService } from "./restart.ts";
import { scaleService } from "./scale.ts";
import { startService } from "./start.ts";
import { stopService } from "./stop.ts";
import { switchVersion } from "./switch-version.ts";
import { updateService } from "./update.ts";
import { VERSIONS_KEPT } from "./versions.ts";

const context = { nowMs: 1000, serviceId: "eas-m-1", serviceToken: "st", groupToken: "gt" };
const name = serviceName("a");
const refuses = (act: () => unknown, code: ErrorCode) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code);

class World {
  state: DesiredState = desiredOf();
  /** Commits a decision; each accepted change is one generation and has an event. */
  do(decision: Decision<ServiceRecord>): ServiceRecord {
    const before = this.state.services.get(decision.record.name);
    if (decision.changes.length > 0) {
      assert.ok(decision.changes.some((c) => c.kind === "add-event"));
      assert.equal(decision.record.generation, (before?.generation ?? 0) + 1);
    }
    this.state = applyChanges(this.state, decision.changes);
    return decision.record;
  }
  create = (count = 2) =>
    this.do(createService(this.state, parsedOf({ name, instanceCount: count }), context));
  update(reach: ChangeKind, change: Partial<ReturnType<typeof parsedOf>["spec"]> = {}) {
    return this.do(updateService(this.state, { name, after: parsedOf({ name, ...change }), reach }, context));
  }
}
const ids = (...list: string[]) => list as InstanceId[];

test("create takes the given token, or the fresh one", () => {
  const w = new World();
  assert.equal(w.create().token, "st");
  const other = parsedOf({ name: serviceName("b"), token: "mine" });
  assert.equal(createService(w.state, other, context).record.token, "mine");
});

test("update: how far a change reaches decides about the version", () => {
  const w = new World();
  w.create(2);
  assert.equal(w.update("nothing", { instanceCount: 2 }).generation, 1);
  assert.equal(w.update("scale", { instanceCount: 5 }).version, 1);
  w.do(restartService(w.state, name, context));
  const updated = w.update("new-version", { cpu: 2 });
  assert.deepEqual([updated.version, updated.latestVersion, updated.epoch], [2, 2, 0]);
  assert.deepEqual(
    w.state.versions.get(name)!.map((v) => v.version),
    [1, 2],
  );
});

test("update keeps the token unless the document has one", () => {
  const w = new World();
  w.create();
  assert.equal(w.update("in-place", { labels: { k: "v" }, cpu: 3 }).token, "st");
  assert.equal(w.update("in-place", { token: "new" }).token, "new");
});

test("update refuses another name or group", () => {
  const w = new World();
  w.create();
  const renamed = { name, after: parsedOf({ name: serviceName("b") }), reach: "in-place" } as const;
  refuses(() => updateService(w.state, renamed, context), "INVALID_ARGUMENT");
  refuses(() => w.update("in-place", { group: groupName("g") }), "GROUP_IS_FIXED");
});

test("update refuses to change what a service speaks", () => {
  const w = new World();
  w.create();
  refuses(() => w.update("in-place", { protocol: "grpc" }), "INVALID_ARGUMENT");
});

test("a stated traffic state in an update acts like release, in one generation", () => {
  const w = new World();
  const group = groupName("g");
  for (const n of ["a", "b"]) {
    w.do(createService(w.state, parsedOf({ name: serviceName(n), group }), context));
  }
  const out = w.update("in-place", { group, trafficState: "standalone" });
  assert.equal(out.trafficState, "standalone");
  const same = w.update("new-version", { group, cpu: 2 });
  assert.equal(same.trafficState, "standalone", "not stated: stays");
});

test("at most ten versions are kept, and the one in force is among them", () => {
  const w = new World();
  w.create();
  for (let i = 0; i < 14; i++) w.update("new-version", { cpu: i + 2 });
  const kept = () => w.state.versions.get(name)!.map((v) => v.version);
  assert.equal(kept().length, VERSIONS_KEPT);
  assert.equal(kept().at(-1), 15);
  w.do(switchVersion(w.state, { name, version: 7 }, context));
  assert.equal(w.update("new-version", { cpu: 99 }).version, 16);
  assert.equal(kept().length, VERSIONS_KEPT);
  assert.deepEqual(
    [kept().includes(1), kept().includes(7)],
    [true, true],
    "what still serves, and what was in force until now, are what somebody goes back to first",
  );
});

test("switch-version takes neither workspace nor traffic state from the version, also where there is none now", () => {
  const kept = recordOf("a", { group: groupName("g") });
  const then = withMetadata(kept.document, { workspace_id: "1", traffic_state: "standalone" });
  const version = { service: kept.name, version: 1, document: then, createdAtMs: 0, message: "" };
  const switched = (now: ServiceRecord) => {
    const state = { ...desiredOf([now], [groupOf("g")]), versions: new Map([[now.name, [version]]]) };
    return metadataOf(switchVersion(state, { name: now.name, version: 1 }, { nowMs: 5 }).record.document);
  };
  const bare = switched({ ...kept, version: 2, latestVersion: 2 });
  assert.deepEqual([bare.workspace_id, bare.traffic_state], [undefined, undefined]);
  const moved = withMetadata(kept.document, { workspace_id: "2" });
  assert.equal(switched({ ...kept, document: moved, version: 2, latestVersion: 2 }).workspace_id, "2");
});

test("switch-version goes back under the same number, and keeps count, token and labels of now", () => {
  const w = new World();
  w.create(2);
  w.update("new-version", { cpu: 2, instanceCount: 2 });
  w.do(scaleService(w.state, { name, count: 7, instancesToDelete: [], known: [] }, context));
  const back = w.do(switchVersion(w.state, { name, version: 1 }, context));
  assert.deepEqual([back.version, back.latestVersion, instanceCountOf(back.document)], [1, 2, 7]);
  assert.equal((back.document.metadata as { cpu: number }).cpu, 1);
  refuses(() => switchVersion(w.state, { name, version: 9 }, context), "VERSION_NOT_FOUND");
  assert.deepEqual(switchVersion(w.state, { name, version: 1 }, context).changes, []);
});

test("start and stop change something once only; restart is an epoch further", () => {
  const w = new World();
  w.create();
  assert.deepEqual(startService(w.state, name, context).changes, []);
  assert.equal(w.do(stopService(w.state, name, context)).desired, "stopped");
  assert.deepEqual(stopService(w.state, name, context).changes, []);
  assert.equal(w.do(startService(w.state, name, context)).desired, "running");
  assert.equal(w.do(restartService(w.state, name, context)).epoch, 1);
});

test("deleted instances get their slots retired; a restart forgets them", () => {
  const w = new World();
  w.create(2);
  const known = ids("a-v1-0", "a-v1-1");
  const after = w.do(deleteInstances(w.state, { name, instances: ids("a-v1-0"), known }, context));
  assert.deepEqual(after.retiredSlots, [0]);
  const again = { name, instances: ids("a-v1-0"), known };
  refuses(() => deleteInstances(w.state, again, context), "INVALID_ARGUMENT");
  const stranger = { name, instances: ids("a-v9-0"), known };
  refuses(() => deleteInstances(w.state, stranger, context), "INSTANCE_NOT_FOUND");
  assert.deepEqual(w.do(restartService(w.state, name, context)).retiredSlots, []);
});

test("scale: the named ones go first, and no more than go", () => {
  const w = new World();
  w.create(4);
  const scale = (count: number, ...gone: string[]) =>
    scaleService(w.state, { name, count, instancesToDelete: ids(...gone), known: [] }, context);
  refuses(() => scale(3, "a-v1-0", "a-v1-1"), "INVALID_ARGUMENT");
  refuses(() => scale(-1), "INVALID_ARGUMENT");
  refuses(() => scale(1001), "INVALID_ARGUMENT");
  refuses(() => scale(5, "a-v1-0"), "INVALID_ARGUMENT");
  refuses(() => scale(3, "x"), "INSTANCE_NOT_FOUND");
  assert.deepEqual(scale(4).changes, []);
  assert.deepEqual(w.do(scale(3, "a-v1-0")).retiredSlots, [0]);
});

test("a service that is being deleted takes no command but delete", () => {
  const w = new World();
  w.create();
  w.do(removeService(w.state, name, context));
  refuses(() => startService(w.state, name, context), "SERVICE_DELETING");
  refuses(() => stopService(w.state, name, context), "SERVICE_DELETING");
  refuses(() => restartService(w.state, name, context), "SERVICE_DELETING");
  refuses(() => w.update("in-place"), "SERVICE_DELETING");
  assert.deepEqual(removeService(w.state, name, context).changes, []);
  refuses(() => removeService(w.state, serviceName("zz"), context), "SERVICE_NOT_FOUND");
});
