/**
 * Ready-made processors against MLServer, FastAPI and BentoML with the same models, alternately in one run, and cold starts against the
 * frameworks alone. `--model=sklearn,forest,xgboost,lightgbm --rounds=3 --seconds=2`, `--only=speed` or `--only=cold`, `--starts=5`. Needs wrk, and python3 with
 * pip the first time. Results go to bench/out/processors-<model>.json.
 */
import { numberOption, textOption } from "../harness/options.ts";
import { machine, publish } from "../harness/outcome.ts";
import { requirePrograms } from "../harness/stage.ts";
import { cold } from "./cold.ts";
import { MODELS, type ModelName, python } from "./peers.ts";
import { speed } from "./speed.ts";

const names = (textOption("model") ?? Object.keys(MODELS).join()).split(",");
const unknown = names.filter((name) => !(name in MODELS));
if (unknown.length > 0) {
  console.error(`no model is called ${unknown.join(", ")}; there are ${Object.keys(MODELS).join(", ")}`);
  process.exit(2);
}
const only = textOption("only");
const options = { rounds: numberOption("rounds", 3), seconds: numberOption("seconds", 2) };
requirePrograms("wrk");
python();
console.log(`${machine()}\n${options.rounds} rounds of ${options.seconds} s, medians`);
for (const name of names as ModelName[])
  if (only !== "cold") publish("processors", await speed(name, options));
if (only !== "speed") publish("processors", await cold(names as ModelName[], numberOption("starts", 5)));
