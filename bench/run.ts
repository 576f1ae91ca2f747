/** Every benchmark, one after the other, on this machine. Each can be run alone: `node bench/<name>/run.ts`. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";

for (const name of ["gateway", "mirror", "engine", "first-answer", "route-table"]) {
  console.log(`\n== ${name}`);
  const outcome = spawnSync(
    process.execPath,
    [join(import.meta.dirname, name, "run.ts"), ...process.argv.slice(2)],
    { stdio: "inherit" },
  );
  if (outcome.status !== 0) process.exitCode = 1;
}
