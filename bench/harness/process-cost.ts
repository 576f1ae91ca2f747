/** What processes cost, from outside. Linux. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** CPU time of all threads of the processes in µs (`/proc/PID/task/TID/schedstat`, first field, in ns). */
export function cpuUs(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`))
      ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "latin1").split(" ")[0]);
  }
  return ns / 1000;
}

/** Resident memory of the processes in KiB. */
export function residentKib(pids: readonly number[]): number {
  const of = (pid: number) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1];
  return pids.reduce((sum, pid) => sum + Number(of(pid)), 0);
}

/** Time since the machine's start that its host gave to others while one of its cores had work, in ms (`/proc/stat`, in ticks of 10 ms). */
export function stolenMs(): number {
  return Number(/^cpu +(?:\d+ +){7}(\d+)/.exec(readFileSync("/proc/stat", "latin1"))?.[1] ?? 0) * 10;
}

/** A process and those that it started. */
export function withChildren(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
  return [pid, ...(children === "" ? [] : children.split(" ").flatMap((child) => withChildren(+child)))];
}

/** True when `perf` can count instructions here; then they tell small differences that CPU time cannot. */
export function canCountInstructions(): boolean {
  const outcome = spawnSync("perf", ["stat", "-x,", "-e", "instructions:u", "true"], { encoding: "utf8" });
  return outcome.status === 0 && /^\d+,/m.test(outcome.stderr);
}

/** Counts instructions of processes until `stop`: in user mode and in the kernel. */
export class InstructionCount {
  readonly #perf: ChildProcess;
  #text = "";

  constructor(pids: readonly number[]) {
    const args = ["stat", "-x,", "-e", "instructions:u,instructions:k", "-p", pids.join(",")];
    this.#perf = spawn("perf", args, { stdio: ["ignore", "ignore", "pipe"] });
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
