/**
 * What a new route table costs a gateway worker that serves 2,000 services with 20,000 instances: a whole table, as it gets at its
 * start and after a restart of the control process, and changes of one, ten, a hundred and all services. First all of it in one go: parse, check, apply;
 * CPU time of the thread is beside it, counted in ticks, so as a mean. Then as a worker takes it in, by slices: the turns of the loop that it
 * takes, how long they stop requests, and how long it is until the table is in force with nothing else to do.
 * What requests see of it: `node bench/gateway/run.ts --suite=table`.
 */
import type { GatewayCommand } from "../../src/core/gateway-report.ts";
import { changeCommands, tableCommands } from "../../src/core/table-commands.ts";
import { routeChange } from "../../src/core/traffic/route-change.ts";
import type { RouteTable } from "../../src/core/traffic/route-table.ts";
import { TABLE_SLICE_MS } from "../../src/gateway/limits.ts";
import { Routing } from "../../src/gateway/routing.ts";
import { finish } from "../../src/gateway/slices.ts";
import { checkChange, checkTable } from "../../src/gateway/table-check.ts";
import { TableIntake } from "../../src/gateway/table-intake.ts";
import { takingSamples } from "../../src/gateway/traffic-report.ts";
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
      finish(new Routing(() => 0.5).applying(checked));
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
      finish(routing.changing(checked));
    });
    // As a worker does with each second's report; else the instances of all rounds would stay.
    finish(takingSamples(routing.services));
    table = next;
  }
  timing.show(`${count} of ${SERVICES} services change`, bytes);
}

/** Takes tables in as a worker does, and looks at each turn of the loop. */
class Turns {
  readonly #ms: number[] = [];
  readonly #totalMs: number[] = [];
  readonly #routing: Routing;
  readonly #intake: TableIntake;
  #isReady = false;

  constructor() {
    this.#routing = new Routing(() => 0.5);
    const host = {
      clock: { monotonic: () => performance.now() },
      routing: this.#routing,
      acknowledge: () => {},
      refuse: (_: number, reason: string) => {
        throw new Error(reason);
      },
      ready: () => {
        this.#isReady = true;
      },
    };
    this.#intake = new TableIntake(host, { *applying() {} });
  }

  async take(commands: readonly GatewayCommand[]): Promise<void> {
    const lines = commands.map((command) => Buffer.from(JSON.stringify(command)));
    const begin = performance.now();
    this.#isReady = false;
    let next = 0;
    while (!this.#isReady) {
      const before = performance.now();
      // As control-socket.ts hands lines on.
      while (next < lines.length && !this.#intake.isBusy && performance.now() - before < TABLE_SLICE_MS) {
        const line = lines[next++]!;
        this.#intake.take(JSON.parse(line.toString("utf8")), this, line.length);
      }
      const handedMs = performance.now() - before;
      const at = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      this.#ms.push(handedMs + performance.now() - at);
    }
    this.#totalMs.push(performance.now() - begin);
    finish(takingSamples(this.#routing.services));
  }

  reset(): void {
    this.#ms.length = 0;
    this.#totalMs.length = 0;
  }

  show(what: string): void {
    const sorted = this.#ms.toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!.toFixed(2);
    const turns = String(Math.round(sorted.length / this.#totalMs.length)).padStart(5);
    const shares = `p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   p99.9 ${at(0.999)} ms   worst ${at(1)} ms`;
    console.log(
      `${what.padEnd(28)} ${turns} turns   ${shares}   in force after ${median(this.#totalMs)!.toFixed(1)} ms`,
    );
  }
}

async function slices(count: number): Promise<void> {
  const turns = new Turns();
  let current: RouteTable = { ...table, number: 1 };
  await turns.take(tableCommands(current));
  const shown = count === 0 ? "a whole table" : `${count} of ${SERVICES} services change`;
  turns.reset();
  for (let i = 0; i < ROUNDS; i++) {
    const next = nextTable(current, Math.max(1, count));
    await turns.take(count === 0 ? tableCommands(next) : changeCommands(routeChange(current, next)));
    current = next;
  }
  turns.show(shown);
}

console.log("in one go");
whole();
routing.apply(table);
for (const count of [1, 10, 100, SERVICES]) changes(count);
console.log("in slices");
for (const count of [0, 1, 10, 100, SERVICES]) await slices(count);
