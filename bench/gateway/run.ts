/** One gateway worker against its peers at the same job, alternately in one run. `--help` tells the suites and options. */
import { hasFlag, numberOption, textOption } from "../harness/options.ts";
import { machine, publish } from "../harness/outcome.ts";
import { requirePrograms, Stage } from "../harness/stage.ts";
import type { Suite, SuiteOptions } from "./suite.ts";
import { connections } from "./suites/connections.ts";
import { features } from "./suites/features.ts";
import { idle } from "./suites/idle.ts";
import { latency } from "./suites/latency.ts";
import { mirror } from "./suites/mirror.ts";
import { sizes } from "./suites/sizes.ts";
import { small } from "./suites/small.ts";
import { soak } from "./suites/soak.ts";
import { sse } from "./suites/sse.ts";
import { table } from "./suites/table.ts";
import { workers } from "./suites/workers.ts";

/** Every suite with the question that it answers. */
const SUITES: Readonly<Record<string, readonly [suite: Suite, question: string]>> = {
  small: [small, "CPU per request: 40 B, 32 connections, one worker, everything on"],
  sizes: [sizes, "CPU per request: bodies of 40 B to 1 MiB up and down, the peers' buffers as large as ours"],
  connections: [connections, "CPU per request: 1, 32, 256 and 2,000 connections"],
  workers: [workers, "CPU per request: one worker and two"],
  latency: [latency, "added latency at a constant rate of half the slowest side's capacity"],
  sse: [sse, "1,000 event streams: how late a chunk is, and its CPU"],
  idle: [idle, "memory of 10,000 idle keep-alive connections"],
  table: [table, "what requests see of new route tables with 2,000 services and 20,000 instances"],
  soak: [soak, "minutes at 80 % load with a new route table each second: memory, p99, failed requests"],
  mirror: [mirror, "what a mirror of 100 % costs the primary, with its target hung and answering"],
  features: [features, "CPU per request: what limits, stickiness, mirror, signature and access log add"],
};

if (hasFlag("help")) {
  help();
  process.exit(0);
}
const named = hasFlag("all") ? Object.keys(SUITES) : (textOption("suite") ?? "small").split(",");
const unknown = named.filter((name) => SUITES[name] === undefined);
if (unknown.length > 0) {
  console.error(`no suite is called ${unknown.join(", ")}; there are ${Object.keys(SUITES).join(", ")}`);
  process.exit(2);
}
requirePrograms("wrk", "nginx", "haproxy");
const rate = numberOption("rate", Number.NaN);
const options: SuiteOptions = {
  rounds: numberOption("rounds", 5),
  seconds: numberOption("seconds", 3),
  minutes: numberOption("minutes", 10),
  rate: Number.isNaN(rate) ? null : rate,
};
for (const name of named) {
  const [suite, question] = SUITES[name]!;
  console.log(`\n== ${name}: ${question}\n${machine()}`);
  await runOne(name, suite);
}

/** What it started ends with it, also when it fails; the next one is run all the same. */
async function runOne(name: string, suite: Suite): Promise<void> {
  const stage = new Stage();
  const stop = () => {
    stage.end();
    process.exit(130);
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  try {
    publish("gateway", await suite(stage, options));
  } catch (error) {
    console.error(`the suite ${name} failed:`, error);
    process.exitCode = 1;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    stage.end();
  }
}

function help(): void {
  const suites = Object.entries(SUITES).map(([name, [, question]]) => `  ${name.padEnd(12)} ${question}`);
  console.log(`node bench/gateway/run.ts [--suite=<name>,…] [--all] [options]

${suites.join("\n")}

  --suite=…    which ones; small unless told
  --all        all of them
  --rounds=5   turns of each side that count, after one that warms up
  --seconds=3  length of a turn
  --minutes=10 length of the soak
  --rate=…     requests a second in latency, table and soak; from the capacity found unless told

Every side is first shown to do the job. Bars are printed with what was found; none of them makes the program fail. What was
measured is kept in bench/out/gateway-<suite>.json. How to read it: bench/gateway/README.md`);
}
