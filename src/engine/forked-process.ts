import { exitReason } from "../core/health/exit-reason.ts";
import { endText, type StartedProcess, type WorkerEnd, type WorkerProcess } from "./worker-process.ts";

/**
 * A process that another one, which has loaded the processor, was asked to fork: they share its memory until they write to it. The engine is
 * told by that one of its pid and its end.
 */
export class ForkedProcess implements WorkerProcess {
  #pid: number | undefined;
  /** Asked for before its pid was known. */
  #signalDue: NodeJS.Signals | null = null;
  #isOver = false;
  readonly #parent: StartedProcess;
  readonly #oomKillsBefore: number;
  readonly #ended: (end: WorkerEnd) => void;

  constructor(parent: StartedProcess, ended: (end: WorkerEnd) => void) {
    this.#parent = parent;
    this.#oomKillsBefore = parent.oomKills();
    this.#ended = ended;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  /** It exists. */
  began(pid: number): void {
    this.#pid = pid;
    if (this.#signalDue !== null) this.kill(this.#signalDue);
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#isOver) return;
    if (this.#pid === undefined) {
      this.#signalDue = signal;
      return;
    }
    try {
      process.kill(this.#pid, signal);
    } catch {
      // It has just ended; its parent tells.
    }
  }

  /** It, or its parent, with which it dies, has ended. */
  over(code: number | null, signal: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const oomKills = this.#parent.oomKills() - this.#oomKillsBefore;
    this.#ended({
      how: endText(code, signal),
      isOutOfMemory: (failure) =>
        exitReason({ code, signal, oomKills, lastLines: [failure ?? ""] }) === "OOMKilled",
    });
  }
}
