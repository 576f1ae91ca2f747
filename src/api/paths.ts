/**
 * Method and path of every operation of the control API (eas-reference §8.2, and our own under `internal`). They stand
 * apart from the schemas in operations.ts so that the client, and with it the CLI, starts without loading a schema
 * library: that alone takes 65 ms.
 */
export const PATHS = {
  CreateService: { method: "POST", path: "/api/v2/services" },
  ListServices: { method: "GET", path: "/api/v2/services" },
  DescribeService: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}" },
  UpdateService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}" },
  DeleteService: { method: "DELETE", path: "/api/v2/services/{ClusterId}/{ServiceName}" },
  CloneService: { method: "POST", path: "/api/v2/services/{ClusterId}/{ServiceName}/clone" },
  StartService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/start" },
  StopService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/stop" },
  RestartService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/restart" },
  ScaleService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/scale" },
  ReleaseService: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/release" },
  CreateServiceMirror: { method: "POST", path: "/api/v2/services/{ClusterId}/{ServiceName}/mirror" },
  UpdateServiceMirror: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/mirror" },
  DescribeServiceMirror: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/mirror" },
  DeleteServiceMirror: { method: "DELETE", path: "/api/v2/services/{ClusterId}/{ServiceName}/mirror" },
  ListServiceMirrorDifferences: {
    method: "GET",
    path: "/api/v2/services/{ClusterId}/{ServiceName}/mirror/differences",
  },
  CreateServiceRollout: { method: "POST", path: "/api/v2/services/{ClusterId}/{ServiceName}/rollout" },
  UpdateServiceRollout: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/rollout" },
  DescribeServiceRollout: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/rollout" },
  DeleteServiceRollout: { method: "DELETE", path: "/api/v2/services/{ClusterId}/{ServiceName}/rollout" },
  ListServiceVersions: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/versions" },
  UpdateServiceVersion: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/version" },
  ListServiceInstances: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/instances" },
  DeleteServiceInstances: { method: "DELETE", path: "/api/v2/services/{ClusterId}/{ServiceName}/instances" },
  UpdateServiceInstance: {
    method: "PUT",
    path: "/api/v2/services/{ClusterId}/{ServiceName}/instances/{InstanceName}",
  },
  ListServiceContainers: {
    method: "GET",
    path: "/api/v2/services/{ClusterId}/{ServiceName}/instances/{InstanceName}/containers",
  },
  UpdateServiceLabel: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/label" },
  DeleteServiceLabel: { method: "DELETE", path: "/api/v2/services/{ClusterId}/{ServiceName}/label" },
  UpdateServiceSafetyLock: { method: "PUT", path: "/api/v2/services/{ClusterId}/{ServiceName}/lock" },
  DescribeServiceDiagnosis: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/diagnosis" },
  DescribeServiceInstanceDiagnosis: {
    method: "GET",
    path: "/api/v2/services/{ClusterId}/{ServiceName}/instances/{InstanceName}/diagnosis",
  },
  DescribeServiceLog: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/logs" },
  DescribeServiceEvent: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/events" },
  DescribeServiceEndpoints: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/endpoints" },
  ListServiceTokens: { method: "GET", path: "/api/v2/services/{ClusterId}/{ServiceName}/tokens" },
  CreateServiceToken: { method: "POST", path: "/api/v2/services/{ClusterId}/{ServiceName}/tokens" },
  DeleteServiceToken: {
    method: "DELETE",
    path: "/api/v2/services/{ClusterId}/{ServiceName}/tokens/{TokenNumber}",
  },
  ListGroups: { method: "GET", path: "/api/v2/groups" },
  CreateGroup: { method: "POST", path: "/api/v2/groups" },
  DescribeGroup: { method: "GET", path: "/api/v2/groups/{ClusterId}/{GroupName}" },
  UpdateGroup: { method: "PUT", path: "/api/v2/groups/{ClusterId}/{GroupName}" },
  DeleteGroup: { method: "DELETE", path: "/api/v2/groups/{ClusterId}/{GroupName}" },
  DescribeGroupEndpoints: { method: "GET", path: "/api/v2/groups/{ClusterId}/{GroupName}/endpoints" },
  ListGroupTokens: { method: "GET", path: "/api/v2/groups/{ClusterId}/{GroupName}/tokens" },
  CreateGroupToken: { method: "POST", path: "/api/v2/groups/{ClusterId}/{GroupName}/tokens" },
  DeleteGroupToken: {
    method: "DELETE",
    path: "/api/v2/groups/{ClusterId}/{GroupName}/tokens/{TokenNumber}",
  },
  DescribeMachineSpec: { method: "GET", path: "/api/v2/public/instance_types" },
  DescribeRegions: { method: "GET", path: "/api/v2/regions" },
  CreateAccessKey: { method: "POST", path: "/api/v2/access-keys" },
  ListAccessKeys: { method: "GET", path: "/api/v2/access-keys" },
  RotateAccessKey: { method: "PUT", path: "/api/v2/access-keys/{AccessKeyId}/rotate" },
  DeleteAccessKey: { method: "DELETE", path: "/api/v2/access-keys/{AccessKeyId}" },
  ListAuditEntries: { method: "GET", path: "/api/v2/audit" },
  ListLoops: { method: "GET", path: "/api/v2/internal/loops" },
  DescribeTraffic: { method: "GET", path: "/api/v2/internal/traffic" },
  ListGatewayWorkers: { method: "GET", path: "/api/v2/internal/gateways" },
  RestartGatewayWorkers: { method: "PUT", path: "/api/v2/internal/gateways/restart" },
  ListCachedFiles: { method: "GET", path: "/api/v2/internal/cache" },
  DeleteCachedFile: { method: "DELETE", path: "/api/v2/internal/cache/{ContentId}" },
  ListEnvironments: { method: "GET", path: "/api/v2/internal/environments" },
  BuildEnvironment: { method: "POST", path: "/api/v2/internal/environments" },
  DeleteEnvironment: { method: "DELETE", path: "/api/v2/internal/environments/{EnvironmentId}" },
  ValidateService: { method: "POST", path: "/api/v2/internal/validate" },
  MakeBackup: { method: "GET", path: "/api/v2/internal/backup" },
  RestoreBackup: { method: "POST", path: "/api/v2/internal/restore" },
  CheckHealth: { method: "GET", path: "/healthz" },
  CheckReadiness: { method: "GET", path: "/readyz" },
  DescribeOpenApi: { method: "GET", path: "/openapi.json" },
  DescribeServiceSchema: { method: "GET", path: "/service.schema.json" },
} as const satisfies Record<
  string,
  { readonly method: "GET" | "POST" | "PUT" | "DELETE"; readonly path: string }
>;

export type OperationName = keyof typeof PATHS;

/** The names in braces of one path. */
type KeysOf<Path extends string> = Path extends `${string}{${infer Key}}${infer Rest}`
  ? Key | KeysOf<Rest>
  : never;

/** What has to be put into the path of one operation. */
export type PathOf<N extends OperationName> = {
  readonly [Key in KeysOf<(typeof PATHS)[N]["path"]>]: string;
};
