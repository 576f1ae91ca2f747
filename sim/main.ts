/**
 * Long runs by hand: `npm run sim -- --seconds 600`, `npm run sim -- --from 1 --count 20000`, or one seed again with all that
 * happens in it: `npm run sim -- --seed 17`. With `--twice` every seed is lived through twice, and must tell the same; with
 * `--coverage` it ends with how often everything occurred, and what never did.
 */
import { parseArgs } from "node:util";
import { Coverage } from "./coverage.ts";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    count: { type: "string" },
    seconds: { type: "string", default: "60" },
    coverage: { type: "boolean", default: false },
    twice: { type: "boolean", default: false },
  },
});

const coverage = new Coverage();

async function live(seed: number): Promise<readonly string[]> {
  const told = await simulate(seed, coverage);
  if (!values.twice) return told;
  const again = await simulate(seed);
  const at = told.findIndex((line, i) => line !== again[i]);
  if (at >= 0 || told.length !== again.length)
    throw new Error(`seed ${seed} is not the same twice: ${told[at]} and ${again[at]}`);
  return told;
}

if (values.seed !== undefined) {
  for (const line of await live(Number(values.seed))) console.log(line);
  console.log(`seed ${values.seed} keeps every law`);
} else {
  const first = Number(values.from);
  const count = values.count === undefined ? Number.POSITIVE_INFINITY : Number(values.count);
  const endAt =
    values.count === undefined ? performance.now() + Number(values.seconds) * 1000 : Number.POSITIVE_INFINITY;
  const failures: string[] = [];
  let seed = first;
  for (; seed < first + count && performance.now() < endAt && failures.length < 10; seed++) {
    await live(seed).catch((error: unknown) => {
      failures.push(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
  for (const failure of failures) console.error(failure);
  console.log(`seeds ${first} to ${seed - 1}: ${failures.length} break a law`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

if (values.coverage) {
  for (const line of coverage.lines()) console.log(line);
  for (const what of coverage.missing()) console.log(`never  ${what}`);
}
