import assert from "node:assert/strict";
import test from "node:test";
import type { InstanceId } from "../core/names.ts";
import { GatewayState } from "./gateway-state.ts";

const x = "x-v1-0" as InstanceId;
const y = "y-v1-0" as InstanceId;
const none = new Set<InstanceId>();

function fresh(): GatewayState {
  const state = new GatewayState();
  state.begin();
  state.hello(7, 0, false);
  return state;
}

test("a gateway of before this process may route to anything, until it acknowledges a table of ours", () => {
  const state = new GatewayState();
  assert.equal(state.routing(x), "routed");
  state.hello(7, 41, true);
  assert.equal(state.routing(x), "routed");
  state.sent(42, new Set([y]));
  state.ack(42);
  state.lingering(42, {});
  assert.equal(state.routing(x), "released");
  assert.equal(state.routing(y), "routed");
});

test("a fresh gateway holds nothing", () => {
  assert.equal(fresh().routing(x), "released");
});

test("a table that was sent counts as in force before it is acknowledged", () => {
  const state = fresh();
  state.sent(1, new Set([x]));
  assert.equal(state.routing(x), "routed");
  state.sent(2, none);
  assert.equal(state.routing(x), "routed");
  state.ack(1);
  assert.equal(state.routing(x), "routed");
  state.ack(2);
  assert.equal(state.routing(x), "draining", "nothing was said yet of what lingers");
  state.lingering(2, { [x]: 3 });
  assert.equal(state.routing(x), "draining");
  state.lingering(2, {});
  assert.equal(state.routing(x), "released");
});

test("a refused table may be in force until a later one is taken; so long its reason is kept", () => {
  const state = fresh();
  state.sent(1, new Set([x]));
  state.nack(2, "weight 0");
  assert.equal(state.routing(x), "routed", "it may have come twice, and be in force");
  assert.deepEqual(state.refusal, { tableNumber: 2, reason: "weight 0" });
  state.sent(2, none);
  state.ack(2);
  state.lingering(2, {});
  assert.equal(state.routing(x), "released");
  assert.equal(state.refusal, null);
});

test("after a broken link, what was sent on it may still come, and is sent again", () => {
  const state = fresh();
  state.sent(1, new Set([x]));
  state.ack(1);
  state.lingering(1, {});
  state.sent(2, new Set([y]));
  state.hello(7, 1, true);
  assert.equal(state.routing(x), "routed");
  assert.equal(state.routing(y), "routed");
  assert.equal(state.newestNumber, 1);
  state.sent(3, new Set([y]));
  state.hello(7, 3, true);
  assert.equal(state.routing(x), "draining", "its acknowledgement and counts were lost with the link");
  assert.equal(state.routing(y), "routed");
});

test("another process under the same name begins from nothing", () => {
  const state = fresh();
  state.sent(1, new Set([x]));
  state.ack(1);
  state.hello(8, 0, false);
  assert.equal(state.routing(x), "released");
  assert.equal(state.tableNumber, 0);
});

test("a refused change asks for a whole table; a refused whole table does not ask again", () => {
  const state = new GatewayState();
  state.hello(7, 0, false);
  state.sent(1, new Set());
  state.ack(1);
  state.sentChange(2, new Set());
  state.nack(2, "base: 1 is not 0, the one in force");
  assert.equal(state.needsTable, true);
  state.sent(3, new Set());
  assert.equal(state.needsTable, false);
  state.nack(3, "services[0].name: is not a name");
  assert.deepEqual([state.needsTable, state.refusal?.tableNumber], [false, 3]);
});

test("one that drains is known by its word, and by a hello that listens no more", () => {
  const state = new GatewayState();
  state.hello(7, 0, false);
  assert.equal(state.isDraining, false);
  state.hello(7, 4, false);
  assert.equal(state.isDraining, true);
  state.begin();
  assert.equal(state.isDraining, false);
});
