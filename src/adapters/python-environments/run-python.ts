import { spawn } from "node:child_process";
import { withoutPasswords } from "../../core/spec/requirements.ts";
import { FetchError } from "../../ports/files.ts";
import type { EnvironmentLimits } from "./limits.ts";

export interface PythonRun {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly limits: EnvironmentLimits;
  readonly signal: AbortSignal;
  /** Called with each line of its output, without names and passwords of URLs. */
  readonly onLine?: (line: string) => void;
}

export interface PythonEnd {
  /** Its exit code; null: a signal ended it. */
  readonly code: number | null;
  /** Standard output, up to 1 MB. */
  readonly out: string;
  /** The last lines of both outputs, without names and passwords of URLs. */
  readonly last: readonly string[];
  /** More of them, for whoever looks for a reason. */
  readonly tail: readonly string[];
}

/** Far above what pip says of the largest set; what comes behind is not looked at. */
const OUT_CHARS_MAX = 1_000_000;

/**
 * Runs Python without a shell, in a process group of its own: what it started (compilers, git) ends with it.
 * @throws FetchError when it cannot be started; the signal's reason
 */
export function runPython({ file, args, cwd, env, limits, signal, onLine }: PythonRun): Promise<PythonEnd> {
  signal.throwIfAborted();
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const tail: string[] = [];
  const takeLine = (text: string) => {
    const line = withoutPasswords(text.slice(0, limits.lineCharsMax)).trimEnd();
    if (line === "") return;
    tail.push(line);
    if (tail.length > limits.tailLines) tail.shift();
    onLine?.(line);
  };
  let out = "";
  const rests = [child.stdout, child.stderr].map((stream) => {
    const lines = { rest: "" };
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (stream === child.stdout) out = (out + text).slice(0, OUT_CHARS_MAX);
      const parts = (lines.rest + text).split(/[\r\n]+/);
      lines.rest = parts.pop()!.slice(-OUT_CHARS_MAX);
      for (const part of parts) takeLine(part);
    });
    return lines;
  });
  const stop = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  };
  const { promise, resolve, reject } = Promise.withResolvers<PythonEnd>();
  child.on("error", (error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "is not on this machine" : `cannot be started: ${error.message}`;
    reject(new FetchError(`the Python ${file} ${why}`, error.code !== "ENOENT", { cause: error }));
  });
  child.on("close", (code) => {
    for (const { rest } of rests) takeLine(rest);
    if (signal.aborted) reject(signal.reason);
    else resolve({ code, out, last: tail.slice(-limits.lastLines), tail });
  });
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return promise.finally(() => signal.removeEventListener("abort", stop));
}

/** Nothing of Sluice itself is shown to what packages run while they are built; pip's own settings are. */
export function environmentForPip(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !/^(SLUICE_|NODE_|PYTHONHOME$|VIRTUAL_ENV$)/.test(name));
  return { ...Object.fromEntries(own), PYTHONUNBUFFERED: "1", PIP_NO_INPUT: "1" };
}
