import { constants, hostname } from "node:os";
import type { Instance } from "../api/objects.ts";
import type { LimitsInForce } from "../core/instance-spec.ts";
import type { NodeKind } from "../core/node-kind.ts";
import type { InstanceExit, InstanceStatus, ServiceRecord } from "../core/service.ts";
import type { StageTime } from "../core/start-stages.ts";
import { rfc3339OrEmpty } from "./time.ts";

const HOST_NAME = hostname();

/** Instances of the process runtime listen on this machine only (core/instance-spec.ts, InstanceState.port). */
export const HOST_IP = "127.0.0.1";

/** An instance as the Instance of eas-reference §8.1. */
export function instanceView(
  instance: InstanceStatus,
  service: ServiceRecord,
  node: NodeKind | null,
): Instance {
  const started = rfc3339OrEmpty(instance.startedAtMs);
  return {
    InstanceName: instance.id,
    Namespace: service.group ?? service.name,
    Status: instance.phase,
    Reason: instance.reason,
    Message: instance.message,
    Version: instance.version,
    IsLatest: instance.version === service.version && instance.epoch === service.epoch,
    ReadyProcesses: instance.isReady ? 1 : 0,
    TotalProcesses: 1,
    RestartCount: instance.restarts + instance.workerRestarts,
    InnerIP: HOST_IP,
    HostIP: HOST_IP,
    HostName: HOST_NAME,
    InstanceType: node?.name ?? "",
    Zone: "",
    ReplicaName: "",
    ExternalIP: "",
    ExternalInstancePort: 0,
    TenantHostIP: "",
    TenantInstanceIP: "",
    OriginalAmount: 0,
    CurrentAmount: 0,
    InstancePort: instance.port ?? 0,
    Pid: instance.pid,
    CreateTime: started,
    StartTime: started,
    StartAt: started,
    LastState: instance.lastExit ? [exitView(instance.lastExit)] : [],
    Stages: stagesView(instance.stages ?? []),
    WorkerMemory: instance.memory?.bytes ?? 0,
    MemoryGrowth: growthView(instance),
    ResourceType: "PrivateResource",
    Role: "Standard",
    Detached: instance.isDetached === true,
    Isolated: instance.isIsolated === true,
    IsReplica: false,
    IsSpot: false,
    Limits: instance.limits ? limitsView(instance.limits) : null,
  };
}

export const stagesView = (stages: readonly StageTime[]) =>
  stages.map(({ name, ms }) => ({ Name: name, Milliseconds: ms }));

function growthView({ memory }: InstanceStatus): Instance["MemoryGrowth"] {
  const growth = memory?.growth;
  if (growth === undefined) return null;
  const { bytesPerThousand, fullInMs } = growth;
  return {
    BytesPerThousandRequests: bytesPerThousand,
    SecondsToLimit: fullInMs === null ? null : Math.round(fullInMs / 1000),
  };
}

function limitsView({ memory, cpu, processes, note }: LimitsInForce): Instance["Limits"] {
  return { Memory: memory, Cpu: cpu, Processes: processes, Note: note ?? "" };
}

function exitView(exit: InstanceExit): Instance["LastState"][number] {
  return {
    exitCode: exitCode(exit),
    finishedAt: rfc3339OrEmpty(exit.finishedAtMs),
    reason: exit.reason,
    startedAt: rfc3339OrEmpty(exit.startedAtMs),
    message: exit.message,
    signal: exit.signal ?? "",
    lastLines: [...(exit.lastLines ?? [])],
  };
}

/** A program that a signal ended has 128 and its number, as for a shell and in containers: 137 is SIGKILL. */
function exitCode({ code, signal }: InstanceExit): number | null {
  if (code !== null || signal === null) return code;
  const number = constants.signals[signal as NodeJS.Signals];
  return number === undefined ? null : 128 + number;
}
