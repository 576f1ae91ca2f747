/**
 * What a new route table costs a gateway worker that serves 2,000 services with 20,000 instances: a whole table, as it gets at its
 * start, and changes of one, ten and all services. Everything that stops requests meanwhile is in the figure: parse, check, apply.
 */
import type { GroupName, InstanceId, ServiceName } from "../../src/core/names.ts";
import { routeChange } from "../../src/core/traffic/route-change.ts";
import type { GroupRoute, RouteTable, ServiceRoute } from "../../src/core/traffic/route-table.ts";
import { Routing } from "../../src/gateway/routing.ts";
import { checkChange, checkTable } from "../../src/gateway/table-check.ts";

const SERVICES = 2000;
const INSTANCES_EACH = 10;
const ROUNDS = 30;
const TOKEN = "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZWZnaGlqa2xtbm9w";

function service(i: number, version: number): ServiceRoute {
  const name = `service_${i}` as ServiceName;
  const instances = Array.from({ length: INSTANCES_EACH }, (_, k) => {
    const id = `${name}-v${version}-${k}` as InstanceId;
    return {
      id,
      address: { kind: "unix", path: `/home/user/.sluice/run/instances/${id}/data.sock` } as const,
    };
  });
  const group = i % 2 === 0 ? null : (`group_${i >> 1}` as GroupName);
  return { name, group, tokens: [TOKEN], instances, isBodyChecked: true, keepaliveMs: 5000 };
}

const groups: GroupRoute[] = Array.from({ length: SERVICES / 2 }, (_, i) => ({
  name: `group_${i}` as GroupName,
  tokens: [TOKEN],
  members: [{ service: `service_${2 * i + 1}` as ServiceName, weight: 1 }],
}));

function show(what: string, bytes: number, ms: number[]): void {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))]!.toFixed(2);
  console.log(
    `${what.padEnd(28)} ${String(bytes).padStart(9)} bytes   p50 ${at(0.5)} ms   worst ${at(1)} ms`,
  );
}

const routing = new Routing(() => 0.5);
let table: RouteTable = {
  number: 1,
  services: Array.from({ length: SERVICES }, (_, i) => service(i, 0)),
  groups,
};

function whole(): void {
  const times: number[] = [];
  const line = Buffer.from(JSON.stringify(table));
  for (let i = 0; i < ROUNDS; i++) {
    const fresh = new Routing(() => 0.5);
    const begin = performance.now();
    const checked = checkTable(JSON.parse(line.toString("utf8")), 0);
    if (typeof checked === "string") throw new Error(checked);
    fresh.apply(checked);
    times.push(performance.now() - begin);
  }
  show("a whole table, at the start", line.length, times);
}

function changes(count: number): void {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const number = table.number + 1;
    const services = table.services.map((s, k) =>
      (k + i) % (SERVICES / count) < 1 ? service(k, number) : s,
    );
    const next = { ...table, number, services };
    const line = Buffer.from(JSON.stringify(routeChange(table, next)));
    bytes = line.length;
    const begin = performance.now();
    const checked = checkChange(JSON.parse(line.toString("utf8")), routing);
    if (typeof checked === "string") throw new Error(checked);
    routing.change(checked);
    times.push(performance.now() - begin);
    table = next;
  }
  show(`${count} of ${SERVICES} services change`, bytes, times);
}

whole();
routing.apply(table);
for (const count of [1, 10, 100, SERVICES]) changes(count);
