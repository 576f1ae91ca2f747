import type { GroupName, InstanceId, ServiceName } from "../../src/core/names.ts";
import type { Affinity } from "../../src/core/traffic/affinity.ts";
import type { GatewayPolicy } from "../../src/core/traffic/policy.ts";
import type { Address, GroupRoute, RouteTable, ServiceRoute } from "../../src/core/traffic/route-table.ts";
import { TOKEN } from "./side.ts";

/** What the table of a gateway under load has switched on. */
export interface TableOptions {
  readonly number: number;
  readonly upstream: Address;
  /** Gateway workers on the same port; 1 unless told. */
  readonly workers?: number;
  /** Limits of every kind, far above the load; none unless told. */
  readonly hasLimits?: boolean;
  readonly sticky?: Affinity;
  /** Both members copy everything to it. */
  readonly mirrorTo?: Address;
  /** A part of the instances' names, so that tables can differ; 1 unless told. */
  readonly version?: number;
  /** Of the two members; 4 and 1 unless told. */
  readonly weights?: readonly [number, number];
}

/** Every limit of a service that there is, each far above what the load asks for. */
const LIMITS: GatewayPolicy = {
  rate: { limit: 1_000_000, isEvaluated: false },
  concurrency: { limit: 50_000, isEvaluated: false },
  request: { bodyBytesMax: 2 ** 30, headBytesMax: 16_384, idleMs: 60_000, totalMs: 600_000 },
  balancing: null,
};

/** 200 more groups, so that the way through the table is not that of a toy. */
const OTHERS: readonly GroupRoute[] = Array.from({ length: 200 }, (_, i) => ({
  name: `group_${i}` as GroupName,
  tokens: [`t${i}`],
  members: [],
}));

/** A table with the group that every side serves: `prod` with 80 and `grey` with 20 percent, one instance each. */
export function jobTable(options: TableOptions): RouteTable {
  const { number, upstream, workers = 1, hasLimits = false, mirrorTo, weights = [4, 1] } = options;
  const service = (name: string, address: Address, group: string | null): ServiceRoute => ({
    name: name as ServiceName,
    group: group as GroupName | null,
    tokens: ["bWVtYmVy"],
    keepaliveMs: 600_000,
    isBodyChecked: true,
    instances: [{ id: `${name}-v${options.version ?? 1}-0` as InstanceId, address }],
  });
  const member = (name: string): ServiceRoute => ({
    ...service(name, upstream, "pmml"),
    ...(hasLimits && { policy: LIMITS }),
    ...(mirrorTo && { mirror: { ratio: 100, targets: ["copy" as ServiceName], compare: null } }),
  });
  const group: GroupRoute = {
    name: "pmml" as GroupName,
    tokens: [TOKEN],
    members: [
      { service: "grey" as ServiceName, weight: weights[1] },
      { service: "prod" as ServiceName, weight: weights[0] },
    ],
    ...(options.sticky && { sticky: options.sticky }),
  };
  const services = [member("grey"), member("prod")];
  if (mirrorTo) services.push(service("copy", mirrorTo, null));
  return { number, services, groups: [group, ...OTHERS], workerCount: workers };
}
