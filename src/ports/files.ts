import type { Source } from "../core/spec/service-spec.ts";

/** Whether a source can be had: `here` without bringing anything, `gone` for good until somebody acts, `unknown` until it is brought. */
export type SourceState = "here" | "gone" | "unknown";

/** Brings models and processor packages to this machine. */
export interface FileCache {
  /**
   * Resolves to an absolute path that exists. A path source is checked and answered as it is, unless it is an archive. A URL is
   * fetched once, checked, unpacked, and kept by content hash; a second call for the same URL uses what is kept.
   * `entry` is a file that must be in it, relative (null: none is asked for); the source may also be that very file.
   * `onProgress` gets lines for people, e.g. `Downloading http file [43%]`.
   * @throws FetchError with a text for people
   */
  fetch(
    source: Source,
    entry: string | null,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string>;

  /** A look that brings nothing: a path is there or not; a URL is here when it is kept already. `entry` as for fetch. */
  look(source: Source, entry: string | null): Promise<SourceState>;

  /** What is kept, by content; the newest used first. */
  contents(): Promise<readonly CachedContent[]>;
  /** Bytes that may be kept. */
  bytesMax(): Promise<number>;
  /** Removes one content, unless it is in use. */
  remove(id: string): Promise<"removed" | "in-use" | "not-found">;
}

/** Files that are kept under the hash of their content, whoever brought them. */
export interface CachedContent {
  /** SHA-256, lower-case hex. */
  readonly id: string;
  /** Of the unpacked files. */
  readonly bytes: number;
  /** When it was last asked for, ms since 1970. */
  readonly usedAtMs: number;
  /** Where it came from, for people: without names, passwords and queries. */
  readonly sources: readonly string[];
  /** Whether this source led to it. */
  readonly isOf: (source: Source) => boolean;
}

/** Which content somebody may still ask for: a cache that makes room leaves it alone. */
export interface ReferencedFiles {
  /** Sources of every service, and of every version that can be gone back to; each once. */
  referenced(): Promise<readonly Source[]>;
  /** What instances that are there were started with, whatever became of their version. */
  pathsInUse(): Promise<readonly string[]>;
}

/** Why files could not be brought here. */
export class FetchError extends Error {
  override readonly name = "FetchError";
  /** Trying again may help (network); false: only a change of the spec or the file helps. */
  readonly isRetriable: boolean;

  constructor(message: string, isRetriable: boolean, options?: ErrorOptions) {
    super(message, options);
    this.isRetriable = isRetriable;
  }
}
