/**
 * Batching off, with a fixed wait, and adaptive, in turns within one run, on models that gain from it: four layers of a matrix
 * product in numpy, one whose call costs 2 ms however many rows it has (as a call to an accelerator does), and a random forest of scikit-learn and a
 * model of ONNX in their ready-made processors.
 * Options: `--rounds=3 --seconds=2 --threads=1 --models=matrix,forest`. Needs wrk, python3 and, the first time, pip; for the ready-made ones
 * the environments of the tests. Results go to bench/out/batching.json.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { EngineInstance, type InstanceOptions } from "../../src/testing/engine-instance.ts";
import { type Load, load } from "./load.ts";

const out = join(import.meta.dirname, "..", "out");
const option = (name: string, otherwise: number) =>
  Number(process.argv.find((arg) => arg.startsWith(`--${name}=`))?.split("=")[1] ?? otherwise);
const rounds = option("rounds", 3);
const seconds = option("seconds", 2);
const workerThreads = option("threads", 1);
const CONNECTIONS = [1, 8, 64];
const batching = { sizeMax: 16, waitMsMax: 5 };
const names = process.argv
  .find((arg) => arg.startsWith("--models="))
  ?.slice(9)
  .split(",");

const OWN = {
  matrix: `
import numpy
rng = numpy.random.default_rng(1)
layers = [rng.standard_normal((1024, 1024), dtype=numpy.float32) / 32 for _ in range(4)]
def predict(rows):
    x = numpy.frombuffer(b"".join(rows), dtype=numpy.uint8).reshape(len(rows), -1)
    x = numpy.tile(x, (1, 26))[:, :1024].astype(numpy.float32)
    for layer in layers:
        x = numpy.tanh(x @ layer)
    return x.sum(axis=1)
def process(data):
    return str(predict([data])[0])
def process_batch(data):
    return [str(y) for y in predict(data)]
`,
  "2 ms a call": `
import time
def process(data):
    time.sleep(0.002)
    return data
def process_batch(data):
    time.sleep(0.002)
    return data
`,
};
const MODES = {
  off: { rpc: {}, env: {} },
  fixed: { rpc: { batching }, env: { BATCH_RULE: "fixed" } },
  adaptive: { rpc: { batching }, env: {} },
};

function numpyPython(): string {
  const folder = join(out, "numpy-venv");
  const python = join(folder, "bin", "python");
  if (!existsSync(join(folder, "done"))) {
    mkdirSync(out, { recursive: true });
    execFileSync(process.env.SLUICE_PYTHON ?? "python3", ["-m", "venv", folder], { stdio: "inherit" });
    execFileSync(python, ["-m", "pip", "install", "-q", "numpy==2.4.6"], { stdio: "inherit" });
    writeFileSync(join(folder, "done"), "");
  }
  return python;
}

interface Model {
  readonly options: Pick<InstanceOptions, "source" | "processor" | "modelPath" | "memoryMb">;
  readonly python: () => string;
  readonly body?: string;
}

const root = join(import.meta.dirname, "..", "..");

function readyPython(family: string): string {
  const args = ["tools/environments.ts", "python", family];
  return execFileSync(process.execPath, args, { cwd: root, encoding: "utf8" }).trim();
}

const ready = (family: "sklearn" | "onnx", modelPath: string, row: readonly number[]): Model => ({
  options: { processor: { kind: "builtin", code: family, family }, modelPath, memoryMb: 2000 },
  python: () => readyPython(family),
  body: JSON.stringify([row]),
});

/** 100 trees on the digits of scikit-learn, 64 features. */
function forest(): Model {
  const file = join(out, "forest.joblib");
  const train = `
import joblib, sys
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
joblib.dump(RandomForestClassifier(100, random_state=1).fit(*load_digits(return_X_y=True)), sys.argv[1])
`;
  mkdirSync(out, { recursive: true });
  if (!existsSync(file)) execFileSync(readyPython("sklearn"), ["-c", train, file], { stdio: "inherit" });
  const row = Array.from({ length: 64 }, (_, i) => (i * 7) % 17);
  return ready("sklearn", file, row);
}

const MODELS: Readonly<Record<string, () => Model>> = {
  matrix: () => ({ options: { source: OWN.matrix }, python: numpyPython }),
  "2 ms a call": () => ({ options: { source: OWN["2 ms a call"] }, python: numpyPython }),
  forest,
  onnx: () =>
    ready(
      "onnx",
      join(root, "examples/onnx-tabular/model/model.onnx"),
      Array.from({ length: 13 }, (_, i) => i + 0.5),
    ),
};

const median = (loads: readonly Load[], pick: (load: Load) => number) =>
  loads.map(pick).sort((a, b) => a - b)[Math.floor(loads.length / 2)]!;

const results: object[] = [];
console.log(
  `${cpus().length} cores, load before ${loadavg()[0]!.toFixed(2)}; ${rounds} rounds of ${seconds} s, medians; worker_threads ${workerThreads}, ` +
    `max_batch_size ${batching.sizeMax}, max_batch_timeout ${batching.waitMsMax} ms`,
);
for (const [model, make] of Object.entries(MODELS)) {
  if (names !== undefined && !names.includes(model)) continue;
  const { options, python: pythonOf, body } = make();
  const python = pythonOf();
  const sides = Object.entries(MODES).map(([mode, { rpc, env }]) => ({
    mode,
    engine: new EngineInstance({
      ...options,
      rpc: { workerThreads, ...rpc },
      env: { ...env, SLUICE_PYTHON: python },
    }),
    loads: CONNECTIONS.map((): Load[] => []),
  }));
  try {
    for (const { engine } of sides) await engine.ready();
    const run = (side: (typeof sides)[number], connections: number, forSeconds: number) =>
      load(`http://127.0.0.1:${side.engine.state!.port}/api/predict/svc`, connections, forSeconds, body);
    for (const side of sides) run(side, 8, 1); // warm
    for (let round = 0; round < rounds; round++)
      for (const [i, connections] of CONNECTIONS.entries())
        for (const side of sides) side.loads[i]!.push(run(side, connections, seconds));
    console.log(
      `\n${model.padEnd(12)} connections  batching   requests/s    p50 µs    p99 µs  to off  to fixed`,
    );
    for (const [i, connections] of CONNECTIONS.entries()) {
      const rate = (mode: string) =>
        median(sides.find((side) => side.mode === mode)!.loads[i]!, (l) => l.requestsPerS);
      for (const { mode, loads } of sides) {
        const row = {
          model,
          connections,
          mode,
          requestsPerS: rate(mode),
          p50Us: median(loads[i]!, (l) => l.p50Us),
          p99Us: median(loads[i]!, (l) => l.p99Us),
        };
        results.push(row);
        console.log(
          [
            "".padEnd(12),
            String(connections).padStart(11),
            mode.padEnd(9).padStart(10),
            row.requestsPerS.toFixed(0).padStart(11),
            String(row.p50Us).padStart(9),
            String(row.p99Us).padStart(9),
            (row.requestsPerS / rate("off")).toFixed(2).padStart(7),
            (row.requestsPerS / rate("fixed")).toFixed(2).padStart(9),
          ].join(" "),
        );
      }
    }
  } finally {
    for (const { engine } of sides) await engine.dispose();
  }
}
mkdirSync(out, { recursive: true });
writeFileSync(join(out, "batching.json"), JSON.stringify(results, null, 1));
