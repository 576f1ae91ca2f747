/**
 * What a new route table costs a gateway worker that serves 2,000 services with 20,000 instances: a whole table, as it gets at its
 * start, and changes of one, ten and all services. Everything that stops requests meanwhile is in the figure: parse, check, apply. CPU
 * time of the thread is beside it: the pause on a machine with a core to spare, whoever else is there; it is counted in ticks, so as a mean.
 * What requests see of it: `node bench/gateway/run.ts --suite=table`.
 */
import { routeChange } from "../../src/core/traffic/route-change.ts";
import type { RouteTable } from "../../src/core/traffic/route-table.ts";
import { Routing } from "../../src/gateway/routing.ts";
import { checkChange, checkTable } from "../../src/gateway/table-check.ts";
import { nextTable, SERVICES, withBigTable } from "../harness/big-table.ts";
import { median } from "../harness/statistics.ts";

const ROUNDS = 20;

/** Wall time and CPU time of taking in a table, over rounds. */
class Timing {
  readonly #ms: number[] = [];
  #cpuUs = 0;

  take(work: () => void): void {
    const [begin, before] = [performance.now(), process.threadCpuUsage()];
    work();
    this.#ms.push(performance.now() - begin);
    const { user, system } = process.threadCpuUsage(before);
    this.#cpuUs += user + system;
  }

  show(what: string, bytes: number): void {
    const [middle, worst] = [median(this.#ms), Math.max(...this.#ms)].map((ms) => ms!.toFixed(2));
    const cpu = (this.#cpuUs / 1000 / this.#ms.length).toFixed(2);
    const size = String(bytes).padStart(9);
    console.log(`${what.padEnd(28)} ${size} bytes   CPU ${cpu} ms   p50 ${middle} ms   worst ${worst} ms`);
  }
}

const routing = new Routing(() => 0.5);
let table: RouteTable = withBigTable({ number: 1, services: [], groups: [] });

function whole(): void {
  const timing = new Timing();
  const line = Buffer.from(JSON.stringify(table));
  for (let i = 0; i < ROUNDS; i++) {
    timing.take(() => {
      const checked = checkTable(JSON.parse(line.toString("utf8")), 0);
      if (typeof checked === "string") throw new Error(checked);
      new Routing(() => 0.5).apply(checked);
    });
  }
  timing.show("a whole table, at the start", line.length);
}

function changes(count: number): void {
  const timing = new Timing();
  let bytes = 0;
  for (let i = 0; i < ROUNDS; i++) {
    const next = nextTable(table, count);
    const line = Buffer.from(JSON.stringify(routeChange(table, next)));
    bytes = line.length;
    timing.take(() => {
      const checked = checkChange(JSON.parse(line.toString("utf8")), routing);
      if (typeof checked === "string") throw new Error(checked);
      routing.change(checked);
    });
    // As a worker does with each second's report; else the instances of all rounds would stay.
    for (const service of routing.services) service.forgetLeft();
    table = next;
  }
  timing.show(`${count} of ${SERVICES} services change`, bytes);
}

whole();
routing.apply(table);
for (const count of [1, 10, 100, SERVICES]) changes(count);
