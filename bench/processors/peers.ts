/** The peers, and the model on each side. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineInstance, eventually } from "../../src/testing/engine-instance.ts";
import { withChildren } from "../harness/process-cost.ts";
import type { Side } from "../harness/side.ts";
import { freePort, type Stage } from "../harness/stage.ts";

const here = import.meta.dirname;
const out = join(here, "..", "out", "processors");

/** What is served: a family of ours, and the folder below `out/processors/models`. */
export const MODELS = {
  sklearn: {
    family: "sklearn",
    file: "model.joblib",
    of: "StandardScaler and LogisticRegression, 13 features",
  },
  forest: { family: "sklearn", file: "model.joblib", of: "RandomForestClassifier, 100 trees, 13 features" },
  xgboost: { family: "xgboost", file: "model.json", of: "regression, 100 trees, 10 features" },
  lightgbm: { family: "lightgbm", file: "model.txt", of: "regression, 100 trees, 10 features" },
} as const;
export type ModelName = keyof typeof MODELS;

/** One core for each library: what a request costs is compared, not how many cores it may take. */
const ONE_CORE = Object.fromEntries(
  ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"].map((name) => [name, "1"]),
);

export const fileOf = (name: ModelName) => join(out, "models", name, MODELS[name].file);
export const requestOf = (name: ModelName) => readFileSync(join(out, "models", name, "request.json"), "utf8");

/** A virtual environment with exactly these packages, made once. */
function environment(folder: string, requirements: string): string {
  const path = join(out, folder);
  if (!existsSync(join(path, "done")) && !existsSync(join(path, "bin", "python"))) {
    mkdirSync(out, { recursive: true });
    execFileSync(process.env.SLUICE_PYTHON ?? "python3", ["-m", "venv", path], { stdio: "inherit" });
    const args = ["-m", "pip", "install", "-q", "--no-deps", "-r", join(here, requirements)];
    execFileSync(join(path, "bin", "python"), args, { stdio: "inherit" });
    writeFileSync(join(path, "done"), "");
  }
  return join(path, "bin", "python");
}

/** That of all sides but BentoML, whose packages do not go together with MLServer's: our workers run in it as well. */
export function python(): string {
  const program = environment("venv", "requirements.txt");
  if (!existsSync(join(out, "models", "lightgbm")))
    execFileSync(program, [join(here, "models.py"), join(out, "models")], { stdio: "inherit" });
  return program;
}

export interface ServedSide extends Side {
  /** Of the Open Inference Protocol's `infer`. */
  readonly path: string;
}

/** A program that is ready when it answers the request. */
async function served(
  stage: Stage,
  name: string,
  model: ModelName,
  command: (port: number) => readonly [program: string, args: readonly string[]],
): Promise<ServedSide> {
  const port = await freePort();
  const child = stage.start(...command(port));
  const side = { name, port, path: "/v2/models/svc/infer", pids: () => withChildren(child.pid!) };
  // BentoML's worker begins a session of its own, so that ending the group of the first process would leave it.
  stage.atEnd(() => {
    for (const pid of side.pids()) process.kill(pid, "SIGKILL");
  });
  await eventually(`${name} to answer`, () =>
    ask(side, model).then(
      () => true,
      () => undefined,
    ),
  );
  return side;
}

/** With `env NAME=value …`, as the stage knows programs and arguments only. */
const withEnv = (env: Readonly<Record<string, string>>, program: string, args: readonly string[]) =>
  [
    "env",
    [...Object.entries({ ...ONE_CORE, ...env }).map(([k, v]) => `${k}=${v}`), program, ...args],
  ] as const;

/** @param workers MLServer's own: 0 is the event loop of its server, which is quicker for models as small as these; 1 is its default */
export async function mlserver(stage: Stage, model: ModelName, workers: 0 | 1): Promise<ServedSide> {
  const { family } = MODELS[model];
  const folder = stage.folder("mlserver");
  const implementations = {
    sklearn: "mlserver_sklearn.SKLearnModel",
    xgboost: "mlserver_xgboost.XGBoostModel",
    lightgbm: "mlserver_lightgbm.LightGBMModel",
  };
  const uri = { parameters: { uri: fileOf(model) } };
  const settings = { name: "svc", implementation: implementations[family], ...uri };
  writeFileSync(join(folder, "model-settings.json"), JSON.stringify(settings));
  const ports = { grpc_port: await freePort(), metrics_port: await freePort() };
  const program = join(python(), "..", "mlserver");
  return await served(stage, `MLServer, parallel_workers ${workers}`, model, (http_port) => {
    const server = { debug: false, host: "127.0.0.1", http_port, ...ports, parallel_workers: workers };
    writeFileSync(join(folder, "settings.json"), JSON.stringify({ ...server, metrics_endpoint: null }));
    return withEnv({ MLSERVER_LOGGING: "off" }, program, ["start", folder]);
  });
}

const appEnv = (model: ModelName) => ({ BENCH_FAMILY: MODELS[model].family, BENCH_MODEL: fileOf(model) });

/** FastAPI under uvicorn with uvloop. */
export function bare(stage: Stage, model: ModelName): Promise<ServedSide> {
  return served(stage, "FastAPI, uvicorn", model, (port) => {
    const args = [
      "-m",
      "uvicorn",
      "bare_app:app",
      "--app-dir",
      here,
      "--port",
      `${port}`,
      "--loop",
      "uvloop",
    ];
    return withEnv(appEnv(model), python(), [...args, "--no-access-log", "--log-level", "warning"]);
  });
}

export function bento(stage: Stage, model: ModelName): Promise<ServedSide> {
  const program = join(environment("bento-venv", "requirements-bentoml.txt"), "..", "bentoml");
  const home = { BENTOML_HOME: stage.folder("bento"), BENTOML_DO_NOT_TRACK: "true" };
  return served(stage, "BentoML", model, (port) =>
    withEnv({ ...appEnv(model), ...home }, program, [
      ...["serve", "bento_app:Svc", "--working-dir", here, "--host", "127.0.0.1", "--port", `${port}`, "-q"],
    ]),
  );
}

/** An engine with its worker, as `sluice serve` starts it. */
export function engineInstance(model: ModelName): EngineInstance {
  const { family } = MODELS[model];
  return new EngineInstance({
    processor: { kind: "builtin", code: family, family } as never,
    modelPath: fileOf(model),
    memoryMb: 2000,
    env: { SLUICE_PYTHON: python(), NODE_COMPILE_CACHE: join(out, "compile-cache") },
  });
}

export const AUTHORIZATION = "secret"; // that of the test instance

/** One request; the answer is checked against the framework's own. Throws when it is not that. */
export async function ask(side: ServedSide, model: ModelName): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${side.port}${side.path}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Authorization: AUTHORIZATION },
    body: requestOf(model),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`${side.name} answers ${answer.status}: ${text.slice(0, 300)}`);
  const { outputs } = JSON.parse(text) as { outputs: { data: number[] }[] };
  const expected = JSON.parse(readFileSync(join(out, "models", model, "expected.json"), "utf8")) as number[];
  const data = outputs[0]!.data.flat();
  const isSame = data.length === expected.length && data.every((v, i) => Math.abs(v - expected[i]!) < 1e-4);
  if (!isSame) throw new Error(`${side.name} answers ${data}, the framework ${expected}`);
}
