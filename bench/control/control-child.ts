import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isSameProcess, parseIdentity } from "../../src/base/process-identity.ts";
import type { ControlOptions, FromControl, ToControl } from "./control-messages.ts";

type Answer<T extends FromControl["type"]> = Extract<FromControl, { type: T }>;

/** A control process of the benchmark, as its parent sees it. */
export class ControlChild {
  readonly #process: ChildProcess;
  readonly spawnedAtMs: number;

  constructor(options: ControlOptions) {
    this.spawnedAtMs = performance.now();
    this.#process = fork(join(import.meta.dirname, "control-process.ts"), [JSON.stringify(options)], {
      execArgv: ["--expose-gc"],
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** Resolves when its API listens. */
  async listening(): Promise<void> {
    const [message] = (await once(this.#process, "message")) as [FromControl];
    if (message.type !== "listening") throw new Error(`the control process said ${message.type} first`);
  }

  /** One question at a time. */
  async ask<T extends FromControl["type"]>(message: ToControl, _answer: T): Promise<Answer<T>> {
    const answered = once(this.#process, "message") as Promise<[Answer<T>]>;
    this.#process.send(message);
    return (await answered)[0];
  }

  async until(what: string, isSo: (state: Answer<"state">) => boolean, limitMs = 170_000): Promise<void> {
    const end = performance.now() + limitMs;
    for (;;) {
      const state = await this.ask({ type: "state" }, "state");
      if (isSo(state)) return;
      if (performance.now() > end)
        throw new Error(`not within ${limitMs} ms: ${what}; ${JSON.stringify(state)}`);
      await delay(50);
    }
  }

  /** As `kill -9`: its gateways go on. */
  async kill(): Promise<void> {
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  /** Ends it and its gateways. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, "exit");
    this.#process.disconnect();
    await Promise.race([ended, delay(10_000, undefined, { ref: false })]);
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
  }
}

/** Ends gateways that a killed control process has left behind. */
export function endGateways(home: string): void {
  const folder = join(home, "run", "gateways");
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const file = join(folder, name, "process.json");
    const owner = existsSync(file) ? parseIdentity(readFileSync(file, "utf8")) : null;
    if (owner !== null && isSameProcess(owner)) process.kill(owner.pid, "SIGKILL");
  }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
