/**
 * Fuzzes the HTTP/1.1 codec: `node tools/fuzz-http1.ts [--inputs N] [--seed S] [--sample N]`. Half of the inputs are requests, half
 * responses, in runs of 500,000 with a seed each. One accepted request in `--sample` is compared with node:http. Ends with 1 and the
 * input on the first law that does not hold, or when an input takes longer than 10 s.
 */
import { parseArgs } from "node:util";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { checkAgreement } from "../src/testing/http1-fuzz/agreement.ts";
import { FuzzFailure, FuzzRun } from "../src/testing/http1-fuzz/fuzz-run.ts";

/** Inputs of one run: then the next seed, with nothing kept, so that a failure is soon made again. */
const RUN_INPUTS = 500_000;
/** An input is worked on for microseconds; this is a hang. */
const HANG_MS = 10_000;
/** The worker says that it lives after so many inputs. */
const BEAT_INPUTS = 2000;

interface Job {
  readonly inputs: number;
  readonly seed: number;
  readonly sample: number;
}

async function work({ inputs, seed, sample }: Job): Promise<void> {
  for (let done = 0, runs = 0; done < inputs; runs++) {
    const run = new FuzzRun(runs % 2 === 0 ? "request" : "response", seed + runs);
    const startedMs = performance.now();
    const count = Math.min(RUN_INPUTS, inputs - done);
    let whole = 0;
    let compared = 0;
    for (let i = 0; i < count; i++) {
      if (run.step() && run.kind === "request" && ++whole % sample === 0) {
        const isCompared = await checkAgreement(run.input).catch((cause: unknown) => {
          throw new FuzzFailure(run.kind, run.seed, run.counts.inputs, run.input, cause);
        });
        if (isCompared) compared++;
      }
      if (i % BEAT_INPUTS === 0) parentPort!.postMessage({ beat: `seed ${run.seed}, input ${i}` });
    }
    done += count;
    const rate = Math.round(count / (performance.now() - startedMs));
    const heapMiB = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
    parentPort!.postMessage({ kind: run.kind, seed: run.seed, ...run.counts, compared, rate, heapMiB, done });
  }
}

function watch(job: Job): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  const total = { inputs: 0, heads: 0, messages: 0, compared: 0 };
  let beat = "start";
  let beatMs = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - beatMs < HANG_MS) return;
    console.error(`hang: no progress for ${HANG_MS} ms after ${beat}`);
    process.exit(1);
  }, 1000);
  worker.on("message", (said) => {
    beatMs = performance.now();
    if (said.beat !== undefined) {
      beat = said.beat;
      return;
    }
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += said[key];
    console.log(
      `${said.kind} seed ${said.seed}: ${said.inputs} inputs, ${said.heads} heads accepted, ${said.messages} whole, ` +
        `${said.outcomes} outcomes, ${said.compared} compared, ${said.rate} k/s, heap ${said.heapMiB} MiB`,
    );
  });
  worker.on("error", (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  });
  worker.on("exit", () => {
    clearInterval(timer);
    console.log(`all laws held: ${JSON.stringify(total)}`);
  });
}

if (isMainThread) {
  const { values } = parseArgs({
    options: {
      inputs: { type: "string", default: "2000000" },
      seed: { type: "string", default: "1" },
      sample: { type: "string", default: "1000" },
    },
  });
  const [inputs, seed, sample] = [values.inputs, values.seed, values.sample].map(Number) as [
    number,
    number,
    number,
  ];
  watch({ inputs, seed, sample });
} else await work(workerData as Job);
