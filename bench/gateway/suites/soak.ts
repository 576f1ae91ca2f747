import { GatewayWorkers } from "../../harness/gateway-workers.ts";
import { jobTable } from "../../harness/job-table.ts";
import { atMost, type Verdict } from "../../harness/outcome.ts";
import { residentKib } from "../../harness/process-cost.ts";
import { prove } from "../../harness/proof.ts";
import { SMALL } from "../../harness/side.ts";
import { slope } from "../../harness/statistics.ts";
import type { RateResult } from "../../load/constant-rate.ts";
import { capacityOf, sendAtRate } from "../../load/rate.ts";
import { startUpstream } from "../../peers/nginx.ts";
import type { Suite } from "../suite.ts";

const HOW = { connections: 64, isSpinning: false };
const CHANGE_MS = 1_000;
/** Memory is judged from here on: pools and compiled code have grown by then. */
const WARM_MS = 60_000;
/** Less time than this says nothing about a slope. */
const JUDGED_MS_MIN = 120_000;
/** A worker that grows faster would double within a week at the most. */
const GROWTH_KIB_PER_MIN_MAX = 10;

/** Minutes at 80 % of what the machine can do, with a new route table each second, whole and as a change in turn. */
export const soak: Suite = async (stage, { minutes, rate }) => {
  const upstream = await startUpstream(stage);
  const address = { kind: "tcp", host: "127.0.0.1", port: upstream.port } as const;
  const tableOf = (number: number) => {
    const weights = number % 3 === 0 ? ([3, 2] as const) : ([4, 1] as const);
    // Instances leave and come as in a rollout, and weights move.
    return jobTable({ number, upstream: address, hasLimits: true, version: number >> 2, weights });
  };
  const gateway = await GatewayWorkers.start(stage, "gateway", tableOf(1));
  console.log(await prove(gateway));
  const perS = rate ?? Math.round((await capacityOf(stage, gateway, SMALL, HOW)) * 0.8);
  console.log(`${minutes} minutes at ${perS} requests/s`);
  const memory: [minute: number, kib: number][] = [];
  const begunAt = performance.now();
  let number = 1;
  let [isOver, isBusy] = [false, false];
  let changeError: unknown = null;
  const changes = setInterval(async () => {
    memory.push([(performance.now() - begunAt) / 60_000, residentKib(gateway.pids())]);
    if (isBusy || isOver) return;
    isBusy = true;
    const next = tableOf(++number);
    await (number % 2 === 0 ? gateway.change(next) : gateway.apply(next)).catch((error: unknown) => {
      changeError = error;
    });
    isBusy = false;
  }, CHANGE_MS);
  // Whole minutes, or the one part of a minute that was asked for.
  const intervals = Math.max(1, Math.round(minutes));
  const intervalS = (minutes * 60) / intervals;
  const results = await sendAtRate(
    stage,
    gateway,
    SMALL,
    { ...HOW, perS, intervalS, intervals, warmS: 2 },
    ({ answered, failed, p99Us }) =>
      console.log(`${answered} answered, ${failed} failed, p99 ${(p99Us / 1000).toFixed(2)} ms`),
  ).finally(() => {
    isOver = true;
    clearInterval(changes);
  });
  if (changeError !== null) throw changeError;
  const rows = results.map((result, i) => row(i + 1, result, memory, intervalS));
  return {
    suite: "soak",
    tables: [
      { title: `${minutes} minutes at ${perS} requests/s, ${number - 1} route changes, by interval`, rows },
    ],
    verdicts: [noneFailed(results), growth(memory)],
    raw: { perS, results, memory },
  };
};

function row(
  number: number,
  result: RateResult,
  memory: readonly (readonly [number, number])[],
  intervalS: number,
) {
  const inMinute = memory.filter(([minute]) => Math.ceil((minute * 60) / intervalS) === number);
  return {
    interval: number,
    answered: result.answered,
    failed: result.failed,
    "p50 ms": (result.p50Us / 1000).toFixed(3),
    "p99 ms": (result.p99Us / 1000).toFixed(3),
    "worst ms": (result.maxUs / 1000).toFixed(1),
    "RSS MB": ((inMinute.at(-1)?.[1] ?? Number.NaN) / 1024).toFixed(1),
  };
}

/** The verdict on requests; what the machine could not do in time has not failed, but is told. */
function noneFailed(results: readonly RateResult[]): Verdict {
  const failed = results.reduce((sum, result) => sum + result.failed, 0);
  const verdict = atMost("failed requests: none", failed, 0, 0);
  const unanswered = results.at(-1)!.unanswered;
  if (unanswered === 0) return verdict;
  const found = `${failed}, and ${unanswered} not answered at the end: more was asked for than the machine could do`;
  return { ...verdict, found };
}

/** The verdict on memory: the slope of a straight line through a measurement each second. */
function growth(memory: readonly (readonly [minute: number, kib: number])[]): Verdict {
  const judged = memory.filter(([minute]) => minute * 60_000 >= WARM_MS);
  const lastMs = (memory.at(-1)?.[0] ?? 0) * 60_000;
  const bar = `memory flat: slope after the first minute at most ${GROWTH_KIB_PER_MIN_MAX} KiB/min`;
  const points = judged.length > 1 ? judged : memory;
  const perMinute = slope(points);
  if (lastMs - WARM_MS >= JUDGED_MS_MIN) return atMost(bar, perMinute, GROWTH_KIB_PER_MIN_MAX, 1);
  return { bar, found: `${perMinute.toFixed(1)} KiB/min, too short a time to tell`, isMet: null };
}
