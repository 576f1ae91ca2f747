import type { GroupName, InstanceId, ServiceName } from "../../src/core/names.ts";
import type { Address, GroupRoute, RouteTable, ServiceRoute } from "../../src/core/traffic/route-table.ts";

/** Services and instances of a large installation. */
export const SERVICES = 2000;
export const INSTANCES_EACH = 10;
const TOKEN = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9w";

/** One of its services, with all instances of one version. Every second one is in a group. */
export function bigService(i: number, version: number): ServiceRoute {
  const name = `service_${i}` as ServiceName;
  const instances = Array.from({ length: INSTANCES_EACH }, (_, k) => {
    const id = `${name}-v${version}-${k}` as InstanceId;
    const address: Address = { kind: "unix", path: `/home/user/.sluice/run/instances/${id}/data.sock` };
    return { id, address };
  });
  const group = i % 2 === 0 ? null : (`big_group_${i >> 1}` as GroupName);
  return { name, group, tokens: [TOKEN], instances, isBodyChecked: true, keepaliveMs: 5000 };
}

/** Its groups. */
export const BIG_GROUPS: readonly GroupRoute[] = Array.from({ length: SERVICES / 2 }, (_, i) => ({
  name: `big_group_${i}` as GroupName,
  tokens: [TOKEN],
  members: [{ service: `service_${2 * i + 1}` as ServiceName, weight: 1 }],
}));

/** All services at their first version. */
export const BIG_SERVICES: readonly ServiceRoute[] = Array.from({ length: SERVICES }, (_, i) =>
  bigService(i, 0),
);

/** A large table that has what another one has, too. */
export function withBigTable(table: RouteTable): RouteTable {
  return {
    ...table,
    services: [...table.services, ...BIG_SERVICES],
    groups: [...table.groups, ...BIG_GROUPS],
  };
}

/** The next table: `count` of the services, spread over all, have instances of a new version. */
export function nextTable(table: RouteTable, count: number): RouteTable {
  const number = table.number + 1;
  const every = SERVICES / count;
  const services = table.services.map((service) => {
    const i = /^service_(\d+)$/.exec(service.name)?.[1];
    return i !== undefined && (+i + number) % every < 1 ? bigService(+i, number) : service;
  });
  return { ...table, number, services };
}
