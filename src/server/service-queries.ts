import type { OperationName } from "../api/paths.ts";
import type { ServiceRecord } from "../core/service.ts";
import { serviceEndpoints } from "./group-view.ts";
import { type Handler, serviceIn } from "./handler.ts";
import { eventView, versionView } from "./history-view.ts";
import { instanceView } from "./instance-view.ts";
import { hasLabels, pageOf, sortKey } from "./page.ts";
import { labelsOf, serviceDetail, serviceView, typeOf } from "./service-view.ts";
import { readTime } from "./time.ts";

/** DescribeServiceEvent looks back so far unless told (eas-reference §8.3). */
const EVENT_WINDOW_MS = 7 * 24 * 3600 * 1000;

type Queries = Extract<
  OperationName,
  | "ListServices"
  | "DescribeService"
  | "ListServiceVersions"
  | "ListServiceInstances"
  | "DescribeServiceEvent"
  | "DescribeServiceEndpoints"
>;

/** How ListServices calls what runs on a machine of one's own (eas-reference §8.0). */
const OWN_RESOURCE = "DedicatedResource";

/** A filter that was not given lets everything through. */
const isOrAny = (wanted: unknown, found: unknown) => wanted === undefined || wanted === found;

/** Operations that read services. */
export const SERVICE_QUERIES: { readonly [N in Queries]: Handler<N> } = {
  async ListServices({ query }, deps) {
    const picture = await deps.control.read();
    const matches = (record: ServiceRecord) =>
      record.name.includes(query.Filter ?? "") &&
      isOrAny(query.ServiceName, record.name) &&
      isOrAny(query.ServiceUid, record.id) &&
      isOrAny(query.GroupName, record.group ?? "") &&
      isOrAny(query.ServiceType, typeOf(record)) &&
      (query.ResourceType === undefined || query.ResourceType === OWN_RESOURCE) &&
      hasLabels(labelsOf(record), query.Label);
    const views = [...picture.state.services.values()]
      .filter(matches)
      .map((record) => serviceView(record, picture, deps))
      .filter(
        (view) =>
          isOrAny(query.ServiceStatus, view.Status) &&
          isOrAny(query.TrafficState, view.TrafficState) &&
          isOrAny(query.AutoscalerEnabled, view.AutoscalerEnabled) &&
          isOrAny(query.CronscalerEnabled, view.CronscalerEnabled) &&
          isOrAny(query.QuotaId, view.QuotaId) &&
          isOrAny(query.Gateway, view.Gateway) &&
          isOrAny(query.ResourceId, view.Resource) &&
          isOrAny(query.ResourceName, view.Resource) &&
          isOrAny(query.ResourceAliasName, view.ResourceAlias) &&
          isOrAny(query.ResourceBurstable, view.ResourceBurstable) &&
          isOrAny(query.Role, view.Role) &&
          isOrAny(query.CallerUid, view.CallerUid) &&
          isOrAny(query.ParentServiceUid, view.ParentUid) &&
          (isOrAny(query.WorkspaceId, view.WorkspaceId) ||
            (query.IncludeNoWorkspace === true && view.WorkspaceId === "")),
      );
    const sort = query.Sort ?? "CreateTime";
    const page = pageOf(
      views,
      query,
      (view) => sortKey(serviceIn(picture, view.ServiceName), view, sort),
      (view) => view.ServiceName,
    );
    return { ...page.facts, Services: page.items };
  },
  async DescribeService({ path }, deps) {
    const picture = await deps.control.read();
    return serviceDetail(serviceIn(picture, path.ServiceName), picture, deps);
  },
  async ListServiceVersions({ path, query }, deps) {
    const picture = await deps.control.read();
    const { name } = serviceIn(picture, path.ServiceName);
    const versions = picture.state.versions.get(name) ?? [];
    const runnable = await deps.control.runnableVersions(name);
    const key = (number: number) => String(number).padStart(10, "0");
    const page = pageOf(
      versions,
      { ...query, Order: "desc" },
      (v) => key(v.version),
      () => "",
    );
    return { ...page.facts, Versions: page.items.map((v) => versionView(v, runnable.get(v.version))) };
  },
  async ListServiceInstances({ path, query }, deps) {
    const picture = await deps.control.read();
    const service = serviceIn(picture, path.ServiceName);
    const node = deps.control.node();
    const { Resource, QuotaId } = serviceView(service, picture, deps);
    const isOfService = isOrAny(query.Resource, Resource) && isOrAny(query.QuotaId, QuotaId);
    const views = (picture.statuses.get(service.name)?.instances ?? [])
      .map((instance) => instanceView(instance, service, node))
      .filter(
        (view) =>
          isOfService &&
          view.InstanceName.includes(query.Filter ?? "") &&
          isOrAny(query.InstanceType, view.InstanceType) &&
          isOrAny(query.ResourceType, view.ResourceType) &&
          isOrAny(query.Role, view.Role) &&
          isOrAny(query.IsSpot, view.IsSpot) &&
          isOrAny(query.ReplicaName, view.ReplicaName) &&
          isOrAny(query.InstanceName, view.InstanceName) &&
          isOrAny(query.InstanceStatus, view.Status) &&
          isOrAny(query.InstanceIP, view.InnerIP) &&
          isOrAny(query.HostIP, view.HostIP),
      );
    const sort = query.Sort ?? "InstanceName";
    const page = pageOf(
      views,
      query,
      (view) => view[sort],
      (view) => view.InstanceName,
    );
    return { ...page.facts, Instances: page.items };
  },
  async DescribeServiceEvent({ path, query }, deps) {
    const { name } = serviceIn(await deps.control.read(), path.ServiceName);
    const toMs = query.EndTime === undefined ? deps.clock.now() : readTime(query.EndTime, "?EndTime");
    const fromMs =
      query.StartTime === undefined ? toMs - EVENT_WINDOW_MS : readTime(query.StartTime, "?StartTime");
    const size = query.PageSize ?? 100;
    const number = query.PageNum ?? 1;
    const { events, total } = await deps.control.events({
      service: name,
      fromMs,
      toMs,
      ...(query.EventType === undefined ? {} : { type: query.EventType }),
      ...(query.InstanceName === undefined ? {} : { instance: query.InstanceName }),
      offset: (number - 1) * size,
      limit: size,
    });
    return {
      Events: events.map(eventView),
      PageNum: number,
      TotalCount: total,
      TotalPageNum: Math.ceil(total / size),
    };
  },
  async DescribeServiceEndpoints({ path }, deps) {
    const record = serviceIn(await deps.control.read(), path.ServiceName);
    return { Message: "", AccessToken: record.token, Endpoints: serviceEndpoints(record, deps) };
  },
};
