/** Something with a life: it runs until the signal, and may be asked to finish what it has first. */
export interface Component {
  readonly name: string;
  /** Resolves when it has ended and nothing of it is left; rejects when it cannot go on. */
  run(signal: AbortSignal): Promise<void>;
  /** Takes nothing new and resolves when what it had is done, or at the deadline (ms, monotonic). */
  drain?(deadlineMs: number): Promise<void>;
}
