import assert from "node:assert/strict";
import test from "node:test";
import { groupOf, recordOf, serviceName, specOf } from "../../testing/records.ts";
import type { GatewayId, InstanceId } from "../names.ts";
import type { InstanceStatus, ServiceStatus } from "../service.ts";
import { explainService } from "./explain.ts";
import type { ExplainInput } from "./explain-input.ts";

const NOW = 1_000_000;

function instance(change: Partial<InstanceStatus> = {}): InstanceStatus {
  return {
    id: "a-v1-0" as InstanceId,
    version: 1,
    epoch: 0,
    slot: 0,
    phase: "Running",
    isReady: true,
    reason: "",
    message: "",
    restarts: 0,
    failuresInARow: 0,
    workerRestarts: 0,
    backoffUntilMs: null,
    startedAtMs: 1,
    readySinceMs: 1,
    drainingSinceMs: null,
    pid: 7,
    port: 1,
    lastExit: null,
    ...change,
  };
}

function input(change: Partial<ExplainInput> = {}, status: Partial<ServiceStatus> = {}): ExplainInput {
  const instances = status.instances ?? [instance()];
  return {
    record: recordOf("a"),
    spec: specOf({ name: serviceName("a") }),
    status: {
      observedGeneration: 1,
      phase: "Running",
      reason: "RUNNING",
      message: "Service start successfully",
      progress: [],
      serving: instances.filter((i) => i.isReady).map((i) => i.id),
      ...status,
      instances,
    },
    group: null,
    gateways: [{ id: "gateway-0" as GatewayId, isListening: true, refusal: null, use: () => 0 }],
    tails: new Map(),
    limits: {},
    command: null,
    nowMs: NOW,
    ...change,
  };
}

/** All that is said, one line a sentence. */
function said(given: ExplainInput): string {
  const { summary, findings } = explainService(given);
  const lines = findings.flatMap((f) => [`${f.severity} ${f.kind}: ${f.text}`, ...f.causes, ...f.advices]);
  assert.ok(findings.length > 0);
  return [summary, ...lines].join("\n");
}

test("all is well", () => {
  assert.match(said(input()), /^Service \[a\] is Running, version 1, 1 of 1 wanted instance serving/);
  assert.match(said(input()), /info AllIsWell: All is as wanted/);
});

test("a crash loop: how it ended, when it is tried again, and its last lines", () => {
  const lastExit = {
    code: 3,
    signal: null,
    reason: "Error",
    message: "no such file",
    startedAtMs: 1,
    finishedAtMs: 2,
  };
  const failed = instance({
    phase: "Failed",
    isReady: false,
    failuresInARow: 4,
    backoffUntilMs: NOW + 8_000,
    lastExit,
  });
  const tails = new Map([[failed.id, ["Traceback", "FileNotFoundError"]]]);
  const text = said(input({ tails }, { instances: [failed] }));
  assert.match(text, /trouble InstanceCrashing: .*4 times in a row/);
  assert.match(text, /exited with code 3: no such file/);
  assert.match(text, /started again in 8 s/);
  assert.match(text, /Traceback ⏎ FileNotFoundError/);
  assert.match(text, /trouble NoReadyInstance/);
});

test("files, room, starting and loading: what each waits for", () => {
  const waiting = (change: Partial<InstanceStatus>, status: Partial<ServiceStatus> = {}) =>
    said(input({}, { ...status, instances: [instance({ isReady: false, ...change })] }));
  const pending = { phase: "Pending", reason: "Pending" } as const;
  const fetching = { progress: ["Downloading http file [43%]"] };
  assert.match(
    waiting(pending, fetching),
    /waiting Fetching: .*on their way\.\nDownloading http file \[43%\]/,
  );
  const failed = { reason: "FETCH_FAILED", message: "http://x answered 404" };
  assert.match(waiting(pending, failed), /trouble FetchFailed: [\s\S]*answered 404/);
  const message = "needs 2 cores and 1 MB; 1 core and 1 MB are free, 1 core missing";
  assert.match(waiting({ ...pending, reason: "NoRoom", message }), /trouble NoRoom: [\s\S]*1 core missing/);
  assert.match(waiting({ phase: "Creating", reason: "Starting" }), /waiting Starting/);
  const loading = { phase: "Creating", reason: "Loading", message: "loading for 2 min" } as const;
  assert.match(waiting(loading), /waiting Loading: .*loading for 2 min/);
});

test("draining: which gateway it waits for, how many requests, and until when", () => {
  const going = instance({ phase: "Stopping", drainingSinceMs: NOW - 10_000 });
  const gateway = (id: string, use: "routed" | number) => ({
    id: id as GatewayId,
    isListening: true,
    refusal: null,
    use: () => use,
  });
  const gateways = [gateway("gateway-0", "routed"), gateway("gateway-1", 3), gateway("gateway-2", 0)];
  const text = said(input({ gateways }, { instances: [going] }));
  assert.match(text, /Gateway gateway-0 has not acknowledged the table without it/);
  assert.match(text, /3 requests of gateway gateway-1 in flight/);
  assert.doesNotMatch(text, /gateway-2/);
  assert.match(text, /at the latest in 20 s/);
});

test("orders by hand and the lock", () => {
  const status = { serving: [], instances: [instance({ isIsolated: true })] };
  assert.match(said(input({}, status)), /info Isolated: [\s\S]*sluice isolate a a-v1-0 --off/);
  const detached = { serving: [], instances: [instance({ isDetached: true })] };
  assert.match(said(input({}, detached)), /info Detached: [\s\S]*sluice dw a a-v1-0/);
  for (const lock of ["all", "dangerous"] as const) {
    const text = said(input({ record: recordOf("a", { lock }) }));
    assert.match(text, /info Locked: [\s\S]*sluice lock a none/);
    assert.equal(/refuses every change/.test(text), lock === "all");
  }
  const soft = recordOf("a", { softRestarts: { ["a-v1-0" as InstanceId]: 1 } });
  const leaving = instance({
    phase: "Stopping",
    isReady: false,
    reason: "SoftRestart",
    drainingSinceMs: NOW,
  });
  assert.match(said(input({ record: soft }, { instances: [leaving] })), /waiting SoftRestarting: .*a-v1-0/);
});

test("an update: failing, paused, waiting for its batch, kept by the partition", () => {
  const rule = { partition: { kind: "count", count: 1 }, batch: null, isPaused: false } as const;
  const record = recordOf("a", {
    instanceCount: 3,
    version: 2,
    updatingFrom: { version: 1, epoch: 0, retiredSlots: [] },
    rollout: rule,
  });
  const step = { version: 2, wantedCount: 1, readyCount: 1, isHeld: true, nextBatchAtMs: null } as const;
  const at = (change: object) =>
    said(input({ record }, { rollout: { ...step, phase: "Running", ...change } }));
  assert.match(at({ phase: "Failed" }), /trouble UpdateFailing: [\s\S]*sluice version a 1/);
  assert.match(at({ phase: "Paused" }), /info RolloutPaused: [\s\S]*1 of 3 instances shall run version 2/);
  assert.match(at({ nextBatchAtMs: NOW + 300_000 }), /waiting BatchWaiting: .*in 5 min/);
  assert.match(at({}), /info PartitionKept: 2 instances stay at version 1/);
  assert.match(at({ readyCount: 0 }), /waiting Updating/);
});

test("traffic: standalone, weight 0, its share, who gets it when nobody is ready", () => {
  const record = recordOf("g_record");
  const group = (own: object, percent: number) => ({
    record: groupOf("g"),
    members: [
      { name: serviceName("a"), trafficState: "grouping", weight: null, percent, ...own } as const,
      { name: serviceName("b"), trafficState: "grouping", weight: null, percent: 100 - percent } as const,
    ],
  });
  const of = (change: object, own: object, percent: number, status: Partial<ServiceStatus> = {}) =>
    said(input({ record: { ...record, ...recordOf("a"), ...change }, group: group(own, percent) }, status));
  assert.match(of({ trafficState: "standalone" }, {}, 0), /info Standalone: [\s\S]*release a -s grouping/);
  assert.match(of({ weight: 0 }, { weight: 0 }, 0), /info WeightZero/);
  assert.match(of({}, {}, 80), /info Share: It gets 80% [\s\S]*a 80%, b 20%/);
  assert.match(
    of({}, {}, 0, { serving: [] }),
    /trouble NoReadyInstance: [\s\S]*its requests go to b \(100%\)/,
  );
});

test("gateways and limits; a stopped service, and by which command", () => {
  const refusal = { tableNumber: 9, reason: "a weight is missing" };
  const gateways = [{ id: "gateway-0" as GatewayId, isListening: true, refusal, use: () => 0 }];
  assert.match(said(input({ gateways })), /trouble TableRefused: .*table 9[\s\S]*a weight is missing/);
  assert.match(said(input({ gateways: [] })), /trouble NoGateway/);
  assert.match(
    said(input({ limits: { rate_limit: 4 } })),
    /trouble LimitMet: The limit rate_limit .*4 requests/,
  );
  const command = {
    service: serviceName("a"),
    atMs: Date.UTC(2026, 1, 3),
    type: "Normal",
    reason: "Stopping",
    resource: "Service",
    instance: null,
    message: "Service [a] is stopping",
  } as const;
  const record = recordOf("a", { desired: "stopped" });
  const stopped = said(input({ record, command }, { phase: "Stopped", instances: [], serving: [] }));
  assert.match(
    stopped,
    /info Stopped: [\s\S]*By a command at 2026-02-03T00:00:00Z: Service \[a\] is stopping/,
  );
  assert.doesNotMatch(stopped, /NoReadyInstance/);
});

test("the most pressing comes first", () => {
  const failed = instance({ phase: "Failed", isReady: false, failuresInARow: 1 });
  const { findings } = explainService(
    input({ record: recordOf("a", { lock: "all" }) }, { instances: [failed] }),
  );
  const order = findings.map((f) => f.severity);
  assert.deepEqual(
    order,
    [...order].sort((a, b) => Number(b === "trouble") - Number(a === "trouble")),
  );
  assert.equal(order[0], "trouble");
});
