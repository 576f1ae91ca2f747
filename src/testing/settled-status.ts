import { instanceId } from "../core/names.ts";
import type { InstanceStatus, ServiceRecord, ServiceStatus } from "../core/service.ts";
import { parseSpec } from "../core/spec/parse.ts";

/** What is so of a service that runs, or is stopped, as wanted. */
export function settledStatus(record: ServiceRecord, nowMs: number): ServiceStatus {
  const isRunning = record.desired === "running";
  const count = isRunning ? parseSpec(record.document).spec.instanceCount : 0;
  const instances = Array.from({ length: count }, (_, slot) => runningInstance(record, slot, nowMs));
  return {
    observedGeneration: record.generation,
    phase: isRunning ? "Running" : "Stopped",
    reason: isRunning ? "RUNNING" : "STOPPED",
    message: isRunning ? "Service start successfully" : "Service is stopped",
    progress: [],
    instances,
    serving: instances.map((instance) => instance.id),
  };
}

/** An instance that is ready. */
export function runningInstance(record: ServiceRecord, slot: number, nowMs: number): InstanceStatus {
  const key = { service: record.name, version: record.version, epoch: record.epoch, slot };
  return {
    id: instanceId(key),
    version: record.version,
    epoch: record.epoch,
    slot,
    phase: "Running",
    isReady: true,
    reason: "",
    message: "",
    restarts: 0,
    failuresInARow: 0,
    workerRestarts: 0,
    backoffUntilMs: null,
    startedAtMs: nowMs,
    readySinceMs: nowMs,
    drainingSinceMs: null,
    pid: 4000 + slot,
    port: 50_000 + slot,
    lastExit: null,
  };
}
