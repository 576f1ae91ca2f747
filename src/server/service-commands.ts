import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import type { Input } from "../api/operations.ts";
import type { OperationName } from "../api/paths.ts";
import type { Accepted } from "../control/control-plane.ts";
import type { Additions } from "../core/change/additions.ts";
import { ServingError } from "../core/errors.ts";
import type { InstanceId } from "../core/names.ts";
import type { ServiceRecord } from "../core/service.ts";
import { checkContainer } from "./container-handlers.ts";
import type { ServerDeps } from "./deps.ts";
import { type Handler, serviceIn, serviceName } from "./handler.ts";
import { previewView } from "./preview-view.ts";
import { serviceAddress } from "./service-view.ts";

/** `Service [foo] in region [local] is scaling`, as EAS words it (eas-reference §8.0). */
const says = (record: ServiceRecord, deps: ServerDeps, what: string) =>
  `Service [${record.name}] in region [${deps.region}] is ${what}`;

const accepted = (record: ServiceRecord, deps: ServerDeps, what: string) => ({
  Message: says(record, deps, what),
  Generation: record.generation,
});

/** Adds to a message, and beside it, what was asked for and does nothing here yet. */
function named(message: string, notEffective: readonly string[]) {
  if (notEffective.length === 0) return { Message: message };
  return {
    Message: `${message}. Not effective here yet: ${notEffective.join(", ")}`,
    NotEffective: [...notEffective],
  };
}

type Commands = Extract<
  OperationName,
  | `${"Create" | "Clone" | "Update" | "Delete" | "Start" | "Stop" | "Restart" | "Scale" | "Release"}Service`
  | "UpdateServiceVersion"
  | "DeleteServiceInstances"
>;

/** Operations that change what is wanted of one service. */
export const SERVICE_COMMANDS: { readonly [N in Commands]: Handler<N> } = {
  async CreateService({ body, query }, deps) {
    if (query.Develop) {
      const allowed = `false: there is no development mode; ${NOT_IMPLEMENTED.DevelopService!.instead}`;
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [{ path: "?Develop", found: "true", allowed }],
      });
    }
    return created(await deps.control.createService(body, additionsOf(query)), deps);
  },
  async CloneService({ path, body, query }, deps) {
    const source = serviceName(path.ServiceName);
    return created(await deps.control.cloneService(source, body, additionsOf(query)), deps);
  },
  async UpdateService({ path, query, body }, deps) {
    const name = serviceName(path.ServiceName);
    const mode = query.UpdateType ?? "merge";
    if (query.Plan) {
      const preview = await deps.control.previewUpdate(name, body, mode);
      const { generation } = serviceIn(await deps.control.read(), name);
      const message = `Service [${name}] in region [${deps.region}] was not changed`;
      return {
        ...named(message, preview.notEffective),
        Generation: generation,
        Plan: previewView(preview),
      };
    }
    const { record, notEffective } = await deps.control.updateService(name, body, mode);
    return { ...named(says(record, deps, "updating"), notEffective), Generation: record.generation };
  },
  async DeleteService({ path }, deps) {
    return accepted(await deps.control.deleteService(serviceName(path.ServiceName)), deps, "terminating");
  },
  async StartService({ path }, deps) {
    return accepted(await deps.control.startService(serviceName(path.ServiceName)), deps, "starting");
  },
  async StopService({ path }, deps) {
    return accepted(await deps.control.stopService(serviceName(path.ServiceName)), deps, "stopping");
  },
  async RestartService({ path }, deps) {
    return accepted(await deps.control.restartService(serviceName(path.ServiceName)), deps, "restarting");
  },
  async ScaleService({ path, body }, deps) {
    const first = (body.InstancesToDelete ?? []) as InstanceId[];
    const record = await deps.control.scaleService(serviceName(path.ServiceName), body.Instance, first);
    return accepted(record, deps, "scaling");
  },
  async ReleaseService({ path, body }, deps) {
    const { TrafficState: state, Weight: weight } = body;
    const name = serviceName(path.ServiceName);
    if ((state === undefined) === (weight === undefined)) {
      const found = state === undefined ? "neither" : "both";
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [{ path: "$", found, allowed: "either TrafficState or Weight" }],
      });
    }
    const record = await deps.control.releaseService(
      name,
      state === undefined ? { kind: "weight", weight: weight! } : { kind: "state", trafficState: state },
    );
    return accepted(
      record,
      deps,
      state === undefined ? `weighted to ${weight} now` : `in traffic state ${state} now`,
    );
  },
  async UpdateServiceVersion({ path, body }, deps) {
    const record = await deps.control.switchVersion(serviceName(path.ServiceName), body.Version);
    return accepted(record, deps, `switching to version ${body.Version}`);
  },
  async DeleteServiceInstances({ path, query }, deps) {
    const names = query.InstanceList.split(",")
      .map((name) => name.trim())
      .filter((name) => name !== "");
    if (names.length === 0) {
      throw new ServingError("INVALID_ARGUMENT", {
        problems: [{ path: "?InstanceList", found: "no name", allowed: "instance names, parted by commas" }],
      });
    }
    if (query.SoftRestart) {
      checkContainer(query.Container, "?Container");
      const name = serviceName(path.ServiceName);
      const restarted = await deps.control.softRestart(name, names as InstanceId[]);
      return accepted(restarted, deps, `restarting the processor of instance(s) ${names.join(", ")}`);
    }
    const record = await deps.control.deleteInstances(serviceName(path.ServiceName), names as InstanceId[]);
    const idle = query.Container === undefined ? {} : { NotEffective: ["?Container"] };
    return { ...accepted(record, deps, `replacing instance(s) ${names.join(", ")}`), ...idle };
  },
};

function created({ record, notEffective }: Accepted, deps: ServerDeps) {
  const address = serviceAddress(record, deps);
  return {
    ...named(says(record, deps, "creating"), notEffective),
    Generation: record.generation,
    ServiceName: record.name,
    ServiceId: record.id,
    Region: deps.region,
    Status: "Creating",
    InternetEndpoint: address,
    IntranetEndpoint: address,
  };
}

const additionsOf = (query: Input<"CreateService">["query"]): Additions => ({
  ...(query.Labels === undefined ? {} : { labels: query.Labels }),
  ...(query.WorkspaceId === undefined ? {} : { workspaceId: query.WorkspaceId }),
});
