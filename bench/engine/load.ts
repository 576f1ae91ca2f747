import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** What wrk saw of one run; times in µs. */
export interface Load {
  readonly requests: number;
  readonly requestsPerS: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
}

/** Sends POST requests from one wrk thread, small ones if `body` is not given. Throws when one of them fails. */
export function load(url: string, connections: number, forSeconds: number, body?: string): Load {
  const args = [
    "-t1",
    `-c${connections}`,
    `-d${forSeconds}s`,
    "-s",
    join(import.meta.dirname, "post.lua"),
    url,
  ];
  const env = { ...process.env, ...(body === undefined ? {} : { LOAD_BODY: body }) };
  const text = execFileSync("wrk", args, { encoding: "utf8", env });
  const numbers = /RESULT (.*)/.exec(text)![1]!.split(" ").map(Number);
  const [requests, durationUs, failed, p50Us, p99Us, p999Us] = numbers as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (failed !== 0) throw new Error(`${failed} of ${requests} requests to ${url} failed`);
  return { requests, requestsPerS: (requests * 1e6) / durationUs, p50Us, p99Us, p999Us };
}
