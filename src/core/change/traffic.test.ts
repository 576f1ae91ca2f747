import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, groupName, parsedOf, serviceName } from "../../testing/records.ts";
import { type ErrorCode, ServingError } from "../errors.ts";
import type { DesiredState } from "../service.ts";
import type { ParsedSpec } from "../spec/service-spec.ts";
import type { Affinity } from "../traffic/affinity.ts";
import { applyChanges } from "./apply.ts";
import { createService } from "./create.ts";
import { createGroup, deleteGroup, updateGroup } from "./group.ts";
import { release } from "./release.ts";
import { finishRemoval, removeService } from "./remove.ts";

const context = { nowMs: 1000, serviceId: "eas-m-1", serviceToken: "st", groupToken: "gt" };
const refuses = (act: () => unknown, code: ErrorCode) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code);

/** A world in words: create, release and delete by name; `shares` shows mode, states and weights. */
class World {
  state: DesiredState = desiredOf();
  now = 1000;

  create(name: string, group: string | null = "g", change: Partial<ParsedSpec["spec"]> = {}): void {
    const parsed = parsedOf({
      name: serviceName(name),
      group: group === null ? null : groupName(group),
      ...change,
    });
    const decision = createService(this.state, parsed, { ...context, nowMs: this.now++ });
    this.state = applyChanges(this.state, decision.changes);
  }

  release(name: string, what: number | "grouping" | "standalone"): void {
    const asked =
      typeof what === "number"
        ? ({ kind: "weight", weight: what } as const)
        : ({ kind: "state", trafficState: what } as const);
    const decision = release(this.state, { name: serviceName(name), release: asked }, { nowMs: this.now++ });
    this.state = applyChanges(this.state, decision.changes);
  }

  remove(name: string): void {
    const changes = removeService(this.state, serviceName(name), { nowMs: this.now++ }).changes;
    this.state = applyChanges(this.state, changes);
  }

  finish(name: string): void {
    const changes = finishRemoval(this.state, serviceName(name), { nowMs: this.now++ });
    this.state = applyChanges(this.state, changes);
  }

  get shares(): string {
    const members = [...this.state.services.values()]
      .filter((s) => s.desired !== "deleted")
      .map((s) => `${s.name}:${s.trafficState}:${s.weight ?? "-"}`);
    return `${this.state.groups.get(groupName("g"))?.mode ?? "none"} ${members.join(" ")}`;
  }
}

test("a group appears with its first member and vanishes with its last", () => {
  const w = new World();
  w.create("a");
  assert.equal(w.state.groups.get(groupName("g"))?.token, "gt");
  w.remove("a");
  assert.equal(w.state.groups.size, 1, "it is kept while its member drains");
  w.finish("a");
  assert.equal(w.state.groups.size, 0);
  assert.equal(w.state.services.size, 0);
});

test("a group that CreateGroup made stays when its last member goes", () => {
  const w = new World();
  const made = createGroup(w.state, { name: groupName("g"), labels: {} }, context);
  w.state = applyChanges(w.state, made.changes);
  w.create("a");
  w.remove("a");
  w.finish("a");
  assert.equal(w.state.groups.size, 1);
  const gone = deleteGroup(w.state, { name: groupName("g"), isCascading: false }, context);
  assert.equal(applyChanges(w.state, gone.changes).groups.size, 0);
});

test("a group with members is deleted only when that is asked for, and goes with the last of them", () => {
  const w = new World();
  w.create("a");
  w.create("b");
  refuses(
    () => deleteGroup(w.state, { name: groupName("g"), isCascading: false }, context),
    "GROUP_NOT_EMPTY",
  );
  const gone = deleteGroup(w.state, { name: groupName("g"), isCascading: true }, context);
  w.state = applyChanges(w.state, gone.changes);
  w.finish("a");
  assert.equal(w.state.groups.size, 1);
  w.finish("b");
  assert.equal(w.state.groups.size, 0);
});

test("services and groups share one space of names", () => {
  const w = new World();
  w.create("a");
  refuses(() => w.create("g", null), "INGRESS_TAKEN");
  refuses(() => w.create("b", "a"), "INGRESS_TAKEN");
  refuses(() => w.create("b", "b"), "INGRESS_TAKEN");
  refuses(() => w.create("a"), "SERVICE_EXISTS");
  refuses(() => createGroup(w.state, { name: groupName("a"), labels: {} }, context), "INGRESS_TAKEN");
  refuses(() => createGroup(w.state, { name: groupName("g"), labels: {} }, context), "GROUP_EXISTS");
  w.remove("a");
  refuses(() => w.create("a"), "SERVICE_DELETING");
});

test("a lone standalone member takes part, also when it becomes alone", () => {
  const w = new World();
  w.create("a", "g", { trafficState: "standalone" });
  assert.equal(w.shares, "auto a:grouping:-");
  w.release("a", "standalone");
  assert.equal(w.shares, "auto a:grouping:-");
  w.create("b", "g", { trafficState: "standalone" });
  assert.equal(w.shares, "auto a:grouping:- b:standalone:-");
  w.remove("a");
  assert.equal(w.shares, "auto b:grouping:-");
  const shown = w.state.services.get(serviceName("b"))!.document;
  assert.equal((shown.metadata as { traffic_state: string }).traffic_state, "grouping");
});

test("release -w in a pair is blue-green, and excludes traffic states until the mode is auto again", () => {
  const w = new World();
  w.create("prod", "g", { instanceCount: 4 });
  w.create("grey");
  w.release("grey", 27);
  assert.equal(w.shares, "customized prod:blue-green:73 grey:blue-green:27");
  refuses(() => w.release("grey", "standalone"), "MODE_IS_EXCLUSIVE");
  refuses(() => w.release("grey", 101), "INVALID_ARGUMENT");
  w.release("prod", 0);
  assert.equal(w.shares, "customized prod:blue-green:0 grey:blue-green:100");
  w.release("grey", -1);
  assert.equal(w.shares, "auto prod:grouping:- grey:grouping:-");
});

test("deleting one of a blue-green pair gives all to the other", () => {
  const w = new World();
  w.create("a");
  w.create("b");
  w.release("b", 100);
  w.remove("b");
  assert.equal(w.shares, "auto a:grouping:-");
});

test("a third service leaves a pair its weights, and stands alone itself", () => {
  const w = new World();
  w.create("a");
  w.create("b");
  w.release("b", 27);
  w.create("c");
  assert.equal(w.shares, "customized a:grouping:73 b:grouping:27 c:standalone:50");
  w.release("c", "grouping");
  w.release("c", 900);
  assert.equal(w.shares, "customized a:grouping:73 b:grouping:27 c:grouping:900");
});

test("when a larger group turns customized, the others keep their proportions", () => {
  const w = new World();
  w.create("a", "g", { instanceCount: 4 });
  w.create("b", "g", { instanceCount: 2 });
  w.create("c");
  w.release("c", 250);
  assert.equal(w.shares, "customized a:grouping:400 b:grouping:200 c:grouping:250");
  refuses(() => w.release("c", 1001), "INVALID_ARGUMENT");
  refuses(() => w.release("c", -2), "INVALID_ARGUMENT");
  refuses(() => w.release("c", 1.5), "INVALID_ARGUMENT");
  w.create("d");
  assert.match(w.shares, / d:grouping:283$/);
});

test("weights stay in range, however many instances there are", () => {
  const w = new World();
  w.create("a", "g", { instanceCount: 400 });
  w.create("b");
  const changes = updateGroup(w.state, { name: groupName("g"), mode: "customized" }, context).changes;
  w.state = applyChanges(w.state, changes);
  assert.equal(w.shares, "customized a:grouping:800 b:grouping:2");
});

test("a group is made sticky and is so until told otherwise; its mode and shares stay", () => {
  const w = new World();
  w.create("a");
  w.create("b");
  const name = groupName("g");
  const update = (sticky?: Affinity | null) => {
    const decision = updateGroup(w.state, { name, ...(sticky === undefined ? {} : { sticky }) }, context);
    w.state = applyChanges(w.state, decision.changes);
    return decision;
  };
  const shares = w.shares;
  assert.deepEqual(update({ kind: "header", name: "x-user" }).record.sticky, {
    kind: "header",
    name: "x-user",
  });
  assert.equal(w.shares, shares);
  assert.deepEqual(update({ kind: "header", name: "x-user" }).changes, []);
  assert.deepEqual(update().changes, []);
  assert.equal(update(null).record.sticky, null);
  assert.deepEqual(update(null).changes, []);
});

test("a weight that would leave the whole group without traffic is refused", () => {
  const w = new World();
  w.create("a");
  refuses(() => w.release("a", 0), "INVALID_ARGUMENT");
});

test("release is for members of groups, and not for what is being deleted", () => {
  const w = new World();
  w.create("a", null);
  refuses(() => w.release("a", "standalone"), "NOT_IN_GROUP");
  refuses(() => w.release("zzz", "standalone"), "SERVICE_NOT_FOUND");
  w.create("b");
  w.remove("b");
  refuses(() => w.release("b", 3), "SERVICE_DELETING");
});
