import type { EngineLimits } from "./limits.ts";
import type { LogFile } from "./log-file.ts";
import type { Worker } from "./worker.ts";

/** Ends a worker that answers nothing any more although nobody waits for what it has (EngineLimits.workerHungMs). */
export class HangWatch {
  readonly #log: Pick<LogFile, "line">;
  readonly #waitMs: number;
  #timer: NodeJS.Timeout | null = null;

  constructor({ log, limits }: { readonly log: LogFile; readonly limits: EngineLimits }) {
    this.#log = log;
    this.#waitMs = limits.workerHungMs;
  }

  /** From here on it has so long; a second call changes nothing. */
  begin(worker: Worker): void {
    this.#timer ??= setTimeout(() => {
      this.#log.line(
        `worker ${worker.index} has answered nothing for ${this.#waitMs} ms: it hangs, and is ended`,
      );
      worker.kill();
    }, this.#waitMs);
  }

  /** It has answered, or is gone. */
  clear(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
