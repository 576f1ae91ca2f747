import type { Source } from "../core/spec/service-spec.ts";

/** Brings models and processor packages to this machine. */
export interface FileCache {
  /**
   * Resolves to an absolute path that exists. A path source is checked and answered as it is. A URL is fetched once,
   * checked, unpacked, and kept by content hash; a second call for the same URL uses what is kept.
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
