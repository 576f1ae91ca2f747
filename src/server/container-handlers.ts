import type { OperationName } from "../api/paths.ts";
import { ServingError } from "../core/errors.ts";
import { instanceSizes, type NodeKind } from "../core/node-kind.ts";
import type { InstanceStatus, ServiceRecord } from "../core/service.ts";
import { type Handler, serviceIn } from "./handler.ts";
import { imageOf } from "./service-view.ts";
import { rfc3339, rfc3339OrEmpty } from "./time.ts";

type Operations = Extract<OperationName, "ListServiceContainers" | "DescribeMachineSpec">;

/** What runs in an instance: one thing, a processor with its engine or a program of the user's own, which EAS would put into a container. */
export const CONTAINER = "worker";

/** What instances consist of, and what they may run on. */
export const CONTAINER_HANDLERS: { readonly [N in Operations]: Handler<N> } = {
  async ListServiceContainers({ path }, { control }) {
    const picture = await control.read();
    const service = serviceIn(picture, path.ServiceName);
    const instance = picture.statuses.get(service.name)?.instances.find((i) => i.id === path.InstanceName);
    if (instance === undefined) {
      const instances = [path.InstanceName.slice(0, 100)];
      throw new ServingError("INSTANCE_NOT_FOUND", { service: service.name, instances });
    }
    return { ServiceName: service.name, Containers: [containerView(instance, service)] };
  },
  async DescribeMachineSpec({ query }, { control }) {
    const node = control.node();
    if (node === null || query.InstanceTypes?.includes(node.name) === false)
      return { InstanceMetas: [], Types: [] };
    return {
      InstanceMetas: [nodeView(node)],
      Types: instanceSizes(node.capacity).map(({ cpu, memoryGb }) => ({ CPU: cpu, Memory: memoryGb })),
    };
  },
};

/** @throws ServingError INVALID_ARGUMENT when a request names a container that no instance has */
export function checkContainer(name: string | undefined, at: "?Container" | "?ContainerName"): void {
  if (name === undefined || name === CONTAINER) return;
  const found = JSON.stringify(name.slice(0, 80));
  throw new ServingError("INVALID_ARGUMENT", { problems: [{ path: at, found, allowed: CONTAINER }] });
}

function containerView(instance: InstanceStatus, service: ServiceRecord) {
  const { lastExit } = instance;
  const status = containerStatus(instance);
  const sinceMs =
    status === "Running" ? instance.startedAtMs : (lastExit?.finishedAtMs ?? instance.startedAtMs);
  return {
    Name: CONTAINER,
    Image: imageOf(service.document),
    Port: instance.port ?? 0,
    Ready: instance.isReady,
    RestartCount: instance.restarts + instance.workerRestarts,
    CurrentStatus: status,
    CurrentReaon: instance.reason,
    CurrentTimestamp: rfc3339OrEmpty(sinceMs),
    LastStatus: lastExit === null ? "" : "Terminated",
    LastReason: lastExit?.reason ?? "",
    LastTimestamp: lastExit === null ? "" : rfc3339(lastExit.finishedAtMs),
  };
}

/** eas-reference §6.8. What is loading runs already; what has failed waits when it is going to be started again. */
function containerStatus({
  phase,
  pid,
  backoffUntilMs,
}: InstanceStatus): "Waiting" | "Running" | "Terminated" {
  switch (phase) {
    case "Pending":
      return "Waiting";
    case "Creating":
      return pid === null ? "Waiting" : "Running";
    case "Running":
    case "Stopping":
      return "Running";
    case "Failed":
      return backoffUntilMs === null ? "Terminated" : "Waiting";
    case "Stopped":
      return "Terminated";
  }
}

function nodeView({ name, capacity, free, gpuCount, isAvailable }: NodeKind) {
  return {
    InstanceType: name,
    CPU: Math.floor(capacity.cpu),
    Memory: gigabytes(capacity.memoryMb),
    GPU: "",
    GPUAmount: gpuCount,
    GPUMemory: 0,
    IsAvailable: isAvailable,
    StockStatus: isAvailable ? "WithStock" : "WithoutStock",
    FreeCPU: Math.round(free.cpu * 100) / 100,
    FreeMemory: gigabytes(free.memoryMb),
    NonProtectSpotDiscount: 0,
    SpotDiscount: 0,
    Vendor: "",
  };
}

const gigabytes = (mb: number) => Math.round((mb / 1024) * 100) / 100;
