/**
 * Long runs by hand: `node sim/main.ts --seconds 600`, or one seed again: `node sim/main.ts --seed 17`.
 */
import { parseArgs } from "node:util";
import { simulate } from "./simulation.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    from: { type: "string", default: "1" },
    seconds: { type: "string", default: "60" },
  },
});

if (values.seed !== undefined) {
  await simulate(Number(values.seed));
  console.log(`seed ${values.seed} keeps every law`);
} else {
  const endAt = performance.now() + Number(values.seconds) * 1000;
  let seed = Number(values.from);
  while (performance.now() < endAt) await simulate(seed++);
  console.log(`seeds ${values.from} to ${seed - 1} keep every law`);
}
