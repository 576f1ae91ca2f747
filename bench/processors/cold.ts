import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { totalMs } from "../../src/core/start-stages.ts";
import type { Outcome, Row, Verdict } from "../harness/outcome.ts";
import { median } from "../harness/statistics.ts";
import { proportionalKib } from "./memory.ts";
import { engineInstance, fileOf, MODELS, type ModelName, python } from "./peers.ts";

/** What of a start the framework itself takes when it is loaded alone, at least. */
const SHARE_MIN = 0.8;

/** From the start of the engine to ready, against a Python that only loads the model; in turns, environment and files in the caches. */
export async function cold(models: readonly ModelName[], starts: number): Promise<Outcome> {
  const rows: Row[] = [];
  const verdicts: Verdict[] = [];
  const raw: object[] = [];
  for (const model of models) {
    const alone: number[] = [];
    const ours: {
      readonly total: number;
      readonly stages: Readonly<Record<string, number>>;
      readonly mb: number;
    }[] = [];
    for (let round = 0; round <= starts; round++) {
      const aloneMs = frameworkMs(model);
      const start = await ourStart(model);
      if (round === 0) continue; // fills the caches of files and of compiled code
      alone.push(aloneMs);
      ours.push(start);
    }
    const stage = (name: string) => median(ours.map(({ stages }) => stages[name] ?? 0));
    const total = median(ours.map((o) => o.total));
    const framework = median(alone);
    const share = framework / total;
    rows.push({
      model,
      "framework alone ms": framework.toFixed(0),
      "Sluice ms": total.toFixed(0),
      start: stage("start").toFixed(0),
      import: stage("import").toFixed(0),
      load: stage("load").toFixed(0),
      "framework's share": `${(share * 100).toFixed(0)} %`,
      "MB (PSS)": median(ours.map((o) => o.mb)).toFixed(0),
    });
    raw.push({ model, alone, ours });
    const bar = `cold start of ${model}: at least ${SHARE_MIN * 100} % the framework's own`;
    verdicts.push({ bar, found: `${(share * 100).toFixed(0)} %`, isMet: share >= SHARE_MIN });
  }
  return { suite: "cold", tables: [{ title: "Cold start, warm caches", rows }], verdicts, raw };
}

function frameworkMs(model: ModelName): number {
  const args = [join(import.meta.dirname, "frameworks.py"), MODELS[model].family, fileOf(model)];
  const from = performance.now();
  execFileSync(python(), args, { env: { ...process.env, OMP_NUM_THREADS: "1" } });
  return performance.now() - from;
}

async function ourStart(model: ModelName) {
  const engine = engineInstance(model);
  try {
    const { stages } = await engine.ready();
    const mb = proportionalKib([engine.process.pid!, ...engine.workerPids]) / 1024;
    return { total: totalMs(stages!), stages: Object.fromEntries(stages!.map((s) => [s.name, s.ms])), mb };
  } finally {
    await engine.dispose();
  }
}
