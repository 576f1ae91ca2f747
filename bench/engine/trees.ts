/**
 * Engine and Python worker of several checkouts in turns, to see what a change costs each small request.
 * `node bench/engine/trees.ts [--rounds=30] [--seconds=1] <folder of a checkout>...`; each needs its node_modules. Needs wrk and python3.
 */
import { join, resolve } from "node:path";
import type { EngineInstance } from "../../src/testing/engine-instance.ts";
import { numberOption } from "../harness/options.ts";
import { cpuUs } from "../harness/process-cost.ts";
import { median } from "../harness/statistics.ts";
import { load } from "./load.ts";

const CONNECTIONS = 32;
const rounds = numberOption("rounds", 30);
const seconds = numberOption("seconds", 1);
const trees = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));

/** CPU µs a request, one value a round. */
interface Side {
  readonly tree: string;
  readonly instance: EngineInstance;
  readonly url: string;
  readonly engine: number[];
  readonly worker: number[];
}

function measure({ instance, url, engine, worker }: Side): void {
  const spent = () => [cpuUs([instance.process.pid!]), cpuUs(instance.workerPids)] as const;
  const before = spent();
  const { requests } = load(url, CONNECTIONS, seconds);
  const after = spent();
  engine.push((after[0] - before[0]) / requests);
  worker.push((after[1] - before[1]) / requests);
}

const lowerQuarter = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 4)]!;

const sides: Side[] = [];
try {
  for (const tree of trees) {
    const path = join(resolve(tree), "src/testing/engine-instance.ts");
    const { EngineInstance: Own } = (await import(path)) as { EngineInstance: typeof EngineInstance };
    const instance = new Own({ source: "def process(data):\n    return b'{\"ok\":true}'\n" });
    sides.push({ tree, instance, url: "", engine: [], worker: [] });
    const { port } = await instance.ready();
    sides.push({ ...sides.pop()!, url: `http://127.0.0.1:${port}/api/predict/svc` });
  }
  for (const { url } of sides) load(url, CONNECTIONS, 2); // warm
  for (let i = 0; i < rounds; i++) for (const side of i % 2 === 0 ? sides : sides.toReversed()) measure(side);
  console.log(
    `${rounds} rounds of ${seconds} s; CPU µs a request: median, lower quarter, median of differences to the first`,
  );
  for (const side of sides) {
    const row = (["engine", "worker"] as const).map((who) => {
      const differences = side[who].map((us, i) => us - sides[0]![who][i]!);
      const [mid, low, more] = [median(side[who]), lowerQuarter(side[who]), median(differences)];
      return `${who} ${mid.toFixed(1)} ${low.toFixed(1)} ${more >= 0 ? "+" : ""}${more.toFixed(2)}`;
    });
    console.log(`${row.join("   ")}   ${side.tree}`);
  }
} finally {
  for (const { instance } of sides) await instance.dispose();
}
