import type { Instance } from "../api/objects.ts";
import type { InstanceExit, InstanceStatus, ServiceRecord } from "../core/service.ts";
import { rfc3339OrEmpty } from "./time.ts";

/** Instances of the process runtime listen on this machine only (core/instance-spec.ts, InstanceState.port). */
const HOST_IP = "127.0.0.1";

/** An instance as the Instance of eas-reference §8.1. */
export function instanceView(instance: InstanceStatus, service: ServiceRecord): Instance {
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
    InstancePort: instance.port ?? 0,
    Pid: instance.pid,
    CreateTime: started,
    StartTime: started,
    StartAt: started,
    LastState: instance.lastExit ? [exitView(instance.lastExit)] : [],
    ResourceType: "PrivateResource",
    Role: "Standard",
    Detached: instance.isDetached === true,
    Isolated: instance.isIsolated === true,
    IsReplica: false,
    IsSpot: false,
  };
}

function exitView(exit: InstanceExit): Instance["LastState"][number] {
  return {
    exitCode: exit.code,
    finishedAt: rfc3339OrEmpty(exit.finishedAtMs),
    reason: exit.signal === null ? exit.reason : `${exit.reason} (${exit.signal})`,
    startedAt: rfc3339OrEmpty(exit.startedAtMs),
    message: exit.message,
  };
}
