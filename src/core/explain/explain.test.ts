import assert from "node:assert/strict";
import test from "node:test";
import { groupOf, recordOf, serviceName, specOf } from "../../testing/records.ts";
import type { GatewayId, InstanceId } from "../names.ts";
import { EXIT_REASONS, type ExitReason, type InstanceReason, type ServiceReason } from "../reasons.ts";
import type { InstanceExit, InstanceStatus, ServiceStatus } from "../service.ts";
import { explainService } from "./explain.ts";
import type { ExplainInput } from "./explain-input.ts";
import { explainInstance } from "./explain-instance.ts";

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

test("memory that grows is trouble, with what helps; how it started is told of one that serves", () => {
  const stages = [
    { name: "start", ms: 100 },
    { name: "load", ms: 410 },
  ];
  const growth = { bytesPerThousand: 2 ** 20, fullInMs: 60_000, limitBytes: 512 * 2 ** 20 };
  const leaking = instance({ stages, memory: { bytes: 1, growth } });
  const text = said(input({}, { instances: [leaking] }));
  assert.match(
    text,
    /^trouble MemoryGrowing: Instance \[a-v1-0\] is ready, and its memory grows by 1 MB per /m,
  );
  assert.match(text, /^It was ready after 0\.51 s: start 0\.10 s, load 0\.41 s\.$/m);
  assert.match(text, /sluice softrestart a a-v1-0\.$/m);
  const { kind, causes } = explainInstance(instance({ stages }), input());
  assert.deepEqual([kind, causes], ["Serving", ["It was ready after 0.51 s: start 0.10 s, load 0.41 s."]]);
});

test("a crash loop: how it ended, when it is tried again, and its last lines", () => {
  const lastExit: InstanceExit = {
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
  const failed = { reason: "FETCH_FAILED" as const, message: "http://x answered 404" };
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
});

test("soft restarts: the one now, those that wait for their turn, and nothing once they are done", () => {
  const [first, second] = ["a-v1-0" as InstanceId, "a-v1-1" as InstanceId];
  const record = recordOf("a", { instanceCount: 2, softRestarts: { [first]: 1, [second]: 1 } });
  const of = (...instances: InstanceStatus[]) => said(input({ record }, { instances }));
  const due = instance({ id: second, slot: 1, isRestartDue: true });
  const leaving = instance({
    phase: "Stopping",
    isReady: false,
    reason: "SoftRestart",
    drainingSinceMs: NOW,
    isRestartDue: true,
  });
  assert.match(
    of(leaving, due),
    /waiting SoftRestarting: .*a-v1-0 is the one now\.\na-v1-1 waits for its turn/,
  );
  const loading = instance({ phase: "Creating", isReady: false, reason: "Loading", message: "loading" });
  assert.match(of(loading, due), /waiting SoftRestarting: .*wait.*a-v1-1\.\n.*all others serve/);
  const crashed = instance({ phase: "Failed", isReady: false, failuresInARow: 1, reason: "Error" });
  assert.doesNotMatch(of(crashed, instance({ id: second, slot: 1 })), /SoftRestarting/);
});

test("nobody serves: trouble, unless none is wanted or they are on their way for the first time", () => {
  const none = { instances: [], serving: [] };
  const empty = said(input({ record: recordOf("a", { instanceCount: 0 }) }, none));
  assert.match(empty, /info NoInstanceWanted/);
  assert.doesNotMatch(empty, /trouble/);
  const loading = instance({ phase: "Creating", isReady: false, reason: "Loading", message: "loading" });
  for (const phase of ["Creating", "Waiting", "Starting"] as const)
    assert.match(
      said(input({}, { phase, instances: [{ ...loading, readySinceMs: null }] })),
      /waiting NoReadyInstance/,
    );
  assert.match(said(input({}, { phase: "Waiting", instances: [loading] })), /trouble NoReadyInstance/);
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
  // Read between the command and the first plan that goes by it.
  assert.doesNotMatch(at({ version: 1, phase: "Failed" }), /shall run version 2|UpdateFailing/);
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

/** What an instance is like that has a reason, and the kind of what is said of it. Does not compile when a reason is missing. */
const BY_REASON: Readonly<
  Record<Exclude<InstanceReason, ExitReason>, readonly [Partial<InstanceStatus>, string]>
> = {
  "": [{}, "Serving"],
  Pending: [{ phase: "Pending", isReady: false }, "Pending"],
  NoRoom: [{ phase: "Pending", isReady: false, message: "needs 2 cores" }, "NoRoom"],
  Starting: [{ phase: "Creating", isReady: false }, "Starting"],
  Loading: [{ phase: "Creating", isReady: false, message: "loading" }, "Loading"],
  WarmingUp: [{ phase: "Creating", isReady: false, message: "warming up: request 3 of 10" }, "WarmingUp"],
  NotReady: [{ isReady: false, message: "the readiness check is not good" }, "NotReady"],
  Isolated: [{ isIsolated: true }, "Isolated"],
  Detached: [{ isDetached: true }, "Detached"],
  SoftRestart: [{ phase: "Stopping", isReady: false, drainingSinceMs: NOW }, "SoftRestart"],
  Draining: [{ phase: "Stopping", isReady: false }, "Draining"],
  Stopping: [{ phase: "Stopping", isReady: false }, "Stopping"],
  Stopped: [{ phase: "Stopped", isReady: false }, "Stopped"],
};

const lastExit = (reason: ExitReason): InstanceExit => ({
  code: 1,
  signal: null,
  reason,
  message: "so it was said",
  startedAtMs: 1,
  finishedAtMs: 2,
});

test("every reason of an instance has a sentence of its own", () => {
  const texts = Object.entries(BY_REASON).map(([reason, [change, kind]]) => {
    const one = instance({ reason: reason as InstanceReason, ...change });
    const { kind: said, text, causes } = explainInstance(one, input({}, { instances: [one] }));
    assert.equal(said, kind, reason);
    assert.match(text, /^Instance \[a-v1-0\] [^[\]{}]*\.$/, reason);
    for (const cause of causes) assert.match(cause, /^[A-Z].*\.$/, reason);
    return text;
  });
  assert.equal(new Set(texts).size, texts.length);
});

test("every way to end has a sentence of its own, in whatever phase it is met", () => {
  const causes = EXIT_REASONS.map((reason) => {
    const failed = instance({ phase: "Failed", isReady: false, reason, lastExit: lastExit(reason) });
    const { kind, text, causes } = explainInstance(failed, input());
    assert.equal(kind, "InstanceCrashed");
    assert.match(causes[0]!, /^[A-Z].*\.$/);
    // Why it could not be started is the first that is said, not the third.
    assert.match(/^(Start|WarmUp)Failed$/.test(reason) ? text : causes[1]!, /so it was said\.$/);
    const pending = { ...failed, phase: "Pending" as const };
    assert.equal(explainInstance(pending, input()).causes[0], causes[0]);
    return causes[0];
  });
  assert.equal(new Set(causes).size, EXIT_REASONS.length);
  const full = instance({
    phase: "Failed",
    isReady: false,
    reason: "OOMKilled",
    lastExit: lastExit("OOMKilled"),
  });
  assert.match(said(input({}, { instances: [full] })), /may have, 1000 MB \(metadata\.memory\)/);
  const cold = instance({
    phase: "Failed",
    isReady: false,
    reason: "WarmUpFailed",
    lastExit: lastExit("WarmUpFailed"),
  });
  assert.match(said(input({}, { instances: [cold] })), /Correct what warm_up_data_path names/);
});

const SERVICE_REASONS: Readonly<Record<ServiceReason, true>> = {
  CREATING: true,
  WAITING: true,
  RUNNING: true,
  SCALING: true,
  UPDATING: true,
  STARTING: true,
  STOPPING: true,
  STOPPED: true,
  DELETING: true,
  FETCH_FAILED: true,
  NO_ROOM: true,
  CRASHING: true,
  CRASH_BLOCKED: true,
  UPDATE_FAILING: true,
  BATCH_WAITING: true,
};

test("every reason of a service has a sentence; RUNNING says all in its message", () => {
  const reasons = Object.keys(SERVICE_REASONS) as ServiceReason[];
  const texts = reasons.map((reason) => explainService(input({}, { reason, message: "m" })).summary);
  for (const [at, text] of texts.entries())
    assert.match(text, reasons[at] === "RUNNING" ? / serving: m$/ : / serving: m\. [A-Z].*\.$/);
  assert.equal(new Set(texts).size, texts.length);
});

test("without room after a failure: both are told; isolated and not ready: both, too", () => {
  const change = {
    isReady: false,
    reason: "NoRoom",
    message: "needs 2 cores",
    lastExit: lastExit("Error"),
  } as const;
  const held = instance({ phase: "Failed", failuresInARow: 2, ...change });
  assert.match(
    said(input({}, { instances: [held] })),
    /trouble NoRoom: [\s\S]*needs 2 cores[\s\S]*so it was said/,
  );
  const away = instance({
    isIsolated: true,
    isReady: false,
    reason: "NotReady",
    message: "GET /ready is 503",
  });
  assert.match(
    said(input({}, { instances: [away] })),
    /info Isolated: [\s\S]*not ready \(GET \/ready is 503\)/,
  );
});

test("what makes an instance ready is told by what its spec asks for", () => {
  const loading = instance({ phase: "Creating", isReady: false, reason: "Loading", message: "loading" });
  const of = (change: Parameters<typeof specOf>[0]) =>
    said(input({ spec: specOf(change) }, { instances: [loading] }));
  const name = serviceName("a");
  assert.match(of({ name }), /ready when its processor has loaded\./);
  assert.match(of({ name, warmUp: { kind: "path", path: "/w.txt" } }), /every request of warm_up_data_path/);
  const probe = {
    action: { kind: "tcp", port: null },
    initialDelayMs: 0,
    periodMs: 1000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 1,
  } as const;
  const command = { kind: "command", argv: ["x"], port: 8000, env: [], source: null } as const;
  assert.match(of({ name, processor: command }), /when it listens on its port\./);
  assert.match(
    of({ name, processor: { ...command, health: { readiness: probe } } }),
    /and its readiness check is good\./,
  );
  const both = { startup: probe, readiness: probe };
  assert.match(
    of({ name, processor: { ...command, health: both } }),
    /its startup and its readiness check are good\./,
  );
});

test("files: brought one way or the other, and no longer once they are here", () => {
  const pending = instance({ phase: "Pending", isReady: false, reason: "Pending" });
  for (const line of ["Downloading object [7%]", "Unpacking files", "Fetching from git"]) {
    const text = said(input({}, { instances: [pending], progress: [line] }));
    assert.ok(text.includes(`waits for its files: ${line}.`) && /waiting Fetching: /.test(text), text);
    const here = [line, "Waiting [Total: 1, Pending: 1, Running: 0]"];
    assert.match(said(input({}, { instances: [pending], progress: here })), /waits for its turn/);
  }
});
