import type { ExitReason } from "../reasons.ts";

/** What the end of a program alone can tell. */
type EndReason = Extract<ExitReason, "OOMKilled" | "Completed" | "Error">;

/** What is known about an end. */
export interface EndFacts {
  readonly code: number | null;
  readonly signal: string | null;
  /** Processes of its control group that the kernel killed for want of memory while it ran; 0: none, or nobody knows. */
  readonly oomKills: number;
  /** Its last output, oldest first. */
  readonly lastLines: readonly string[];
}

/** A shell gives a child's death by signal 9 as this exit code. */
const KILLED_CODE = 128 + 9;

/**
 * Last words of programs whose memory was refused, when a limit is not enforced by killing (RLIMIT_DATA, a Java heap): the errors of
 * Python, numpy, the JVM, C++, Node's heap, Go, Rust and PyTorch, and what strerror(ENOMEM) says.
 */
const OUT_OF_MEMORY = [
  /^(?:[\w.]*\.)?_?(?:Array)?MemoryError\b/,
  /java\.lang\.OutOfMemoryError/,
  /std::bad_alloc/,
  /JavaScript heap out of memory/,
  /^(?:fatal error: runtime|runtime): (?:out of|cannot allocate) memory/i,
  /^memory allocation of \d+ bytes failed/,
  /DefaultCPUAllocator: (?:not enough|can't allocate) memory/,
  /\bCannot allocate memory\b/,
];
/** Of the last lines, only these many from the end: an earlier one was survived. */
const LAST_WORDS = 5;

/**
 * The reason of an end. Killed (SIGKILL, or the 137 of a shell) while the kernel killed for want of memory is `OOMKilled`; so is a failure
 * whose last words say that memory was refused. An exit with 0 is `Completed` whatever was printed.
 */
export function exitReason({ code, signal, oomKills, lastLines }: EndFacts): EndReason {
  if (code === 0) return "Completed";
  const isKilled = signal === "SIGKILL" || code === KILLED_CODE;
  if (isKilled && oomKills > 0) return "OOMKilled";
  const isSaid = lastLines
    .slice(-LAST_WORDS)
    .some((line) => OUT_OF_MEMORY.some((pattern) => pattern.test(line.trim())));
  return isSaid && signal !== "SIGTERM" ? "OOMKilled" : "Error";
}
