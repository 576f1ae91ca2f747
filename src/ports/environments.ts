import type { Accepted } from "../core/spec/requirements.ts";

/** Requirements with the place of their file made absolute. */
export interface WantedEnvironment {
  /** As pip reads them. */
  readonly lines: readonly string[];
  /** Absolute path of a file with more of them; null: none. */
  readonly file: string | null;
  /** What is as good, where a Python of this machine has it. */
  readonly accepts?: Accepted | undefined;
}

/** Virtual environments of Python on this machine, one for each set of requirements. */
export interface PythonEnvironments {
  /**
   * Resolves to the folder of the environment that has these packages; it is made when it is not there. Who asks for the same at the
   * same time shares the work, which ends early when nobody wants it any more. `onProgress` gets lines for people.
   * @throws FetchError with a text for people; the signal's reason
   */
  prepare(
    wanted: WantedEnvironment,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string>;

  /**
   * The address of what these requirements lead to, whether it is there or not.
   * @throws FetchError when they cannot be read, or there is no Python
   */
  addressOf(wanted: WantedEnvironment): Promise<string>;

  /** What is kept, the newest used first. */
  list(): Promise<readonly KeptEnvironment[]>;
  /** Bytes over which those that nobody uses go. */
  readonly bytesMax: number;
  /** Removes one, unless it is in use. */
  remove(address: string): Promise<"removed" | "in-use" | "not-found">;
}

/** One environment. */
export interface KeptEnvironment {
  /** SHA-256, lower-case hex, of the requirements in normal form, the Python and the platform. */
  readonly address: string;
  readonly folder: string;
  /** Version of its Python, e.g. `3.11.7`. */
  readonly python: string;
  /** The Python of the machine that it is made of and has packages from, e.g. `/usr/bin/python3`; absent: it was made before this was noted. */
  readonly base?: string;
  /** In normal form, without names and passwords of URLs. */
  readonly requirements: readonly string[];
  /** What is there of the packages that the requirements name: `numpy 1.26.4`. */
  readonly packages: readonly string[];
  /** What whoever uses it should know, for people: a package that cannot be imported. Absent: nothing. */
  readonly notes?: readonly string[];
  /** Of its own files; what the system has is not counted. */
  readonly bytes: number;
  /** When it was last asked for, ms since 1970. */
  readonly usedAtMs: number;
}

/** Which environments somebody may still ask for. */
export interface ReferencedEnvironments {
  /** What every service and every version that can be gone back to asks for, as far as it can be told without bringing files. */
  environments(): Promise<readonly WantedEnvironment[]>;
  /** Paths in environments that instances that are there were started with, or are about to be. */
  pathsInUse(): Promise<readonly string[]>;
}
