/** What a process costs, from outside. Linux. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** CPU time of all threads of a process in µs (`/proc/PID/task/TID/schedstat`, first field, in ns). */
export function cpuUs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  const spent = (task: string) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
  return tasks.reduce((sum, task) => sum + spent(task), 0) / 1000;
}

export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;
}

/** True when `perf` can count instructions here; then they tell small differences that CPU time cannot. */
export function canCountInstructions(): boolean {
  const outcome = spawnSync("perf", ["stat", "-x,", "-e", "instructions:u", "true"], { encoding: "utf8" });
  return outcome.status === 0 && /^\d+,/m.test(outcome.stderr);
}

/** Counts instructions of a process until `stop`: in user mode and in the kernel. */
export class InstructionCount {
  readonly #perf: ChildProcess;
  #text = "";

  constructor(pid: number) {
    this.#perf = spawn("perf", ["stat", "-x,", "-e", "instructions:u,instructions:k", "-p", String(pid)], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#perf.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
  }

  async stop(): Promise<{ user: number; kernel: number }> {
    const ended = new Promise((resolve) => this.#perf.once("close", resolve));
    this.#perf.kill("SIGINT");
    await ended;
    const count = (mode: string) =>
      Number(new RegExp(`^(\\d+),,instructions:${mode}`, "m").exec(this.#text)?.[1] ?? Number.NaN);
    return { user: count("u"), kernel: count("k") };
  }
}
