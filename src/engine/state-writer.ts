import type { InstanceState } from "../core/instance-spec.ts";
import type { InstanceDir } from "./instance-dir.ts";
import type { LogFile } from "./log-file.ts";

/** Progress messages go to state.json at most this often, in ms. */
const STATE_MS_MIN = 100;

interface StateWriterParts {
  readonly dir: InstanceDir;
  readonly log: LogFile;
  /** Monotonic ms. */
  readonly now: () => number;
  /** What is so now. */
  readonly state: () => InstanceState;
}

/** Keeps state.json what is so: at once where it matters, else as often as somebody could read it. */
export class StateWriter {
  readonly #parts: StateWriterParts;
  #due: NodeJS.Timeout | null = null;
  #writtenAt = Number.NEGATIVE_INFINITY;

  constructor(parts: StateWriterParts) {
    this.#parts = parts;
  }

  write(): void {
    this.stop();
    this.#writtenAt = this.#parts.now();
    try {
      this.#parts.dir.writeState(this.#parts.state());
    } catch (error) {
      // Disk full: the next change is written again; serving goes on.
      this.#parts.log.line(`state.json cannot be written: ${(error as Error).message}`);
    }
  }

  /** For what may change very often: the last of it is written in any case. */
  writeSoon(): void {
    const waitMs = this.#writtenAt + STATE_MS_MIN - this.#parts.now();
    if (waitMs <= 0) this.write();
    else this.#due ??= setTimeout(() => this.write(), waitMs);
  }

  /** Writes nothing any more that was put off. */
  stop(): void {
    if (this.#due !== null) clearTimeout(this.#due);
    this.#due = null;
  }
}
