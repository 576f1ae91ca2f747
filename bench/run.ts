/**
 * Every benchmark, one after the other, on this machine, in short forms unless told otherwise. Each can be run alone:
 * `node bench/<name>/run.ts`. Further arguments go to all of them.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** The short form of each: enough to see that it works and where things stand, not for figures to be quoted. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  gateway: ["--all", "--rounds=3", "--seconds=1", "--minutes=1"],
  engine: [],
  "first-answer": [],
  "route-table": [],
  control: ["--services=200", "--instances=2000", "--events=10000", "--calls=50", "--idle=5"],
  processors: ["--model=sklearn", "--rounds=1", "--seconds=1", "--starts=1"],
  "zero-loss": ["--operations=20"],
};

const given = process.argv.slice(2);
for (const [name, short] of Object.entries(SHORT)) {
  console.log(`\n== ${name}`);
  // What is given stands before what is short: the first one counts.
  const args = [join(import.meta.dirname, name, "run.ts"), ...given, ...short];
  const outcome = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (outcome.status !== 0) process.exitCode = 1;
}
