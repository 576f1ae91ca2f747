/**
 * What every kind of processor costs with its model in examples/: start by stages, memory when it has started, and requests through the
 * gateway, of 8 connections, with the example's own request. `--seconds=2`. Needs wrk, and the environments of the tests (tools/setup-test).
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Installation, ROOT } from "../../test/harness/installation.ts";
import { numberOption } from "../harness/options.ts";
import { machine, type Outcome, publish, type Row } from "../harness/outcome.ts";
import { withChildren } from "../harness/process-cost.ts";
import { requirePrograms, Stage } from "../harness/stage.ts";
import { measureByWrk } from "../harness/wrk.ts";
import { proportionalKib } from "./memory.ts";

const CONNECTIONS = 8;

/** Folder in examples/, and what the request is sent to behind the service's address. */
const EXAMPLES: readonly (readonly [folder: string, path?: string])[] = [
  ["pmml-models/decision-tree"],
  ["pmml-models/boosted-trees"],
  ["xgboost"],
  ["lightgbm"],
  ["sklearn"],
  ["onnx-tabular"],
  ["onnx-image"],
  ["tensorflow"],
  ["pytorch", "/v2/models/iris/infer"],
  ["caffe", "/v2/models/digits/infer"],
  ["python-echo"],
  ["node-custom"],
  ["cpp-custom"],
];

/** The first of the files that an example has its request in. */
function requestOf(folder: string): string {
  const files = ["request.json", "request.csv", "request.txt"].map((name) => join(folder, name));
  const file = files.find((name) => existsSync(name));
  if (file === undefined) throw new Error(`no request in ${folder}`);
  return readFileSync(file, "latin1");
}

async function measure(sluice: Installation, stage: Stage, folder: string, path: string): Promise<Row> {
  const place = join(ROOT, "examples", folder);
  const { name } = JSON.parse(readFileSync(join(place, "service.json"), "utf8"));
  await sluice.ok("create", join(place, "service.json"));
  const { AccessToken, Processor, Startup } = await sluice.service(name);
  const { Instances } = await sluice.json("GET", `/api/v2/services/local/${name}/instances`);
  const pids = withChildren(sluice.pidOf(Instances[0].InstanceName));
  const megabytes = proportionalKib(pids) / 1024;
  const request = {
    method: "POST",
    headers: { Authorization: AccessToken, "Content-Type": "application/json" },
    body: requestOf(place),
    path: `/api/predict/${name}${path}`,
  } as const;
  const side = { name, port: Number(new URL(sluice.clientConfig().gateway).port), pids: () => pids };
  const load = { request, connections: CONNECTIONS, prefix: "" };
  await measureByWrk(stage, side, { ...load, seconds: 1 });
  const turn = await measureByWrk(stage, side, { ...load, seconds: numberOption("seconds", 2) });
  await sluice.ok("delete", name, "--yes");
  return {
    example: folder,
    processor: Processor,
    "MB (PSS)": megabytes.toFixed(0),
    start: Startup.map((s: { Name: string; Milliseconds: number }) => `${s.Name} ${s.Milliseconds}`).join(
      ", ",
    ),
    "requests/s": turn.requestsPerS.toFixed(0),
    "p50 ms": (turn.p50Us / 1000).toFixed(2),
    "p99 ms": (turn.p99Us / 1000).toFixed(2),
    "CPU µs": turn.cpuUs.toFixed(0),
  };
}

requirePrograms("wrk");
console.log(machine());
execFileSync(
  "sh",
  ["-c", readFileSync(join(ROOT, "examples/cpp-custom/README.md"), "utf8").match(/^ {4}(g\+\+ .*)$/m)![1]!],
  {
    cwd: join(ROOT, "examples", "cpp-custom"),
  },
);
const sluice = new Installation({ gatewayWorkers: 1 });
const stage = new Stage();
try {
  await sluice.start();
  const rows: Row[] = [];
  for (const [folder, path = ""] of EXAMPLES) rows.push(await measure(sluice, stage, folder, path));
  const tables = [
    { title: `Every processor with its example, ${CONNECTIONS} connections through the gateway`, rows },
  ];
  publish("processors", { suite: "examples", tables, verdicts: [], raw: rows } satisfies Outcome);
} finally {
  await stage.end();
  await sluice.stop();
}
