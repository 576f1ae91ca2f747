import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { canCountInstructions, cpuUs, InstructionCount, residentKib } from "./process-cost.ts";
import { PREFIX, type Request, type Side } from "./side.ts";
import type { Stage } from "./stage.ts";

/** One turn of a side under wrk, which sends the next request of a connection when the last one is answered. */
export interface Turn {
  /** CPU time of the side's processes by the requests that wrk counted, in µs. */
  readonly cpuUs: number;
  /** Thousands of instructions per request; NaN where `perf` cannot count. */
  readonly userKi: number;
  readonly kernelKi: number;
  readonly requestsPerS: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p99Us: number;
  /** Resident memory behind the turn. */
  readonly residentKib: number;
}

/** Whether instructions are counted in this run. */
export const isCounting = canCountInstructions();

const RESULT = `
done = function(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, failed,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
`;

/** The script that makes wrk send a request; ASCII only, where JSON's way to write a text is Lua's too. */
export function luaScript({ method, headers, body }: Request): string {
  const fields = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  // A long body of one letter is made there, rather than read from a file.
  const isRun = body.length > 1000 && body === body[0]!.repeat(body.length);
  const text = isRun
    ? `string.rep("${body[0]}", ${body.length})`
    : JSON.stringify(body).replaceAll(/\\u00(..)/g, "\\x$1");
  return [`wrk.method = "${method}"`, `wrk.body = ${text}`, ...fields, RESULT].join("\n");
}

/** Sends a request over so many connections for so long; fails when any request does. `prefix` is left out for a side without a proxy. */
export async function measureByWrk(
  stage: Stage,
  side: Side,
  load: {
    readonly request: Request;
    readonly connections: number;
    readonly seconds: number;
    readonly prefix?: string;
  },
): Promise<Turn> {
  const pids = side.pids();
  const script = join(stage.dir, "request.lua");
  writeFileSync(script, luaScript(load.request));
  const url = `http://127.0.0.1:${side.port}${load.prefix ?? PREFIX}${load.request.path}`;
  const args = ["-t1", `-c${load.connections}`, `-d${load.seconds}s`, "--timeout=30s", "-s", script, url];
  const count = isCounting ? new InstructionCount(pids) : null;
  const before = cpuUs(pids);
  const text = await output("wrk", args);
  const spentUs = cpuUs(pids) - before;
  const instructions = (await count?.stop()) ?? { user: Number.NaN, kernel: Number.NaN };
  const found = /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(text);
  if (found === null) throw new Error(`wrk said nothing of use about ${side.name}: ${text}`);
  const [requests, durationUs, failed, p50Us, p90Us, p99Us] = found.slice(1).map(Number) as Six;
  if (failed !== 0 || requests === 0)
    throw new Error(`${failed} of ${requests} requests through ${side.name} failed`);
  return {
    cpuUs: spentUs / requests,
    userKi: instructions.user / requests / 1000,
    kernelKi: instructions.kernel / requests / 1000,
    requestsPerS: (requests * 1e6) / durationUs,
    p50Us,
    p90Us,
    p99Us,
    residentKib: residentKib(pids),
  };
}

type Six = [number, number, number, number, number, number];

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}
