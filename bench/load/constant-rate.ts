/**
 * A load at a constant rate, in a process of its own. Requests are due by the clock, whatever became of those before; a late
 * one is counted from when it was due. So a proxy that stops is charged for every request that would have come meanwhile
 * (no coordinated omission). Says a {@link RateResult} for each interval, then `null`.
 */
import { Histogram } from "../../src/core/meter/histogram.ts";
import { goFirst } from "../harness/cores.ts";
import { Caller } from "./caller.ts";
import { loadOptions, tell } from "./talk.ts";

export interface RateOptions {
  readonly port: number;
  /** Path as it is asked for. */
  readonly path: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Requests a second; null: each connection sends again when it is answered, which finds the capacity. */
  readonly perS: number | null;
  /** Most connections; a request that is due when all are busy waits, and its wait counts. */
  readonly connections: number;
  /** Before anything is counted. */
  readonly warmS: number;
  readonly intervalS: number;
  readonly intervals: number;
  /**
   * Looks at the clock all the time, which takes a core, for latencies in µs; or sends what is due once in a ms, each counted from that
   * tick, which leaves the core to others.
   */
  readonly isSpinning: boolean;
  /** It goes before other work on the machine, where that is allowed. */
  readonly isFirst?: boolean;
}

/** Of one interval. */
export interface RateResult {
  readonly answered: number;
  /** Other than 200, broken off, or not to be connected. */
  readonly failed: number;
  /** Of the last interval, those that were not answered in time after it: more was asked for than could be done. They are in the latencies. */
  readonly unanswered: number;
  readonly perS: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
}

/** How long answers are waited for at the end; then they are failed. */
const FINISH_MS_MAX = 30_000;

const options = loadOptions<RateOptions>();
if (options.isFirst === true) goFirst(process.pid);
const request = Buffer.from(requestText(options), "latin1");
const idle: Caller[] = [];
const all = new Set<Caller>();
/** When requests were due that no connection was free for; from `waitingFrom` on. */
let waiting: number[] = [];
let waitingFrom = 0;
const histogram = new Histogram();
let [answered, failed, maxUs] = [0, 0, 0];
let inFlight = 0;
/** Nothing more is due; what is under way is still counted. */
let isFinishing = false;
let isOver = false;

function requestText({ port, path, method, headers, body }: RateOptions): string {
  const fields = Object.entries({ Host: `127.0.0.1:${port}`, ...headers });
  if (body !== "") fields.push(["Content-Length", String(body.length)]);
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;
}

function call(dueAt: number): void {
  const caller = idle.pop();
  if (caller !== undefined) send(caller, dueAt);
  else if (all.size < options.connections) send(connectNew(), dueAt);
  else waiting.push(dueAt);
}

function send(caller: Caller, startedAt: number): void {
  inFlight++;
  caller.send(startedAt);
}

function connectNew(): Caller {
  const caller: Caller = new Caller(options.port, request, done, lost);
  all.add(caller);
  return caller;
}

function done(caller: Caller, isGood: boolean): void {
  const now = performance.now();
  record((now - caller.startedAt) * 1000);
  answered++;
  inFlight--;
  if (!isGood) failed++;
  if (options.perS === null && !isFinishing) send(caller, now);
  else if (waitingFrom < waiting.length) send(caller, waiting[waitingFrom++]!);
  else idle.push(caller);
  if (waitingFrom > 10_000) [waiting, waitingFrom] = [waiting.slice(waitingFrom), 0];
}

function record(us: number): void {
  histogram.record(us);
  if (us > maxUs) maxUs = us;
}

function lost(caller: Caller, wasBusy: boolean): void {
  all.delete(caller);
  const at = idle.indexOf(caller);
  if (at !== -1) idle.splice(at, 1);
  if (isOver || !wasBusy) return;
  failed++;
  inFlight--;
  if (options.perS === null && !isFinishing) send(connectNew(), performance.now());
}

function finishInterval(seconds: number, unanswered: number): void {
  const at = (share: number) => histogram.percentile(share) ?? Number.NaN;
  const result: RateResult = {
    answered,
    failed,
    unanswered,
    perS: answered / seconds,
    p50Us: at(0.5),
    p99Us: at(0.99),
    p999Us: at(0.999),
    maxUs,
  };
  tell(result);
}

function forget(): void {
  histogram.clear();
  [answered, failed, maxUs] = [0, 0, 0];
}

const begunAt = performance.now();
const stepMs = options.perS === null ? Number.POSITIVE_INFINITY : 1000 / options.perS;
let dueAt = options.perS === null ? Number.POSITIVE_INFINITY : begunAt;
let intervalFrom = begunAt + options.warmS * 1000;
let isWarm = false;
let intervals = 0;
let finishedAt = 0;

/** Sends what is due, and ends intervals. */
function turn(): void {
  const now = performance.now();
  for (; dueAt <= now; dueAt += stepMs) call(options.isSpinning ? dueAt : now);
  if (isFinishing) {
    const left = inFlight + waiting.length - waitingFrom;
    if (left === 0 || now > finishedAt + FINISH_MS_MAX) end(left);
  } else if (!isWarm && now >= intervalFrom) {
    isWarm = true;
    intervalFrom = now;
    forget();
  } else if (isWarm && now >= intervalFrom + options.intervalS * 1000) nextInterval(now);
  if (options.isSpinning && !isOver) setImmediate(turn);
}

function nextInterval(now: number): void {
  intervals++;
  if (intervals === options.intervals) {
    // Who was due in it belongs to it, however late the answer.
    [isFinishing, finishedAt, dueAt] = [true, now, Number.POSITIVE_INFINITY];
    return;
  }
  finishInterval((now - intervalFrom) / 1000, 0);
  forget();
  intervalFrom = now;
}

const ticks = options.isSpinning ? null : setInterval(turn, 1);

/** `unanswered` requests have not been answered in time. */
function end(unanswered: number): void {
  isOver = true;
  const now = performance.now();
  const late = [...all].filter((caller) => caller.isBusy).map(({ startedAt }) => startedAt);
  for (const startedAt of [...late, ...waiting.slice(waitingFrom)]) record((now - startedAt) * 1000);
  finishInterval((finishedAt - intervalFrom) / 1000, unanswered);
  if (ticks !== null) clearInterval(ticks);
  for (const caller of all) caller.end();
  process.stdout.write("null\n");
}

if (options.perS === null) for (let i = 0; i < options.connections; i++) send(connectNew(), begunAt);
turn();
