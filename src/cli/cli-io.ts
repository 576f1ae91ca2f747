/** What the CLI needs of the process that it runs in; tests give their own. */
export interface CliIo {
  /** Standard output. */
  readonly out: (text: string | Uint8Array) => void;
  /** Standard error. */
  readonly err: (text: string) => void;
  /** Standard input and output are terminals: prompts can be answered. */
  readonly isTerminal: boolean;
  /** Columns of the terminal; null when it is none. */
  readonly columns: number | null;
  /** Shows a question and reads one line. */
  readonly ask: (question: string) => Promise<string>;
  /** Reads standard input to its end. */
  readonly readInput: () => Promise<Uint8Array>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly homeDir: string;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Never goes back, in ms. */
  readonly monotonic: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** Runs `work` with a signal that Ctrl-C aborts, instead of ending the process. */
  readonly interruptible: <T>(work: (signal: AbortSignal) => Promise<T>) => Promise<T>;
}

/**
 * Exit codes: done; tried and failed; a command line that makes no sense; a plan with something to do; a command of
 * eascmd that is not here.
 */
export const EXIT = { done: 0, failed: 1, misuse: 2, differs: 3, absent: 4 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line makes no sense: exit code 2. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/** Something on this machine or in what was asked for does not work: exit code 1. */
export class Failure extends Error {
  override readonly name = "Failure";
}
