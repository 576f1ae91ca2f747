import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { desiredOf, groupName, groupOf, recordOf } from "../../testing/records.ts";
import { applyChanges } from "../change/apply.ts";
import { withMetadata } from "../change/decision.ts";
import type { Change, DesiredState, ServiceRecord } from "../service.ts";
import type { Actor } from "./caller.ts";
import { decideFor, visibleState } from "./scope.ts";

const RESTRICTION = { groups: ["g0"], workspaces: ["w0"] };
const ACTOR: Actor = {
  caller: { keyId: "k", note: "", role: "operator", restriction: RESTRICTION },
  requestId: "r",
  remoteAddress: "",
  operation: "Any",
  target: "",
};

const service = fc.record({
  name: fc.integer({ min: 0, max: 5 }),
  group: fc.option(fc.integer({ min: 0, max: 2 })),
  workspace: fc.option(fc.integer({ min: 0, max: 1 })),
  weight: fc.integer({ min: 0, max: 9 }),
});

function recordFrom({
  name,
  group,
  workspace,
  weight,
}: typeof service extends fc.Arbitrary<infer T> ? T : never) {
  const record = recordOf(`s${name}`, { group: group === null ? null : groupName(`g${group}`), weight });
  return workspace === null
    ? record
    : { ...record, document: withMetadata(record.document, { workspace_id: `w${workspace}` }) };
}

function stateOf(records: readonly ServiceRecord[]): DesiredState {
  const byName = new Map(records.map((r) => [r.name, r]));
  const groups = new Set([...byName.values()].flatMap((r) => r.group ?? []));
  return desiredOf(
    [...byName.values()],
    [...groups].map((g) => groupOf(g)),
  );
}

const outside = (state: DesiredState) => {
  const seen = visibleState(state, RESTRICTION);
  return JSON.stringify([
    [...state.services].filter(([name]) => !seen.services.has(name)),
    [...state.groups].filter(([name]) => !seen.groups.has(name)).map(([name]) => name),
  ]);
};

test("whatever a command would do, what a restricted key does not see stays as it is", () => {
  const change = fc.oneof(
    service.map((s): Change => ({ kind: "put-service", record: recordFrom(s) })),
    service.map((s): Change => ({ kind: "remove-service", name: recordFrom(s).name })),
    fc
      .integer({ min: 0, max: 2 })
      .map((g): Change => ({ kind: "put-group", record: groupOf(`g${g}`, { token: "new" }) })),
  );
  let done = 0;
  fc.assert(
    fc.property(fc.array(service), fc.array(change, { minLength: 1, maxLength: 3 }), (services, changes) => {
      const state = stateOf(services.map(recordFrom));
      const before = outside(state);
      const hidden = [...state.services.values()].filter(
        (r) => !visibleState(state, RESTRICTION).services.has(r.name),
      );
      try {
        decideFor(ACTOR, state, { name: "nobody" }, () => ({ changes, record: null }));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "FORBIDDEN");
        return;
      }
      done += 1;
      const after = applyChanges(state, changes);
      for (const record of hidden) assert.equal(after.services.get(record.name), record);
      assert.equal(JSON.parse(outside(after))[0].length, hidden.length, "nothing new is out of its reach");
      assert.equal(typeof before, "string");
    }),
    { numRuns: 2000 },
  );
  assert(done > 50, `${done} were let through`);
});

test("a command about what is not seen is decided as if it were not there", () => {
  const state = stateOf([recordOf("hidden", { group: groupName("g1") })]);
  const decide = (now: DesiredState) => ({ changes: [], record: now.services.size });
  assert.equal(decideFor(ACTOR, state, { name: "hidden" }, decide).record, 0);
  assert.equal(
    decideFor(ACTOR, state, { name: "hidden", isNew: true }, decide).record,
    1,
    "a name that is taken is",
  );
  assert.equal(decideFor(null, state, { name: "hidden" }, decide).record, 1, "the system itself sees all");
});

test("of a group with members of others a key sees its own member; its named group it sees when nobody else is in it", () => {
  const mine = { ...recordOf("a", { group: groupName("g1") }) };
  const spaced = { ...mine, document: withMetadata(mine.document, { workspace_id: "w0" }) };
  const mixed = visibleState(stateOf([spaced, recordOf("b", { group: groupName("g1") })]), RESTRICTION);
  assert.deepEqual([[...mixed.services.keys()], [...mixed.groups.keys()]], [["a"], []]);
  const own = visibleState(stateOf([spaced, recordOf("c", { group: groupName("g0") })]), RESTRICTION);
  assert.deepEqual(
    [[...own.services.keys()], [...own.groups.keys()].toSorted()],
    [
      ["a", "c"],
      ["g0", "g1"],
    ],
  );
});
