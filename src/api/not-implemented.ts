/** An operation of PAI-EAS that this installation does not have: it is refused with 501 and code `NotImplemented`. */
export interface NotImplemented {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** What to use meanwhile: the end of a sentence. */
  readonly instead: string;
}

type Methods = Readonly<Partial<Record<NotImplemented["method"], string>>>;

/** Paths of one area with what is said of all of them. */
interface Area {
  readonly instead: string;
  readonly paths: Readonly<Record<string, Methods>>;
}

const service = "/api/v2/services/{ClusterId}/{ServiceName}";
const instance = `${service}/instances/{InstanceName}`;
const task = "/api/v2/benchmark-tasks/{ClusterId}/{TaskName}";
const resource = "/api/v2/resources/{ClusterId}/{ResourceId}";
const gateway = "/api/v2/gateways/{ClusterId}/{GatewayId}";
const virtual = "/api/v2/virtualresources/{ClusterId}/{VirtualResourceId}";
const config = "/api/v2/configs/{ClusterId}/{ConfigType}/{Name}";

const DEVELOP =
  "develop on your own machine: sluice test service.json runs the service in the foreground, and UpdateService makes what came of it the next version";
const FAULTS =
  "isolate, detach or delete an instance (UpdateServiceInstance, DeleteServiceInstances), or end its process, to see what clients notice";
const MACHINE =
  "all instances run on this machine, which DescribeMachineSpec describes; metadata.cpu and metadata.memory share it out";

/**
 * The operations of eas-reference §8.2 that are refused, area by area: path, then method, then name. Whatever is in this table is told
 * before anything of the request but its key is looked at, and never answered as if it had been done.
 */
const AREAS: readonly Area[] = [
  {
    instead:
      "set the number of instances with ScaleService, by hand or from a program of yours that watches /metrics",
    paths: {
      [`${service}/autoscaler`]: {
        GET: "DescribeServiceAutoScaler",
        POST: "CreateServiceAutoScaler",
        PUT: "UpdateServiceAutoScaler",
        DELETE: "DeleteServiceAutoScaler",
      },
    },
  },
  {
    instead: "call ScaleService, or sluice scale, at those times from cron",
    paths: {
      [`${service}/cronscaler`]: {
        GET: "DescribeServiceCronScaler",
        POST: "CreateServiceCronScaler",
        PUT: "UpdateServiceCronScaler",
        DELETE: "DeleteServiceCronScaler",
      },
    },
  },
  {
    instead: DEVELOP,
    paths: {
      [`${service}/develop`]: { PUT: "DevelopService" },
      [`${service}/commit`]: { PUT: "CommitService" },
    },
  },
  {
    instead:
      "instances run on this machine: DescribeServiceLog and the process id in ListServiceInstances lead to one",
    paths: { [`${instance}/token`]: { GET: "CreateServiceInstanceToken" } },
  },
  {
    instead: "sluice top, sluice desc and the Prometheus metrics at /metrics show what such a page would",
    paths: { [`${service}/signed_url`]: { GET: "DescribeServiceSignedUrl" } },
  },
  {
    instead: FAULTS,
    paths: {
      [`${instance}/faults`]: {
        GET: "ListServiceInstanceFaultInjectionInfo",
        POST: "CreateFaultInjection",
      },
      [`${instance}/faults/{FaultType}`]: { DELETE: "DeleteFaultInjection" },
    },
  },
  {
    instead:
      "send load with a tool of your own, and watch it with sluice top or the Prometheus metrics at /metrics",
    paths: {
      "/api/v2/benchmark-tasks": { GET: "ListBenchmarkTask", POST: "CreateBenchmarkTask" },
      [task]: { GET: "DescribeBenchmarkTask", PUT: "UpdateBenchmarkTask", DELETE: "DeleteBenchmarkTask" },
      [`${task}/report`]: { GET: "DescribeBenchmarkTaskReport" },
      [`${task}/start`]: { PUT: "StartBenchmarkTask" },
      [`${task}/stop`]: { PUT: "StopBenchmarkTask" },
    },
  },
  {
    instead: MACHINE,
    paths: {
      "/api/v2/resources": { GET: "ListResources", POST: "CreateResource" },
      [resource]: { GET: "DescribeResource", PUT: "UpdateResource", DELETE: "DeleteResource" },
      [`${resource}/instance/{InstanceName}/workers`]: { GET: "ListResourceInstanceWorker" },
      [`${resource}/instances`]: {
        GET: "ListResourceInstances",
        POST: "CreateResourceInstances",
        DELETE: "DeleteResourceInstances",
      },
      [`${resource}/instances/migrate`]: { POST: "MigrateResourceInstance" },
      [`${resource}/instances/{InstanceId}`]: { PUT: "UpdateResourceInstance" },
      [`${resource}/label`]: { PUT: "UpdateResourceInstanceLabel", DELETE: "DeleteResourceInstanceLabel" },
      [`${resource}/services`]: { GET: "ListResourceServices" },
      "/api/v2/virtualresources": { GET: "ListVirtualResource", POST: "CreateVirtualResource" },
      [virtual]: {
        GET: "DescribeVirtualResource",
        PUT: "UpdateVirtualResource",
        DELETE: "DeleteVirtualResource",
      },
    },
  },
  {
    instead: "instances reach whatever this machine reaches: its own routes and firewall say what that is",
    paths: {
      [`${resource}/dlink`]: {
        GET: "DescribeResourceDLink",
        PUT: "UpdateResourceDLink",
        DELETE: "DeleteResourceDLink",
      },
    },
  },
  {
    instead:
      "logs are files in the logs folder of the home, for any collector, and DescribeServiceLog reads them",
    paths: {
      [`${resource}/log`]: {
        GET: "DescribeResourceLog",
        POST: "CreateResourceLog",
        DELETE: "DeleteResourceLog",
      },
    },
  },
  {
    instead:
      "this installation has one gateway for all services: its settings say what it does, and sluice gateways ls shows its workers",
    paths: {
      "/api/v2/gateways": { GET: "ListGateway", POST: "CreateGateway" },
      [gateway]: { GET: "DescribeGateway", PUT: "UpdateGateway", DELETE: "DeleteGateway" },
      [`${gateway}/label`]: { PUT: "UpdateGatewayLabel", DELETE: "DeleteGatewayLabel" },
    },
  },
  {
    instead:
      "the setting host says which address the gateway listens on, and the machine's firewall who reaches it",
    paths: {
      [`${gateway}/acl_policy`]: { GET: "ListAclPolicy", POST: "CreateAclPolicy", DELETE: "DeleteAclPolicy" },
      [`${gateway}/intranet_endpoint_linked_vpc`]: {
        GET: "ListGatewayIntranetLinkedVpc",
        POST: "CreateGatewayIntranetLinkedVpc",
        DELETE: "DeleteGatewayIntranetLinkedVpc",
      },
      [`${gateway}/intranet_endpoint_linked_vpc_peer`]: {
        GET: "ListGatewayIntranetLinkedVpcPeer",
        POST: "CreateGatewayIntranetLinkedVpcPeer",
        DELETE: "DeleteGatewayIntranetLinkedVpcPeer",
      },
      [`${gateway}/intranet_supported_zone`]: { GET: "ListGatewayIntranetSupportedZone" },
    },
  },
  {
    instead:
      "point the domain's name at this machine, and give the gateway its certificate (docs/guide/tls.md)",
    paths: {
      [`${gateway}/domain/attach`]: { PUT: "AttachGatewayDomain" },
      [`${gateway}/domain/detach`]: { PUT: "DetachGatewayDomain" },
      [`${gateway}/domains`]: { GET: "ListGatewayDomains" },
    },
  },
  {
    instead: "put what changes into model_config of the service.json, and update the service",
    paths: {
      [config]: { GET: "ListConfigs" },
      [`${config}/{ConfigKey}`]: { POST: "CreateConfig", PUT: "UpdateConfig", DELETE: "DeleteConfig" },
    },
  },
  {
    instead:
      "write the application as a service.json with containers, and use CreateService and UpdateService",
    paths: {
      "/api/v2/app_services": { POST: "CreateAppService" },
      "/api/v2/app_services/{ClusterId}/{ServiceName}": { PUT: "UpdateAppService" },
    },
  },
  {
    instead:
      "models and packages are named by path or address in the service.json; sluice cache ls shows those kept",
    paths: { "/api/v2/artifacts/{ClusterId}/{ArtifactName}": { GET: "DescribeArtifact" } },
  },
  {
    instead: "there are no add-ons: what this installation can do, it does from the start",
    paths: {
      "/api/v2/tenantaddons": { GET: "ListTenantAddons" },
      "/api/v2/tenantaddons/{ClusterId}/{TenantAddonName}/reinstall": { PUT: "ReinstallTenantAddon" },
    },
  },
  {
    instead: "instances cost nothing here; DescribeMachineSpec says what there is room for",
    paths: { "/api/v2/public/spot_discount": { GET: "DescribeSpotDiscountHistory" } },
  },
];

/** The table by operation, in the order of the reference. */
export const NOT_IMPLEMENTED: Readonly<Record<string, NotImplemented>> = Object.fromEntries(
  AREAS.flatMap(({ instead, paths }) =>
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [
        operation,
        { method: method as NotImplemented["method"], path, instead },
      ]),
    ),
  ),
);
