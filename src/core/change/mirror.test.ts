import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, groupName, groupOf, recordOf, serviceName } from "../../testing/records.ts";
import { ServingError } from "../errors.ts";
import type { DesiredState } from "../service.ts";
import type { CompareRule } from "../traffic/mirror.ts";
import { buildRouteTable } from "../traffic/table.ts";
import { applyChanges } from "./apply.ts";
import { deleteGroup } from "./group.ts";
import { createMirror, deleteMirror, type MirrorRequest, updateMirror } from "./mirror.ts";
import { removeService } from "./remove.ts";

const now = { nowMs: 7 };
const [a, b, c, d] = ["a", "b", "c", "d"].map(serviceName) as [
  ReturnType<typeof serviceName>,
  ReturnType<typeof serviceName>,
  ReturnType<typeof serviceName>,
  ReturnType<typeof serviceName>,
];
const world = () => desiredOf(["a", "b", "c", "d"].map((name) => recordOf(name)));
const after = (state: DesiredState, act: typeof createMirror, request: MirrorRequest) =>
  applyChanges(state, act(state, request, now).changes);
const mirrorOf = (state: DesiredState, name = a) => state.services.get(name)?.mirror;
const texts = (changes: readonly { kind: string }[]) =>
  changes.flatMap((x) =>
    x.kind === "add-event" ? [(x as { event?: { message: string } }).event!.message] : [],
  );
const compare = (change: Partial<CompareRule> = {}): CompareRule => ({
  mode: "json",
  tolerance: 0,
  ignorePaths: [],
  sampleCount: 0,
  ...change,
});

/** Paths that are complained about. */
function problems(act: () => unknown): string[] {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ServingError && error.code === "INVALID_ARGUMENT", String(error));
    return (error as ServingError<"INVALID_ARGUMENT">).facts.problems.map((p) => p.path);
  }
  return [];
}
const refuses = (act: () => unknown, code: string) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code);

test("create, update, delete: what is wanted, and an event each", () => {
  const created = createMirror(world(), { name: a, ratio: 70, targets: [b, c] }, now);
  assert.deepEqual(texts(created.changes), [
    "Traffic mirroring is ON for service [a], ratio [70%], target [b,c]",
  ]);
  let state = applyChanges(world(), created.changes);
  assert.deepEqual(mirrorOf(state), { ratio: 70, targets: [b, c], compare: null });
  assert.equal(created.record.generation, 2);
  refuses(() => createMirror(state, { name: a, ratio: 1, targets: [b] }, now), "MIRROR_EXISTS");

  state = after(state, updateMirror, { name: a, ratio: 5 });
  assert.deepEqual(mirrorOf(state), { ratio: 5, targets: [b, c], compare: null }, "what is left out stays");
  state = after(state, updateMirror, { name: a, targets: [d], compare: compare() });
  state = after(state, updateMirror, { name: a, ratio: 0 });
  assert.deepEqual(mirrorOf(state), { ratio: 0, targets: [d], compare: compare() });
  assert.deepEqual(updateMirror(state, { name: a, ratio: 0 }, now).changes, [], "nothing new, nothing done");
  state = after(state, updateMirror, { name: a, compare: null });
  assert.equal(mirrorOf(state)?.compare, null);

  const deleted = deleteMirror(state, a, now);
  assert.deepEqual(texts(deleted.changes), ["Traffic mirroring is OFF for service [a]"]);
  state = applyChanges(state, deleted.changes);
  assert.equal(mirrorOf(state), null);
  refuses(() => deleteMirror(state, a, now), "MIRROR_NOT_FOUND");
  refuses(() => updateMirror(state, { name: a, ratio: 1 }, now), "MIRROR_NOT_FOUND");
  refuses(
    () => createMirror(state, { name: serviceName("x"), ratio: 1, targets: [b] }, now),
    "SERVICE_NOT_FOUND",
  );
});

test("everything wrong is told at once, each at its place", () => {
  const create = (request: Omit<MirrorRequest, "name">) =>
    problems(() => createMirror(world(), { name: a, ...request }, now));
  assert.deepEqual(create({ targets: [b] }), ["$.Ratio"]);
  for (const ratio of [-1, 101, 0.5, Number.NaN])
    assert.deepEqual(create({ ratio, targets: [b] }), ["$.Ratio"]);
  assert.deepEqual(create({ ratio: 101, targets: [] }), ["$.Ratio", "$.Target"]);
  assert.deepEqual(create({ ratio: 1, targets: [a, b, b, serviceName("x")] }), [
    "$.Target[0]",
    "$.Target[2]",
    "$.Target[3]",
  ]);
  assert.deepEqual(create({ ratio: 1, targets: [b, c, d, b, c] }), ["$.Target", "$.Target[3]"]);
  const bad = compare({ tolerance: 1, sampleCount: 21, ignorePaths: ["$.ok", "no", "$"] });
  assert.deepEqual(create({ ratio: 1, targets: [b], compare: bad }), [
    "$.Compare.Tolerance",
    "$.Compare.Samples",
    "$.Compare.IgnorePaths[1]",
    "$.Compare.IgnorePaths[2]",
  ]);
});

test("mirrors make no loops, over any number of services", () => {
  let state = after(world(), createMirror, { name: a, ratio: 1, targets: [b] });
  state = after(state, createMirror, { name: b, ratio: 1, targets: [c] });
  assert.deepEqual(
    problems(() => createMirror(state, { name: c, ratio: 1, targets: [d, a] }, now)),
    ["$.Target[1]"],
  );
  state = after(state, createMirror, { name: c, ratio: 1, targets: [d] });
  assert.deepEqual(
    problems(() => updateMirror(state, { name: c, targets: [b] }, now)),
    ["$.Target[0]"],
  );
});

test("a service that is deleted is no target any more; the last one takes the mirror with it", () => {
  let state = after(world(), createMirror, { name: a, ratio: 9, targets: [b, c] });
  const first = removeService(state, b, now);
  assert.deepEqual(texts(first.changes), [
    "Service [b] is terminating",
    "Service [b] is deleted and no longer a mirror target of service [a]",
  ]);
  state = applyChanges(state, first.changes);
  assert.deepEqual(mirrorOf(state)?.targets, [c]);
  const last = removeService(state, c, now);
  assert.ok(texts(last.changes).includes("Traffic mirroring is OFF for service [a]"));
  state = applyChanges(state, last.changes);
  assert.equal(mirrorOf(state), null);
  assert.deepEqual(
    problems(() => createMirror(state, { name: a, ratio: 1, targets: [b] }, now)),
    ["$.Target[0]"],
  );
});

test("a pair is split, a member mirrors to the other that goes: weight and mirror change together", () => {
  const pair = (name: string, weight: number) =>
    recordOf(name, { group: groupName("g"), trafficState: "blue-green", weight });
  let state = desiredOf([pair("a", 27), pair("b", 73)], [groupOf("g", { mode: "customized" })]);
  state = after(state, createMirror, { name: a, ratio: 9, targets: [b] });
  state = applyChanges(state, removeService(state, b, now).changes);
  const left = state.services.get(a)!;
  assert.equal(left.mirror, null);
  assert.equal(left.trafficState, "grouping");
});

test("a group that goes with all its members ends the mirrors to each of them", () => {
  const member = (name: string) => recordOf(name, { group: groupName("g") });
  let state = desiredOf([recordOf("a"), member("b"), member("c")], [groupOf("g")]);
  state = after(state, createMirror, { name: a, ratio: 9, targets: [b, c] });
  const gone = deleteGroup(state, { name: groupName("g"), isCascading: true }, now);
  assert.equal(mirrorOf(applyChanges(state, gone.changes)), null);
});

test("the route table has what gateways need, and records of before mirrors were are read", () => {
  const table = (state: DesiredState) =>
    buildRouteTable(
      { state, statuses: new Map(), places: new Map(), keepaliveMs: () => 1, isBodyChecked: () => true },
      1,
    ).services;
  const old = JSON.parse(JSON.stringify(recordOf("a"))) as ReturnType<typeof recordOf>;
  assert.ok(!("mirror" in old));
  assert.ok(!("mirror" in table(desiredOf([old]))[0]!));
  const state = after(world(), createMirror, { name: a, ratio: 70, targets: [b] });
  assert.deepEqual(table(state)[0]!.mirror, { ratio: 70, targets: [b], compare: null });
  assert.ok(!("mirror" in table(after(state, updateMirror, { name: a, ratio: 0 }))[0]!));
});

test("gRPC calls are not copied, and no copy goes where gRPC is spoken", () => {
  const grpc = recordOf("b");
  const metadata = { ...(grpc.document.metadata as object), enable_grpc: true };
  const state = desiredOf([recordOf("a"), { ...grpc, document: { ...grpc.document, metadata } }]);
  const from = problems(() => createMirror(state, { name: b, ratio: 1, targets: [a] }, now));
  assert.deepEqual(from, ["$.ServiceName"]);
  const to = problems(() => createMirror(state, { name: a, ratio: 1, targets: [b] }, now));
  assert.deepEqual(to, ["$.Target[0]"]);
});
