import assert from "node:assert/strict";
import test from "node:test";
import type { GatewayReport, LoopReport } from "./control-plane.ts";
import { LOOP_LATE_MS, LOOP_RUN_MS_MAX, Readiness, STORE_PROBE_MS, TABLE_ACK_MS_MAX } from "./readiness.ts";

const loop = (more: Partial<LoopReport> = {}): LoopReport => ({
  name: "service:secret_name",
  purpose: "",
  lastCause: null,
  lastResult: null,
  lastRunAtMs: null,
  nextDueInMs: 1,
  overdueMs: 0,
  runningMs: null,
  ...more,
});
const gateway = (id: string, more: Partial<GatewayReport> = {}): GatewayReport => ({
  id,
  pid: 1,
  isListening: true,
  tableNumber: 7,
  connections: 0,
  limits: {},
  refusal: null,
  tls: null,
  ...more,
});

function world() {
  const is = {
    nowMs: 0,
    writes: 0,
    failure: null as Error | null,
    loops: [loop()],
    gateways: [gateway("a"), gateway("b")],
    newest: 7,
  };
  const readiness = new Readiness({
    store: {
      putNumber: async () => {
        is.writes += 1;
        if (is.failure !== null) throw is.failure;
      },
    },
    clock: { now: () => is.nowMs, monotonic: () => is.nowMs, sleep: () => Promise.resolve() },
    workerCount: 2,
    loop: { reports: () => is.loops },
    publisher: {
      reports: () => is.gateways,
      get newestTable() {
        return is.newest;
      },
    },
  });
  const amiss = async () =>
    (await readiness.look()).filter(({ isOk }) => !isOk).map(({ name, reason }) => `${name}: ${reason}`);
  return { is, amiss };
}

test("all is well, and anybody may ask as often as they like: the store is written to once a second", async () => {
  const { is, amiss } = world();
  for (let i = 0; i < 100; i++) assert.deepEqual(await amiss(), []);
  assert.equal(is.writes, 1);
  is.nowMs += STORE_PROBE_MS;
  await amiss();
  assert.equal(is.writes, 2);
});

test("a store that takes no writes is told by its code, and is asked again", async () => {
  const { is, amiss } = world();
  is.failure = Object.assign(new Error("the home's disk is full: /secret/path"), { code: "STORE_FULL" });
  assert.deepEqual(await amiss(), [
    "store: does not take writes (STORE_FULL); the log of the control process has more",
  ]);
  is.failure = null;
  is.nowMs += STORE_PROBE_MS;
  assert.deepEqual(await amiss(), []);
});

test("loops that are late, hang or have not begun are counted, not named", async () => {
  const { is, amiss } = world();
  is.loops = [loop({ overdueMs: LOOP_LATE_MS }), loop({ nextDueInMs: null, runningMs: LOOP_RUN_MS_MAX })];
  assert.deepEqual(await amiss(), []);
  is.loops = [loop({ overdueMs: LOOP_LATE_MS + 1 }), loop({ runningMs: LOOP_RUN_MS_MAX + 1 }), loop()];
  assert.deepEqual(await amiss(), ["loops: of 3, 1 are late and 1 hang"]);
  is.loops = [];
  assert.deepEqual(await amiss(), ["loops: they have not begun"]);
});

test("gateways have to listen, and to acknowledge the newest table within a while", async () => {
  const { is, amiss } = world();
  is.gateways = [gateway("a"), gateway("b", { isListening: false })];
  assert.deepEqual(await amiss(), ["gateways: 1 of 2 take requests"]);
  is.gateways = [gateway("a"), gateway("b")];
  is.newest = 8;
  assert.deepEqual(await amiss(), [], "it was sent a moment ago");
  is.nowMs += TABLE_ACK_MS_MAX;
  is.gateways = [gateway("a", { tableNumber: 8 }), gateway("b")];
  assert.deepEqual(await amiss(), ["gateways: 1 have not acknowledged route table 8"]);
  is.gateways = [gateway("a", { tableNumber: 8 }), gateway("b", { tableNumber: 8 })];
  assert.deepEqual(await amiss(), []);
  is.gateways = [
    gateway("a", { tableNumber: 8 }),
    gateway("b", { tableNumber: 8, refusal: { tableNumber: 9, reason: "service secret_name" } }),
  ];
  assert.deepEqual(await amiss(), ["gateways: 1 refused route table 8"]);
});
