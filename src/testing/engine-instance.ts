import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { InstanceSpec, InstanceState, ProcessorSpec } from "../core/instance-spec.ts";
import type { EngineLimits } from "../engine/limits.ts";

const SCRIPT = fileURLToPath(new URL("engine-process.ts", import.meta.url));
/** Bound of every wait here. Starting a JVM beside a loaded test machine takes a few seconds. */
const WAIT_MS = 20_000;

/** Asks `look` until it gives something else than undefined or false. Throws, naming `what`, when that takes too long. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found as T;
    if (performance.now() > deadline) throw new Error(`waited ${WAIT_MS} ms in vain for ${what}`);
    await pause(10);
  }
}

export interface InstanceOptions {
  /** Text of app.py; or another processor. */
  readonly source?: string;
  readonly processor?: ProcessorSpec;
  readonly group?: string;
  readonly modelPath?: string;
  /** Or, with a name that does not begin with `/`, a file that is written with `warmUp`. */
  readonly warmUpPath?: string;
  readonly warmUp?: string | Buffer;
  readonly rpc?: Partial<InstanceSpec["rpc"]>;
  readonly memoryMb?: number;
  readonly isSigtermSent?: true;
  readonly limits?: Partial<EngineLimits>;
  /** Added to the engine's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** exit.json. */
export interface EngineExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly reason: string;
  readonly message: string;
  readonly atMs: number;
  readonly lastLines?: readonly string[];
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One engine process on a folder of its own, and ways to talk to it. `dispose` ends and removes all of it. */
export class EngineInstance {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-engine-"));
  readonly dir = join(this.folder, "run");
  readonly log = join(this.folder, "log");
  readonly process: ChildProcess;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  stderr = "";

  constructor(options: InstanceOptions) {
    const app = join(this.folder, "app");
    mkdirSync(app);
    chmodSync(this.folder, 0o755);
    writeFileSync(join(app, "app.py"), options.source ?? "");
    mkdirSync(this.dir, { mode: 0o700 });
    const model = options.modelPath ?? null;
    const { warmUp, warmUpPath } = options;
    if (warmUp !== undefined) writeFileSync(join(this.folder, warmUpPath ?? "warm_up.txt"), warmUp);
    const spec = {
      id: "svc-v1-0",
      service: "svc",
      ...(options.group === undefined ? {} : { group: options.group }),
      version: 1,
      epoch: 0,
      slot: 0,
      tokens: ["secret"],
      isBodyChecked: true,
      processor: options.processor ?? { kind: "custom", language: "python", dir: app, entry: "app.py" },
      model: { path: model, entry: model, config: null },
      rpc: { workerThreads: 5, maxQueueSize: 64, keepaliveMs: 5000, ...options.rpc },
      limits: { cpu: 1, memoryMb: options.memoryMb ?? 512 },
      ...(options.isSigtermSent ? { isSigtermSent: true } : {}),
      ...(warmUp === undefined && warmUpPath === undefined
        ? {}
        : { warmUpPath: resolve(this.folder, warmUpPath ?? "warm_up.txt") }),
    };
    writeFileSync(join(this.dir, "spec.json"), JSON.stringify(spec));
    this.process = this.spawnEngine(options.limits ?? {}, options.env);
    this.exited = new Promise((resolve) =>
      this.process.once("exit", (code, signal) => resolve({ code, signal })),
    );
  }

  spawnEngine(limits: Partial<EngineLimits>, env: Readonly<Record<string, string>> = {}): ChildProcess {
    const args = [SCRIPT, this.dir, this.log, JSON.stringify(limits)];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, ...env },
    });
    child.stderr!.on("data", (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    return child;
  }

  get state(): InstanceState | null {
    return this.#json("state.json") as InstanceState | null;
  }

  get exit(): EngineExit | null {
    return this.#json("exit.json") as EngineExit | null;
  }

  get dataSocket(): string {
    return join(this.dir, "data.sock");
  }

  /** All log text, oldest first. */
  get logText(): string {
    const files = readdirSync(this.folder).filter((name) => name.startsWith("log"));
    return files
      .sort()
      .reverse()
      .map((name) => readFileSync(join(this.folder, name), "utf8"))
      .join("");
  }

  /** Pids of the engine's children that live. */
  get workerPids(): number[] {
    const file = `/proc/${this.process.pid}/task/${this.process.pid}/children`;
    return existsSync(file) ? readFileSync(file, "utf8").trim().split(" ").filter(Boolean).map(Number) : [];
  }

  /** Most resident memory that the engine ever had, in MB (`VmHWM` of proc_pid_status(5)). */
  peakMb(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) / 1024;
  }

  /** CPU time of a process in clock ticks, user and system. */
  cpuTicks(pid: number): number {
    const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
    return Number(fields[11]) + Number(fields[12]);
  }

  until(what: string, isSo: (state: InstanceState) => boolean): Promise<InstanceState> {
    return eventually(`${what}; stderr: ${this.stderr}`, () => {
      const { state } = this;
      return state !== null && isSo(state) ? state : undefined;
    });
  }

  ready(): Promise<InstanceState> {
    return this.until("ready", (state) => state.phase === "ready");
  }

  /** One request over the gateways' socket, on a connection of its own. */
  call(body: string | Buffer | null, path = "/", headers: Record<string, string> = {}): Promise<Answer> {
    return this.#request({ socketPath: this.dataSocket }, body, path, headers);
  }

  /** One request over TCP. */
  callPort(body: string | Buffer | null, path: string, headers: Record<string, string>): Promise<Answer> {
    return this.#request({ host: "127.0.0.1", port: this.state!.port! }, body, path, headers);
  }

  #request(
    to: object,
    body: string | Buffer | null,
    path: string,
    headers: Record<string, string>,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const method = body === null ? "GET" : "POST";
      const length: Record<string, string> =
        body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
      const call = request(
        { ...to, method, path, agent: false, headers: { ...length, ...headers } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
          );
        },
      );
      call.on("error", reject);
      if (body !== null) call.write(body);
      call.end();
    });
  }

  async dispose(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill("SIGKILL");
    await this.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  #json(name: string): unknown {
    try {
      return JSON.parse(readFileSync(join(this.dir, name), "utf8"));
    } catch {
      return null;
    }
  }
}
