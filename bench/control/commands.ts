import { setTimeout as delay } from "node:timers/promises";
import { type Call, type Cost, costOf } from "./calls.ts";
import type { Publication } from "./control-messages.ts";
import { costRow, type Found, profiled, type Stand } from "./stand.ts";
import { documentOf, groupNames, instanceCounts, serviceName } from "./world.ts";

const STORM = 100;
const CHANGES = 40;
const SETTLED_MS = 60_000;

/** Commands, each durable when it is answered; what is created is deleted again. */
export async function commands(stand: Stand): Promise<Found> {
  const { client, child, size } = stand;
  const groups = groupNames(size.services);
  const count = Math.min(stand.calls, size.services);
  const counts = instanceCounts(size);
  const half = count >> 1;
  const stamp = Date.now();
  const index = (i: number) => (i * 37) % size.services;
  const of = (i: number) => serviceName(index(i));
  const path = (name: string, more = "") => `/api/v2/services/local/${name}${more}`;
  const creating = (name: string): Call => ({
    method: "POST",
    path: "/api/v2/services",
    body: { ...documentOf(0, { count: 2, group: null, version: 1 }), name },
  });
  const extra = (i: number) => `extra_${i}`;
  const storm = (i: number) => `storm_${i}`;
  const deleting = (name: string): Call => ({ method: "DELETE", path: path(name) });
  const costs: Cost[] = [];
  const measure = async (name: string, clients: number, calls: number, call: (i: number) => Call) => {
    const slug = `command-${name.replaceAll(/\W+/g, "-")}-${clients}`;
    await profiled(stand, slug, async () => {
      costs.push(await client.measure(name, { clients, count: calls, pid: child.pid, call }));
      await settled(stand);
    });
  };
  await measure("CreateService", 1, count, (i) => creating(extra(i)));
  await measure("DeleteService", 1, count, (i) => deleting(extra(i)));
  await measure("CreateService", 8, count, (i) => creating(extra(count + i)));
  await measure("DeleteService", 8, count, (i) => deleting(extra(count + i)));
  await measure("UpdateService, in place", 1, count, (i) => ({
    method: "PUT",
    path: path(of(i)),
    body: { labels: { touched: `${stamp}_${i}` } },
  }));
  // One more, and back again.
  await measure("ScaleService", 1, 2 * half, (i) => ({
    method: "PUT",
    path: path(of(i % half), "/scale"),
    body: { Instance: counts[index(i % half)]! + (i < half ? 1 : 0) },
  }));
  const grouped = Array.from({ length: size.services }, (_, i) => i).filter((i) => groups[i] !== null);
  await measure("ReleaseService", 1, 2 * half, (i) => ({
    method: "PUT",
    path: path(serviceName(grouped[((i % half) * 37) % grouped.length]!), "/release"),
    body: { TrafficState: i < half ? "standalone" : "grouping" },
  }));
  costs.push(...(await createStorm(stand, creating, storm)));
  await client.measure("", { clients: 8, count: STORM, pid: child.pid, call: (i) => deleting(storm(i)) });
  await settled(stand);

  const one = await publications(stand, (i) => ({ method: "POST", path: path(of(i), "/tokens") }));
  const worstCreate = Math.max(...costs.filter((c) => c.name === "CreateService").map((c) => c.p99Ms));
  const shown = costOf("commit → in force at every gateway", 1, one);
  return {
    tables: [
      { title: "Commands", rows: costs.map(costRow) },
      {
        title: "One service changes: from its commit to the acknowledgement of the last gateway",
        rows: [costRow(shown)],
      },
    ],
    bars: [
      { bar: "create p99 < 100 ms", value: worstCreate, most: 100, digits: 1 },
      { bar: "route table publish < 100 ms", value: shown.p99Ms, most: 100, digits: 1 },
    ],
    raw: { costs, publications: one },
  };
}

/** A hundred creates at once: their answers, and until each is served. */
async function createStorm(
  stand: Stand,
  creating: (name: string) => Call,
  name: (i: number) => string,
): Promise<Cost[]> {
  const { client, child } = stand;
  const begin = performance.now();
  const answered = await profiled(stand, "command-storm", async () => {
    const cost = await client.measure(`${STORM} CreateService at once`, {
      clients: STORM,
      count: STORM,
      pid: child.pid,
      call: (i) => creating(name(i)),
    });
    await settled(stand);
    return cost;
  });
  const all = {
    ...costOf(`${STORM} CreateService at once, until all run`, STORM, [performance.now() - begin]),
  };
  return [answered, all];
}

/** Waits until every service runs and every gateway has the newest table. */
async function settled({ child, size }: Stand): Promise<void> {
  await child.until(
    "all services run",
    (s) =>
      s.runningServices >= size.services &&
      s.runningServices === s.services &&
      s.tables.every((t) => t === s.newestTable),
    SETTLED_MS,
  );
}

/** Times from commit to the last acknowledgement, in ms, one change after the other. */
async function publications(stand: Stand, change: (i: number) => Call): Promise<number[]> {
  const { client, child } = stand;
  const found: Publication[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await child.ask({ type: "publications" }, "publications");
    await client.send(change(i));
    for (let all: readonly Publication[] = []; all.length === 0; ) {
      await delay(20);
      all = (await child.ask({ type: "publications" }, "publications")).all;
      found.push(...all.slice(0, 1));
    }
  }
  return found.map((p) => p.ackedAtMs - p.committedAtMs);
}
