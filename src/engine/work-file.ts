import type { InstanceWork } from "../core/instance-work.ts";
import type { InstanceId } from "../core/names.ts";
import type { InstanceDir } from "./instance-dir.ts";
import type { LogFile } from "./log-file.ts";
import type { WorkMeter } from "./work-meter.ts";

interface WorkFileParts {
  readonly instance: InstanceId;
  readonly dir: Pick<InstanceDir, "writeWork">;
  readonly log: Pick<LogFile, "line">;
  readonly meter: WorkMeter;
}

/** Keeps work.json what the meter says, a few seconds old at most. It is a file of its own, as a change of state.json wakes the control process. */
export class WorkFile {
  readonly #parts: WorkFileParts;
  #timer: NodeJS.Timeout | null = null;
  #written: InstanceWork | null = null;
  #isFailing = false;

  constructor(parts: WorkFileParts) {
    this.#parts = parts;
  }

  start(everyMs: number): void {
    this.#timer = setInterval(() => this.write(), everyMs);
    this.#timer.unref();
  }

  /** Writes what has changed since the last time. */
  write(): void {
    const { instance, dir, log, meter } = this.#parts;
    const { work } = meter;
    if (work === null || !hasChanged(this.#written, work)) return;
    this.#written = { instance, ...work };
    try {
      dir.writeWork(this.#written);
      this.#isFailing = false;
    } catch (error) {
      // Disk full: serving goes on, and it is tried again at the next change.
      if (!this.#isFailing) log.line(`work.json cannot be written: ${(error as Error).message}`);
      this.#isFailing = true;
    }
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }
}

function hasChanged(before: InstanceWork | null, now: Omit<InstanceWork, "instance">): boolean {
  return (
    before === null || before.computed !== now.computed || before.batchedRequests !== now.batchedRequests
  );
}
