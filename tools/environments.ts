/**
 * The Python environments that tests run ready-made processors in, made as Sluice makes them and kept in .toolchain between runs; in
 * SLUICE_TEST_ENVIRONMENTS where that is set. Installations of tests find them there, and make none.
 *
 *     node tools/environments.ts make [family…]   those that are missing; without families all, and removes what has no more use
 *     node tools/environments.ts python <family>  prints the interpreter of one
 */
import { existsSync } from "node:fs";
import { pythonsOf } from "../src/adapters/python-environments/base-python.ts";
import { VirtualEnvironments } from "../src/adapters/python-environments/environments.ts";
import { FAMILIES } from "../src/core/spec/processors.ts";
import { pythonOf } from "../src/engine/python-environment.ts";
import type { WantedEnvironment } from "../src/ports/environments.ts";
import { TEST_ENVIRONMENTS } from "../test/harness/test-environments.ts";

const wanted = new Map<string, WantedEnvironment>(
  FAMILIES.flatMap((row) => {
    const { family, requirements } = row;
    const accepts = "accepts" in row ? row.accepts : undefined;
    return requirements.length === 0 ? [] : [[family, { lines: [...requirements], file: null, accepts }]];
  }),
);

const environments = new VirtualEnvironments({
  root: TEST_ENVIRONMENTS,
  prepared: null,
  pythons: pythonsOf(process.env.SLUICE_PYTHON),
  env: process.env,
  bytesMax: Number.POSITIVE_INFINITY,
  references: { environments: async () => [...wanted.values()], pathsInUse: async () => [] },
  now: () => Date.now(),
});

const end = new AbortController();
const [order, ...families] = process.argv.slice(2);
for (const family of families) {
  if (wanted.has(family)) continue;
  console.error(`no family ${family} with packages; there are ${[...wanted.keys()].join(", ")}`);
  process.exit(2);
}
if (order === "make") {
  for (const family of families.length === 0 ? wanted.keys() : families) await make(family);
  if (families.length === 0) await removeOthers();
} else if (order === "python" && families.length === 1) {
  const address = await environments.addressOf(wanted.get(families[0]!)!);
  const found = (await environments.list()).find((e) => e.address === address);
  if (found === undefined || !existsSync(pythonOf(found.folder))) {
    console.error(`the environment of ${families[0]} is not there: node tools/environments.ts make`);
    process.exit(1);
  }
  console.log(pythonOf(found.folder));
} else {
  console.error("usage: node tools/environments.ts make [family…] | python <family>");
  process.exit(2);
}

async function make(family: string): Promise<void> {
  let isSaid = false;
  const say = (line: string) => {
    if (!isSaid) console.error(`sluice: making the Python environment of ${family} for the tests`);
    isSaid = true;
    if (process.stderr.isTTY) console.error(`sluice: ${family}: ${line}`);
  };
  await environments.prepare(wanted.get(family)!, say, end.signal);
}

async function removeOthers(): Promise<void> {
  for (const { address } of await environments.list()) await environments.remove(address);
}
