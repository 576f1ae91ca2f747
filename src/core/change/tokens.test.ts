import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, groupName, groupOf, parsedOf, recordOf, serviceName } from "../../testing/records.ts";
import { type ErrorCode, ServingError } from "../errors.ts";
import type { DesiredState, TokenHolder } from "../service.ts";
import { openersOf } from "../traffic/table.ts";
import { applyChanges } from "./apply.ts";
import {
  addGroupToken,
  addServiceToken,
  revokeGroupToken,
  revokeServiceToken,
  TOKENS_MAX,
  withReplaced,
} from "./tokens.ts";
import { updateService } from "./update.ts";

const name = serviceName("a");
const group = groupName("g");
const context = (n: number) => ({
  nowMs: n,
  serviceId: "eas-m-1",
  serviceToken: `s${n}`,
  groupToken: `g${n}`,
});
const refuses = (act: () => unknown, code: ErrorCode) =>
  assert.throws(act, (e) => e instanceof ServingError && e.code === code);
const valid = (h: TokenHolder) => [h.token, ...h.olderTokens.map((o) => o.token)];

function world(document: object = {}) {
  const record = recordOf("a", { group });
  let state: DesiredState = desiredOf(
    [{ ...record, document: { ...record.document, ...document } }],
    [groupOf("g")],
  );
  return {
    get state() {
      return state;
    },
    do<R>(decide: (state: DesiredState) => { changes: readonly never[] | readonly object[]; record: R }): R {
      const { changes, record: after } = decide(state);
      state = applyChanges(state, changes as never);
      return after;
    },
  };
}

test("a new token is the one that is shown; those before stay until each is revoked", () => {
  const w = world();
  w.do((s) => addServiceToken(s, name, context(10)));
  const two = w.do((s) => addServiceToken(s, name, context(20)));
  assert.deepEqual(valid(two), ["s20", "token-a", "s10"]);
  assert.deepEqual([two.tokenNumber, two.tokenAddedAtMs, two.generation], [3, 20, 3]);
  const left = w.do((s) => revokeServiceToken(s, { name, number: 1 }, context(30)));
  assert.deepEqual(valid(left), ["s20", "s10"]);
  assert.deepEqual(left.olderTokens, [{ number: 2, token: "s10", addedAtMs: 10 }]);
});

test("a number is never given twice", () => {
  const w = world();
  w.do((s) => addServiceToken(s, name, context(1)));
  w.do((s) => revokeServiceToken(s, { name, number: 1 }, context(2)));
  const again = w.do((s) => addServiceToken(s, name, context(3)));
  assert.deepEqual([again.olderTokens[0]?.number, again.tokenNumber], [2, 3]);
});

test("the newest cannot be revoked, nor one that is not there; and tokens are bounded", () => {
  const w = world();
  refuses(() => revokeServiceToken(w.state, { name, number: 1 }, context(1)), "TOKEN_IN_FORCE");
  refuses(() => revokeServiceToken(w.state, { name, number: 2 }, context(1)), "TOKEN_NOT_FOUND");
  refuses(() => revokeGroupToken(w.state, { name: group, number: 1 }, context(1)), "TOKEN_IN_FORCE");
  refuses(() => addServiceToken(w.state, serviceName("b"), context(1)), "SERVICE_NOT_FOUND");
  refuses(() => addGroupToken(w.state, groupName("b"), context(1)), "GROUP_NOT_FOUND");
  for (let n = 2; n <= TOKENS_MAX; n++) w.do((s) => addServiceToken(s, name, context(n)));
  assert.equal(valid(w.state.services.get(name)!).length, TOKENS_MAX);
  refuses(() => addServiceToken(w.state, name, context(99)), "TOO_MANY_TOKENS");
});

test("a token of the document follows, so that the next update does not bring the old one back", () => {
  const w = world({ token: "mine" });
  assert.equal(w.do((s) => addServiceToken(s, name, context(5))).document.token, "s5");
  const without = world();
  assert.equal(without.do((s) => addServiceToken(s, name, context(5))).document.token, undefined);
});

test("a token given by an update takes the place of the newest; older ones stay", () => {
  const w = world();
  w.do((s) => addServiceToken(s, name, context(5)));
  const after = { ...parsedOf({ name, group, token: "mine" }) };
  const updated = w.do((s) => updateService(s, { name, after, reach: "in-place" }, context(6)));
  assert.deepEqual(valid(updated), ["mine", "token-a"]);
  assert.deepEqual([updated.tokenNumber, updated.version], [3, 1]);
  assert.deepEqual(
    valid(withReplaced(updated, "token-a", 7)),
    ["token-a"],
    "an older one is not there twice",
  );
  assert.equal(withReplaced(updated, "mine", 7).tokenNumber, 3);
});

test("tokens of a group open its members, too; none is named in an event", () => {
  const w = world();
  w.do((s) => addGroupToken(s, group, context(7)));
  const decision = addServiceToken(w.state, name, context(8));
  assert.doesNotMatch(JSON.stringify(decision.changes.filter((c) => c.kind === "add-event")), /s8|token-a/);
  const open = openersOf(decision.record, w.state.groups.get(group));
  assert.deepEqual(open, ["s8", "token-a", "g7", "token-g"]);
  const left = w.do((s) => revokeGroupToken(s, { name: group, number: 1 }, context(9)));
  assert.deepEqual(valid(left), ["g7"]);
});
