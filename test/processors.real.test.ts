/**
 * Each ready-made processor through the whole program: create, gateway, engine, worker, and the answer compared with what the
 * framework itself said when the example was made. One row an example. What the reference shows of its service is run, too.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type HttpAnswer, Installation, ROOT } from "./harness/installation.ts";
import { runPage } from "./harness/processor-page.ts";

interface Example {
  /** Folder in examples/, with the files below. */
  readonly folder: string;
  readonly service?: string;
  readonly request?: string;
  readonly expected?: string;
  /** What `desc` says of the processor; nothing of one of the user's own. */
  readonly processor: RegExp;
  /** Largest difference of a number, as a share of it; 0, unless given: to the last digit. */
  readonly tolerance?: number;
  /** What has to be done in the folder before. */
  readonly prepare?: (folder: string) => void;
  /** The answer in the form of the expected one; JSON unless given. */
  readonly read?: (answer: HttpAnswer) => unknown;
}

const PMML = /^pmml \(PMML4S 1\.5\.6\)$/;
const EXAMPLES: readonly Example[] = [
  { folder: "xgboost", processor: /^xgboost \(xgboost 2\.1\.4\)$/ },
  { folder: "lightgbm", processor: /^lightgbm \(lightgbm 4\.7\.0\)$/ },
  { folder: "sklearn", processor: /^sklearn \(scikit-learn 1\.9\.1\)$/ },
  // Its kernels add up in an order that depends on the processor's vector units.
  { folder: "onnx-tabular", processor: /^onnx \(onnxruntime 1\.31\.1\)$/, tolerance: 1e-5 },
  { folder: "onnx-image", processor: /^onnx \(onnxruntime 1\.31\.1\)$/, tolerance: 1e-5 },
  // As above.
  { folder: "tensorflow", processor: /^tensorflow_cpu_2\.7 \(tensorflow 2\.21\.0\)$/, tolerance: 1e-4 },
  {
    folder: "cpp-custom",
    request: "request.csv",
    processor: /^$/,
    prepare: (folder) => runReadme(folder, "g++"),
  },
  // Sums are added up in another order than in scikit-learn.
  { folder: "node-custom", processor: /^$/, tolerance: 1e-10 },
  { folder: "pmml-models/regression", processor: PMML, tolerance: 1e-14 },
  { folder: "pmml-models/decision-tree", processor: PMML },
  { folder: "pmml-models/boosted-trees", processor: PMML, tolerance: 1e-14 },
  { folder: "pmml-models/neural-network", processor: PMML, tolerance: 1e-13 },
  { folder: "pmml-models/clustering", processor: PMML, tolerance: 1e-12 },
  { folder: "pmml-models/scorecard", processor: PMML },
];

/** Runs the command of an example's README that begins so. */
function runReadme(folder: string, beginning: string): void {
  const lines = readFileSync(join(folder, "README.md"), "utf8").split("\n");
  const command = lines.find((line) => line.startsWith(`    ${beginning} `));
  assert(command !== undefined, `a command of ${beginning} in ${folder}/README.md`);
  execFileSync("sh", ["-c", command.trim()], { cwd: folder, stdio: "inherit" });
}

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

for (const example of EXAMPLES) {
  const { folder, service = "service.json", request = "request.json", expected = "expected.json" } = example;
  const read = example.read ?? ((answer) => JSON.parse(answer.body));
  test(`examples/${folder}/${service} answers as its framework does`, async () => {
    const file = (name: string) => join(ROOT, "examples", folder, name);
    example.prepare?.(join(ROOT, "examples", folder));
    const { name } = JSON.parse(readFileSync(file(service), "utf8"));
    const said = await sluice.ok("create", file(service));
    assert.doesNotMatch(said, /\[WARNING\]/);
    const { AccessToken, Processor } = await sluice.service(name);
    assert.match(Processor, example.processor);
    const answer = await sluice.predict(name, readFileSync(file(request)), AccessToken);
    assert.equal(answer.status, 200, answer.body);
    assertSame(read(answer), JSON.parse(readFileSync(file(expected), "utf8")), example.tolerance ?? 0);
    await runPage(sluice, folder);
    await sluice.ok("delete", name, "--yes");
  });
}

test("a code for GPUs runs on the CPU and says so, and is refused where it asks for a GPU that is not there", async () => {
  const file = join(ROOT, "examples", "onnx-tabular", "service.json");
  const document = { ...JSON.parse(readFileSync(file, "utf8")), name: "on-cpu", processor: "onnx_cu100" };
  document.model_path = join(ROOT, "examples", "onnx-tabular", document.model_path);
  const path = join(sluice.home, "on-cpu.json");
  writeFileSync(path, JSON.stringify(document));
  await sluice.ok("create", path);
  assert.match(await sluice.ok("w", "on-cpu"), /it runs on the CPU: the processor's code is one for GPUs/);
  document.metadata.gpu = 999;
  writeFileSync(path, JSON.stringify(document));
  const refused = await sluice.cli("modify", "on-cpu", "-s", path);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /metadata\.gpu: found 999, allowed: 0.*: this machine has .*"onnx_cu100" runs on the CPU/,
  );
  await sluice.ok("delete", "on-cpu", "--yes");
});

test("examples/java-custom, compiled as its README says, answers as Python computes it", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-java-custom-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(join(ROOT, "examples", "java-custom"), folder, { recursive: true });
  const [, build] = /```sh\n([^`]+)```/.exec(readFileSync(join(folder, "README.md"), "utf8"))!;
  execFileSync("sh", ["-ec", build!], { cwd: folder });
  const said = await sluice.ok("create", join(folder, "service.json"));
  assert.doesNotMatch(said, /\[WARNING\]/);
  const { AccessToken } = await sluice.service("java_distance");
  const ask = (body: string | Buffer) => sluice.predict("java_distance", body, AccessToken);
  const answer = await ask(readFileSync(join(folder, "request.txt")));
  assert.deepEqual([answer.status, answer.body], [200, readFileSync(join(folder, "expected.txt"), "utf8")]);
  const refused = await ask("fast");
  assert.deepEqual([refused.status, refused.body], [400, 'For input string: "fast"']);
  await sluice.ok("delete", "java_distance", "--yes");
});

/** Equal in form, and in each number but for `tolerance` of it. */
function assertSame(found: unknown, wanted: unknown, tolerance: number, at = "$"): void {
  if (typeof wanted === "number" && typeof found === "number") {
    const isSame = found === wanted || Math.abs(found - wanted) <= tolerance * Math.abs(wanted);
    assert(isSame, `${at}: ${found} in place of ${wanted}`);
    return;
  }
  if (typeof wanted !== "object" || wanted === null || typeof found !== "object" || found === null) {
    assert.deepEqual(found, wanted, at);
    return;
  }
  assert.deepEqual(Object.keys(found), Object.keys(wanted), at);
  for (const [key, value] of Object.entries(wanted))
    assertSame((found as Record<string, unknown>)[key], value, tolerance, `${at}.${key}`);
}
