import { join } from "node:path";
import { ProcessDriver } from "../adapters/process/driver.ts";
import { systemClock } from "../adapters/system/clock.ts";
import { ownIdentity } from "../base/process-identity.ts";
import { EXIT, type ExitCode, Failure } from "../cli/cli-io.ts";
import type { InstanceSpec, InstanceState } from "../core/instance-spec.ts";
import { instanceSpecOf } from "../core/plan/instance-spec-of.ts";
import type { ServiceSpec } from "../core/spec/service-spec.ts";
import { startText } from "../core/start-stages.ts";
import type { InstanceReport } from "../ports/runtime.ts";
import type { ReadyFiles } from "./test-files.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");
/** Between two looks at the instance. */
const LOOK_MS = 100;
/** All of a log, from its first line. */
const ALL_LINES = Number.MAX_SAFE_INTEGER;

/** Where it is reached. */
export interface Serving {
  readonly url: string;
  /** Null: a program of the user's own, which asks for what it likes. */
  readonly token: string | null;
  /** What is known of it by now, for people: how it started, what it runs with. */
  readonly facts: readonly string[];
}

export interface TestInstanceParts {
  readonly spec: ServiceSpec;
  readonly files: ReadyFiles;
  readonly token: string;
  /** Where its run folder and log go. */
  readonly folder: string;
  /** Null: a free one. */
  readonly port: number | null;
}

/** One instance that belongs to this process and ends with it, even when this one is killed. */
export class TestInstance {
  readonly #driver: ProcessDriver;
  readonly #instance: InstanceSpec;
  readonly #token: string;
  readonly #logsEnd = new AbortController();

  /** @throws Failure when the folder's path is too long for unix sockets */
  constructor({ spec, files, token, folder, port }: TestInstanceParts) {
    this.#token = token;
    this.#instance = instanceSpecOf(
      { record: { name: spec.name, version: 1, epoch: 0 }, spec, tokens: [token] },
      files,
      0,
    );
    this.#driver = openDriver(folder, port);
  }

  /** Hands out its log, line by line, until it has ended; resolves after the last. */
  async showLogs(show: (line: string) => void): Promise<void> {
    const how = { lines: ALL_LINES, isFollowing: true, isReadToEnd: true } as const;
    for await (const line of this.#driver.logs(this.#instance.id, how, this.#logsEnd.signal)) show(line);
  }

  /**
   * Resolves when it is ready.
   * @throws Failure when it does not come up, or not within `withinMs`; the signal's reason
   */
  async start(say: (line: string) => void, withinMs: number, signal: AbortSignal): Promise<Serving> {
    const lateAt = systemClock.monotonic() + withinMs;
    await this.#driver.start(this.#instance, signal);
    for (;;) {
      const report = await this.#report();
      failIfEnded(report);
      const { state } = report;
      if (state?.phase === "ready" && state.port !== null) return this.#servingAt(state, state.port);
      if (state?.phase === "loading") say(capitalized(state.message));
      if (systemClock.monotonic() >= lateAt)
        throw new Failure(`the service is not ready after ${withinMs / 1000} s`);
      await systemClock.sleep(LOOK_MS, signal);
    }
  }

  /**
   * Resolves to 0 when the signal comes.
   * @throws Failure when it ends before that
   */
  async untilEnd(signal: AbortSignal): Promise<ExitCode> {
    while (!signal.aborted) {
      failIfEnded(await this.#report());
      await systemClock.sleep(LOOK_MS, signal).catch(() => {}); // aborted: the condition above ends it
    }
    return EXIT.done;
  }

  /** Drains it within its grace, or ends it at once when `hurry` comes. Nothing of it is left when this resolves. */
  async end(graceMs: number, hurry: AbortSignal): Promise<void> {
    try {
      await this.#driver.stop(this.#instance.id, graceMs, hurry);
    } catch (error) {
      if (!hurry.aborted) throw error;
      await this.#driver.stop(this.#instance.id, 0, new AbortController().signal);
    } finally {
      this.#logsEnd.abort();
    }
  }

  #servingAt({ host = "127.0.0.1", stages, library, note }: InstanceState, port: number): Serving {
    const at = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
    const { processor, service } = this.#instance;
    const started = stages === undefined ? [] : [`Started in ${startText(stages)}`];
    const facts = [...started, ...(library ? [`Processor: ${library}`] : []), ...(note ? [note] : [])];
    return processor.kind === "command"
      ? { url: `${at}/`, token: null, facts }
      : { url: `${at}/api/predict/${service}`, token: this.#token, facts };
  }

  async #report(): Promise<InstanceReport> {
    const report = (await this.#driver.list()).at(0);
    if (report === undefined) throw new Failure("the folder of the instance has gone");
    return report;
  }
}

function openDriver(folder: string, port: number | null): ProcessDriver {
  const { pid, startTicks } = ownIdentity();
  const owner = ["--owner", `${pid}.${startTicks}`];
  try {
    return new ProcessDriver({
      runDir: join(folder, "run"),
      logDir: join(folder, "logs"),
      engineCommand: (dir, log) => [
        ...[process.execPath, ...process.execArgv, MAIN, "engine", "--dir", dir, "--log", log],
        ...owner,
        ...(port === null ? [] : ["--port", String(port)]),
      ],
      now: systemClock.now,
    });
  } catch (error) {
    throw new Failure((error as Error).message, { cause: error });
  }
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function failIfEnded({ isAlive, exit, state }: InstanceReport): void {
  if (isAlive && state?.phase !== "failed") return;
  throw new Failure(`the service failed: ${exit?.message || state?.message || "no reason was given"}`);
}
