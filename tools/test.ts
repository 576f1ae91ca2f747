/**
 * Runs the tests. `fast`: tidy, pure parts, adapters on small things; under 15 s. `all`: also those that start
 * real processes (`*.real.test.ts`, test/) or take a second and more (`*.long.test.ts`), the Python worker's own, those of the ready-made processors and the Java worker's own.
 * Extra arguments are passed to Node's test runner, e.g. `node tools/test.ts fast --test-name-pattern=split`.
 */
import { spawn, spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const root = dirname(import.meta.dirname);
const [layer = "fast", ...rest] = process.argv.slice(2);
if (layer !== "fast" && layer !== "all") {
  console.error("usage: node tools/test.ts fast|all [options of node --test]");
  process.exit(2);
}

// Each test file is a process of its own: with compiled sources kept, it starts in a third of the time.
process.env.NODE_COMPILE_CACHE ??= join(root, ".toolchain", "compile-cache");

/** Runs to the end with inherited output, and answers whether it went well. */
function run(command: string, args: readonly string[], env: Record<string, string> = {}): boolean {
  const outcome = spawnSync(command, args, { cwd: root, stdio: "inherit", env: { ...process.env, ...env } });
  return outcome.status === 0;
}

const runner = (files: readonly string[], ...how: string[]) => [
  "--test",
  ...how,
  "--test-timeout=300000",
  ...rest,
  ...files,
];

const nodeTest = (files: readonly string[], concurrency: number) =>
  files.length === 0 || run(process.execPath, runner(files, `--test-concurrency=${concurrency}`));

/** The rest of the fast tests, each file in a process of its own. */
function startFast(files: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, runner(files, "--test-concurrency=2"), {
    cwd: root,
    stdio: "inherit",
  });
  return new Promise((resolve) => {
    child.on("close", (code) => resolve(code === 0));
  });
}

/** Tests that leave nothing behind in their process share one, beside the others: starting costs more than they do. */
function startShared(files: readonly string[]): Promise<boolean> {
  const child = spawn(process.execPath, runner(files, "--test-isolation=none"), {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += String(chunk);
  });
  return new Promise((resolve) => {
    child.on("close", (code) => {
      process.stdout.write(output);
      resolve(code === 0);
    });
  });
}

/** Tests of a ready-made processor run in the environment that it serves in; their name says whose. Others need numpy, which all have. */
function testReady(file: string): boolean {
  const name = basename(file, ".py");
  const family = name.endsWith("_tests") ? name.replace("_tests", "") : "xgboost";
  const found = spawnSync(process.execPath, ["tools/environments.ts", "python", family], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (found.status !== 0) return false;
  return run("env", [
    "-C",
    "processors/python",
    found.stdout.trim(),
    "-Wignore",
    "-m",
    "unittest",
    "-q",
    `ready_tests.${name}`,
  ]);
}

const isReal = (file: string) => /\.(real|long)\.test\.ts$/.test(file) || file.startsWith("test/");
const files = globSync("{src,tools,examples,sim,bench,test}/**/*.test.ts", {
  cwd: root,
  exclude: ["**/node_modules/**", "bench/out/**"],
}).sort();

// In full, the simulation gets the time it is worth; in the fast layers, what is left of the 15 s.
if (layer === "all") process.env.SLUICE_SIM_MS ??= "10000";

const isPure = (file: string) => /^src\/(core|http1|api)\//.test(file);
/** They know no process, no signal and no environment of their own. */
const isSharing = (file: string) => /^(src\/(base|control|gateway|server|testing)|bench|sim)\//.test(file);
const fast = files.filter((f) => !isReal(f));
const results = await Promise.all([
  startShared(fast.filter(isPure)),
  startShared(fast.filter(isSharing)),
  startFast(fast.filter((f) => !isPure(f) && !isSharing(f))),
]);
if (layer === "all") {
  // One at a time: they load the machine, and take its ports and processes.
  results.push(nodeTest(files.filter(isReal), 1));
  const ready = "processors/python/ready_tests/{*_tests,inference_protocol}.py";
  results.push(...globSync(ready, { cwd: root }).map(testReady));
  results.push(
    run(process.env.SLUICE_PYTHON ?? "python3", ["-m", "unittest", "discover", "-q", "processors/python"]),
  );
}
process.exit(results.every((isGood) => isGood) ? 0 : 1);
