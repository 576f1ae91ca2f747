/**
 * What a new route table costs a gateway worker that serves 2,000 services with 20,000 instances: a whole table, as it gets at its
 * start, and changes of one, ten and all services. Everything that stops requests meanwhile is in the figure: parse, check, apply. It
 * is CPU time of the thread: that is the pause on a machine with a core to spare, and does not depend on who else is there.
 * What requests see of it: `node bench/gateway/run.ts --suite=table`.
 */
import { routeChange } from "../../src/core/traffic/route-change.ts";
import type { RouteTable } from "../../src/core/traffic/route-table.ts";
import { Routing } from "../../src/gateway/routing.ts";
import { checkChange, checkTable } from "../../src/gateway/table-check.ts";
import { nextTable, SERVICES, withBigTable } from "../harness/big-table.ts";
import { median } from "../harness/statistics.ts";

const ROUNDS = 30;

/** CPU time of this thread so far, in ms. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function show(what: string, bytes: number, ms: number[]): void {
  const [middle, worst] = [median(ms), Math.max(...ms)].map((value) => value!.toFixed(2));
  console.log(`${what.padEnd(28)} ${String(bytes).padStart(9)} bytes   p50 ${middle} CPU ms   worst ${worst} ms`);
}

const routing = new Routing(() => 0.5);
let table: RouteTable = withBigTable({ number: 1, services: [], groups: [] });

function whole(): void {
  const times: number[] = [];
  const line = Buffer.from(JSON.stringify(table));
  for (let i = 0; i < ROUNDS; i++) {
    const fresh = new Routing(() => 0.5);
    const begin = cpuMs();
    const checked = checkTable(JSON.parse(line.toString("utf8")), 0);
    if (typeof checked === "string") throw new Error(checked);
    fresh.apply(checked);
    times.push(cpuMs() - begin);
  }
  show("a whole table, at the start", line.length, times);
}

function changes(count: number): void {
  const times: number[] = [];
  let bytes = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const next = nextTable(table, count);
    const line = Buffer.from(JSON.stringify(routeChange(table, next)));
    bytes = line.length;
    const begin = cpuMs();
    const checked = checkChange(JSON.parse(line.toString("utf8")), routing);
    if (typeof checked === "string") throw new Error(checked);
    routing.change(checked);
    times.push(cpuMs() - begin);
    table = next;
  }
  show(`${count} of ${SERVICES} services change`, bytes, times);
}

whole();
routing.apply(table);
for (const count of [1, 10, 100, SERVICES]) changes(count);
