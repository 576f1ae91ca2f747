import { strict as assert } from "node:assert";
import type { Call, Cost } from "./calls.ts";
import { costRow, type Found, profiled, type Stand } from "./stand.ts";
import { serviceName } from "./world.ts";

const PAGE = 100;

/** Reads of the API, by one client and by eight, while services are looked at as ever and instances tell something new. */
export async function queries(stand: Stand): Promise<Found> {
  const { client, child, size } = stand;
  await child.ask({ type: "touch", perSecond: size.instances / 100 }, "done");
  const pages = Math.ceil(size.services / PAGE);
  const list = (query: string): Call => ({
    method: "GET",
    path: `/api/v2/services?PageSize=${PAGE}${query}`,
  });
  const service = (i: number) => `/api/v2/services/local/${serviceName((i * 37) % size.services)}`;
  const kinds: Record<string, (i: number) => Call> = {
    "ListServices, a page": () => list(""),
    "ListServices, page by page": (i) => list(`&PageNumber=${1 + (i % pages)}`),
    "ListServices by status and name": () => list("&ServiceStatus=Running&Sort=ServiceName&Order=desc"),
    "ListServices by label": () => list(`&Label=${encodeURIComponent('{"team":"team_7"}')}`),
    "ListServices by part of a name": () => list("&Filter=model_0001&Sort=UpdateTime"),
    DescribeService: (i) => ({ method: "GET", path: service(i) }),
    ListServiceInstances: (i) => ({ method: "GET", path: `${service(i)}/instances` }),
    "ListGroups, a page": () => ({ method: "GET", path: `/api/v2/groups?PageSize=${PAGE}` }),
    "GET /metrics": () => ({ method: "GET", path: "/metrics" }),
  };
  const { TotalCount, Services } = await client.json<{ TotalCount: number; Services: unknown[] }>(list(""));
  assert.equal(TotalCount, size.services);
  assert.equal(Services.length, Math.min(PAGE, size.services));
  const costs: Cost[] = [];
  await child.ask({ type: "delays" }, "delays");
  for (const [name, call] of Object.entries(kinds)) {
    for (const clients of [1, 8]) {
      const count = name === "GET /metrics" ? Math.ceil(stand.calls / 10) : stand.calls;
      const slug = `query-${name.replaceAll(/\W+/g, "-")}-${clients}`;
      costs.push(
        await profiled(stand, slug, () => client.measure(name, { clients, count, pid: child.pid, call })),
      );
    }
  }
  const delays = await child.ask({ type: "delays" }, "delays");
  await child.ask({ type: "touch", perSecond: 0 }, "done");
  const worst = (clients: number) =>
    Math.max(
      ...costs.filter((c) => c.name.startsWith("ListServices") && c.clients === clients).map((c) => c.p99Ms),
    );
  return {
    tables: [{ title: "Reads", rows: costs.map(costRow) }],
    bars: [
      { bar: "list p99 < 50 ms, one client", value: worst(1), most: 50, digits: 1 },
      { bar: "list p99 < 50 ms, eight clients", value: worst(8), most: 50, digits: 1 },
    ],
    raw: { costs, delays },
  };
}
