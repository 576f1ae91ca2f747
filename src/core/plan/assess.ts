import { ordersApplyTo } from "../change/orders.ts";
import { growthText } from "../health/memory-growth.ts";
import type { InstanceState } from "../instance-spec.ts";
import type { InstanceId } from "../names.ts";
import type { InstanceExit, InstanceStatus } from "../service.ts";
import { backoffMs, boundedUntil, RECOVERED_AFTER_MS } from "./backoff.ts";
import type { ObservedInstance, PlanInput } from "./plan-input.ts";

/** What an instance is, told from the runtime's report and what was known of it before. */
export interface Assessed {
  readonly status: InstanceStatus;
  readonly observed: ObservedInstance | null;
  /** It takes memory and cores, or is about to. */
  readonly isAlive: boolean;
  /** It refuses requests, or soon will: never to be routed again before a new start. */
  readonly isGoing: boolean;
}

/** Its name in numbers, for an instance that the runtime does not know. */
export interface Place {
  readonly id: InstanceId;
  readonly version: number;
  readonly epoch: number;
  readonly slot: number;
}

const KEPT = "; kept for inspection: delete it, restart the service or update it";

const NEVER_SEEN = {
  restarts: 0,
  failuresInARow: 0,
  workerRestarts: 0,
  backoffUntilMs: null,
  startedAtMs: null,
  readySinceMs: null,
  drainingSinceMs: null,
  pid: null,
  port: null,
  lastExit: null,
};

/** Assesses one instance. `observed` is null for one that shall run and that the runtime does not know. */
export function assess(place: Place, observed: ObservedInstance | null, input: PlanInput): Assessed {
  const assessed = seen(place, observed, input);
  return { ...assessed, status: withOrders(assessed.status, input) };
}

/** What was ordered of it by hand, but for soft restarts (soft-restarts.ts). One that is isolated stays so when an update makes it an older one. */
function withOrders(status: InstanceStatus, { wanted }: PlanInput): InstanceStatus {
  const { isIsolated: wasIsolated, isDetached: _, isRestartDue: __, ...rest } = status;
  const record = wanted?.record;
  const isDetached = record?.desired === "running" && record.detached?.includes(status.id) === true;
  const isOlder = record === undefined || !ordersApplyTo(record)(status.id);
  const isIsolated = record?.isolated?.includes(status.id) === true || (wasIsolated === true && isOlder);
  if (!isDetached && !isIsolated) return rest;
  const order = isDetached ? DETACHED : ISOLATED;
  const isWell = status.isReady && (status.reason === "" || status.reason === order.reason);
  return {
    ...rest,
    ...(isIsolated ? { isIsolated } : {}),
    ...(isDetached ? { isDetached } : {}),
    ...(isWell ? order : {}),
  };
}

const ISOLATED = { reason: "Isolated", message: "By hand: it runs on and gets no requests" } as const;
const DETACHED = {
  reason: "Detached",
  message: "By hand: another takes its place; it is kept until it is deleted",
} as const;

function seen(place: Place, observed: ObservedInstance | null, input: PlanInput): Assessed {
  const { id, version, epoch, slot } = place;
  const before = input.previous?.instances.find((i) => i.id === id);
  const known = { ...NEVER_SEEN, ...before, id, version, epoch, slot };
  const kept = bounded(known as InstanceStatus, input.nowMs);
  const busy = input.busy.get(id);
  if (busy === "starting" && observed?.isAlive !== true) {
    const status = { ...kept, phase: "Creating", isReady: false, reason: "Starting", message: "" } as const;
    return { status, observed, isAlive: true, isGoing: false };
  }
  if (observed === null) return { ...inspected(absent(kept, before, input), input), observed };
  if (!observed.isAlive) return { ...inspected(dead(kept, observed, input), input), observed };
  const alive = living(kept, observed, input.nowMs);
  if (busy !== "stopping") return alive;
  const status = { ...alive.status, phase: "Stopping", isReady: false, reason: "Stopping" } as const;
  return { ...alive, status, isGoing: true };
}

/** A clock that went back between two lives of the process must not make waits longer. */
function bounded(status: InstanceStatus, nowMs: number): InstanceStatus {
  const { backoffUntilMs, drainingSinceMs, readySinceMs } = status;
  return {
    ...status,
    backoffUntilMs: backoffUntilMs === null ? null : boundedUntil(backoffUntilMs, nowMs),
    drainingSinceMs: drainingSinceMs === null ? null : Math.min(drainingSinceMs, nowMs),
    readySinceMs: readySinceMs === null ? null : Math.min(readySinceMs, nowMs),
  };
}

function living(kept: InstanceStatus, observed: ObservedInstance, nowMs: number): Assessed {
  const { state, pid, startedAtMs } = observed;
  const workerRestarts = state?.workerRestarts ?? 0;
  const limits = observed.limits ?? null;
  const { stages = null, memory = null } = state ?? {};
  const seen = { pid, startedAtMs, port: state?.port ?? null, limits, workerRestarts, stages, memory };
  const library = state?.library === undefined ? {} : { library: state.library };
  const host = state?.host === undefined ? {} : { host: state.host };
  const { host: _before, ...unplaced } = kept;
  const base = { ...unplaced, ...seen, ...host, ...library, backoffUntilMs: null };
  const phase = state?.phase ?? "loading";
  if (phase === "ready") {
    const readySinceMs = kept.isReady ? (kept.readySinceMs ?? nowMs) : nowMs;
    const isStable = nowMs - readySinceMs >= RECOVERED_AFTER_MS;
    const failuresInARow = isStable ? 0 : kept.failuresInARow;
    const ready = { ...base, readySinceMs, failuresInARow, phase: "Running", isReady: true } as const;
    return {
      status: { ...ready, reason: "", message: noteText(state) },
      observed,
      isAlive: true,
      isGoing: false,
    };
  }
  if (phase === "unready") {
    const failuresInARow = hasRecovered(kept, nowMs) ? 0 : kept.failuresInARow;
    const message = state?.message ?? "";
    const unready = { ...base, failuresInARow, phase: "Running", isReady: false } as const;
    return { status: { ...unready, reason: "NotReady", message }, observed, isAlive: true, isGoing: false };
  }
  if (phase === "loading" && state?.warmUp !== undefined) {
    const { at, of } = state.warmUp;
    const message = `warming up: request ${at} of ${of}`;
    const status = { ...base, phase: "Creating", isReady: false, reason: "WarmingUp", message } as const;
    return { status, observed, isAlive: true, isGoing: false };
  }
  if (phase === "loading") {
    const message = loadingText(state?.message ?? "", startedAtMs, nowMs);
    const status = { ...base, phase: "Creating", isReady: false, reason: "Loading", message } as const;
    return { status, observed, isAlive: true, isGoing: false };
  }
  if (phase === "draining") {
    const message = "The instance was told to end and takes no more requests";
    const status = { ...base, phase: "Stopping", isReady: false, reason: "Draining", message } as const;
    return { status, observed, isAlive: true, isGoing: true };
  }
  // Failed, and not gone yet: one failure, counted when it is seen first.
  const isCounted = kept.phase === "Failed" && kept.startedAtMs === startedAtMs;
  const unknown: InstanceExit = {
    code: null,
    signal: null,
    reason: "Error",
    message: state?.message ?? "",
    startedAtMs,
    finishedAtMs: nowMs,
  };
  const failed = isCounted
    ? { ...kept, ...endOf(observed.exit ?? kept.lastExit) }
    : failedAfter({ ...kept, startedAtMs, pid }, observed.exit ?? unknown, nowMs);
  return { status: { ...failed, pid, port: null }, observed, isAlive: true, isGoing: true };
}

function dead(
  kept: InstanceStatus,
  observed: ObservedInstance,
  input: PlanInput,
): Omit<Assessed, "observed"> {
  const gone = { ...kept, pid: null, port: null };
  if (input.busy.get(kept.id) === "stopping") {
    const status = { ...gone, phase: "Stopping", isReady: false, reason: "Stopping", message: "" } as const;
    return { status: { ...status, backoffUntilMs: null }, isAlive: false, isGoing: true };
  }
  const remembered = kept.phase === "Failed" ? kept.lastExit : null;
  const exit = observed.exit ?? remembered ?? lost(kept, input.nowMs);
  const failedStart = input.failedStarts.get(kept.id);
  if (failedStart !== undefined) {
    const status = failedAfter(gone, startFailed(failedStart, input.nowMs), input.nowMs);
    return { status, isAlive: false, isGoing: false };
  }
  const wasToldToEnd = kept.phase === "Stopping" || kept.phase === "Stopped";
  if (wasToldToEnd && (exit.code === 0 || exit.reason === "Lost")) {
    // It was told to end, and did, perhaps while this process was not there.
    const status = { ...gone, phase: "Stopped", isReady: false, reason: "Stopped", message: "" } as const;
    return { status: { ...status, backoffUntilMs: null, lastExit: exit }, isAlive: false, isGoing: false };
  }
  const isKnown =
    kept.lastExit?.finishedAtMs === exit.finishedAtMs && kept.lastExit.startedAtMs === exit.startedAtMs;
  // An engine that said `failed` and then ended has failed once, not twice.
  const isCounted = isKnown || (kept.phase === "Failed" && kept.startedAtMs === exit.startedAtMs);
  const isStartLost = isCounted && kept.reason === "Starting"; // told to start, then this process was killed
  const status = !isCounted
    ? failedAfter(gone, exit, input.nowMs)
    : isStartLost
      ? { ...gone, isReady: false, phase: "Pending" as const, lastExit: exit }
      : { ...gone, isReady: false, phase: "Failed" as const, ...endOf(exit) };
  return { status, isAlive: false, isGoing: false };
}

/** One that crashed and stays as it is says so (`runtime.enable_crash_block`). */
function inspected(assessed: Omit<Assessed, "observed">, { wanted }: PlanInput): Omit<Assessed, "observed"> {
  const { phase, lastExit } = assessed.status;
  if (phase !== "Failed" || lastExit === null || wanted?.spec.isCrashBlocked !== true) return assessed;
  return { ...assessed, status: { ...assessed.status, message: `${exitText(lastExit)}${KEPT}` } };
}

function absent(
  kept: InstanceStatus,
  before: InstanceStatus | undefined,
  input: PlanInput,
): Omit<Assessed, "observed"> {
  const gone = { ...kept, pid: null, port: null, drainingSinceMs: null };
  const failedStart = input.failedStarts.get(kept.id);
  if (failedStart !== undefined) {
    const status = failedAfter(gone, startFailed(failedStart, input.nowMs), input.nowMs);
    return { status, isAlive: false, isGoing: false };
  }
  const hadBegun = before?.reason === "Loading" || before?.reason === "WarmingUp";
  const wasUp = before?.phase === "Running" || (before?.phase === "Creating" && hadBegun);
  if (wasUp) {
    const status = failedAfter(gone, lost(kept, input.nowMs), input.nowMs);
    return { status, isAlive: false, isGoing: false };
  }
  if (before?.phase === "Failed")
    return { status: { ...gone, isReady: false, ...endOf(gone.lastExit) }, isAlive: false, isGoing: false };
  const status = { ...gone, isReady: false, phase: "Pending", reason: "Pending", message: "" } as const;
  return { status, isAlive: false, isGoing: false };
}

function failedAfter(status: InstanceStatus, exit: InstanceExit, nowMs: number): InstanceStatus {
  const failuresInARow = hasRecovered(status, nowMs) ? 1 : status.failuresInARow + 1;
  return {
    ...status,
    phase: "Failed",
    isReady: false,
    ...endOf(exit),
    failuresInARow,
    backoffUntilMs: nowMs + backoffMs(failuresInARow),
  };
}

/** What is said of one that has failed, anew each time: more may be known of its end by now, and what held it back is over. */
function endOf(exit: InstanceExit | null) {
  return exit === null ? {} : { reason: exit.reason, message: exitText(exit), lastExit: exit };
}

/** It has been ready for a minute, until now. */
function hasRecovered({ isReady, readySinceMs }: InstanceStatus, nowMs: number): boolean {
  return isReady && readySinceMs !== null && nowMs - readySinceMs >= RECOVERED_AFTER_MS;
}

function startFailed(message: string, nowMs: number): InstanceExit {
  return { code: null, signal: null, reason: "StartFailed", message, startedAtMs: null, finishedAtMs: nowMs };
}

function lost(kept: InstanceStatus, nowMs: number): InstanceExit {
  const message = "nobody saw it end";
  const { startedAtMs } = kept;
  return { code: null, signal: null, reason: "Lost", message, startedAtMs, finishedAtMs: nowMs };
}

/** How an instance ended, for people. Of one that could not load, the sentence that says why is all: the exit code is that of its engine. */
export function exitText(exit: InstanceExit): string {
  const isTold = exit.reason === "StartFailed" || exit.reason === "WarmUpFailed";
  if (isTold && exit.signal === null && exit.message !== "") return exit.message;
  const how =
    exit.signal !== null
      ? `killed by ${exit.signal}`
      : exit.code !== null
        ? `exited with code ${exit.code}`
        : exit.reason;
  const why = exit.reason === "OOMKilled" ? `out of memory, ${how}` : how;
  return exit.message === "" ? why : `${why}: ${exit.message}`;
}

/** What people should know of one that is ready. */
function noteText(state: InstanceState | null): string {
  const growth = state?.memory?.growth;
  return [state?.note, growth && `It serves, and ${growthText(growth)}`].filter(Boolean).join(". ");
}

/** In whole minutes, so that a status does not change with every look at it. */
function loadingText(text: string, startedAtMs: number | null, nowMs: number): string {
  const minutes = startedAtMs === null ? 0 : Math.floor((nowMs - startedAtMs) / 60_000);
  const since = minutes >= 1 ? `loading for ${minutes} min` : "loading";
  return text === "" ? since : `${since}: ${text}`;
}
