import assert from "node:assert/strict";
import test from "node:test";
import type { Attempt, Entry } from "../load/ledger-entry.ts";
import { type GatewayKill, judge } from "./accounting.ts";

/** Frozen at 100, killed at 110, gone at 112; it had the connections from ports 1 and 2, and one from port 9 was in a queue; another one had 3 and 4. */
const KILL: GatewayKill = {
  gateway: "gateway-0",
  pid: 7,
  frozenAtMs: 100,
  killedAtMs: 110,
  goneAtMs: 112,
  accepted: [1, 2],
  queued: [9],
  queuedCount: 1,
  elsewhere: [3, 4],
};

/** Broken off by the kill while it waited for its answer, unless told otherwise. */
const attempt = (more: Partial<Attempt> = {}): Attempt => ({
  startedAtMs: 95,
  connectedAtMs: 50,
  sentAtMs: 95,
  localPort: 1,
  isReused: true,
  endedAtMs: 113,
  status: 0,
  reason: "ECONNRESET",
  bytes: 0,
  isWhole: false,
  ...more,
});
const GOOD = attempt({ status: 200, reason: "", bytes: 3, isWhole: true, localPort: 5, endedAtMs: 116 });

const verdict = (...attempts: Attempt[]) => {
  const entry: Entry = {
    number: 1,
    route: "group",
    kind: "plain",
    dueAtMs: 95,
    attempts,
    service: "",
    version: 0,
    chunks: 0,
    chunksWanted: 0,
  };
  const found = judge(entry, [KILL]);
  return "by" in found ? `${found.kind}: ${found.by.kind}` : found.kind;
};

test("a whole answer is an answer, whatever was killed meanwhile", () => {
  assert.equal(verdict(attempt({ status: 200, reason: "", bytes: 3, isWhole: true })), "answered");
});

test("what the killed gateway held is accounted for, answered at a second try or not", () => {
  assert.equal(verdict(attempt()), "accounted: held");
  assert.equal(verdict(attempt(), GOOD), "accounted: held");
  const brokenStream = attempt({ status: 200, reason: "ECONNRESET", bytes: 20 });
  assert.equal(verdict(brokenStream), "accounted: held");
});

test("a request on somebody else's connection is lost, even at the moment of the kill", () => {
  assert.equal(verdict(attempt({ localPort: 3 })), "lost");
  assert.equal(verdict(attempt({ localPort: 3 }), GOOD), "lost", "a second try hides nothing");
});

test("what ended before the gateway was frozen did not end by its kill", () => {
  assert.equal(verdict(attempt({ endedAtMs: 99 })), "lost");
});

test("a refusal is lost: a dead process gives none", () => {
  assert.equal(verdict(attempt({ status: 503, reason: "NO_READY_INSTANCE" })), "lost");
  assert.equal(verdict(attempt({ status: 502, reason: "" })), "lost");
});

test("the same port later is another connection", () => {
  const later = { connectedAtMs: 400, startedAtMs: 400, sentAtMs: 401, endedAtMs: 420 };
  assert.equal(verdict(attempt(later)), "lost");
});

test("what was sent to the dead is resent when a second try is answered, else lost", () => {
  const late = { startedAtMs: 113, sentAtMs: 113, endedAtMs: 114 };
  assert.equal(verdict(attempt(late), GOOD), "resent: too-late");
  assert.equal(verdict(attempt(late)), "lost");
  assert.equal(verdict(attempt(late), attempt({ localPort: 3, isReused: false })), "lost");
});

test("a connection that nobody had accepted ended with the listening socket", () => {
  const fresh = { isReused: false, connectedAtMs: 98, startedAtMs: 98, sentAtMs: 98 };
  assert.equal(verdict(attempt({ ...fresh, localPort: 9 })), "accounted: queued");
  assert.equal(verdict(attempt({ ...fresh, localPort: 8 })), "lost", "made before, and in no queue");
  const sinceFrozen = { ...fresh, connectedAtMs: 105, startedAtMs: 105, sentAtMs: 105, localPort: 8 };
  assert.equal(verdict(attempt(sinceFrozen)), "accounted: queued");
  assert.equal(verdict(attempt({ ...sinceFrozen, bytes: 4 })), "lost", "who was answered had been accepted");
  assert.equal(verdict(attempt({ ...sinceFrozen, localPort: 4 })), "lost", "another gateway had it");
  assert.equal(verdict(attempt({ ...sinceFrozen, connectedAtMs: 113, startedAtMs: 113 })), "lost");
});

test("a client that learns late of its new connection had asked for it in time", () => {
  const slow = { isReused: false, startedAtMs: 99, connectedAtMs: 130, sentAtMs: 130, endedAtMs: 131 };
  assert.equal(verdict(attempt({ ...slow, localPort: 1 })), "accounted: held");
  assert.equal(verdict(attempt({ ...slow, localPort: 8 })), "accounted: queued");
  const never = { ...slow, connectedAtMs: null, sentAtMs: null, localPort: 0 };
  assert.equal(verdict(attempt(never)), "accounted: queued");
});
