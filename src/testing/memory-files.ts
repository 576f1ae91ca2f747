import type { Source } from "../core/spec/service-spec.ts";
import type { Clock } from "../ports/clock.ts";
import { FetchError, type FileCache, type SourceState } from "../ports/files.ts";

/** Files that are there at once, unless a test makes them slow or broken by their place. */
export class MemoryFiles implements FileCache {
  readonly slowMs = new Map<string, number>();
  readonly broken = new Map<string, { readonly message: string; readonly isRetriable: boolean }>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async fetch(
    source: Source,
    _entry: string | null,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const place = source.kind === "path" ? source.path : source.url;
    const slowMs = this.slowMs.get(place) ?? 0;
    if (slowMs > 0) {
      onProgress("Downloading http file [50%]");
      await this.#clock.sleep(slowMs, signal);
    }
    const broken = this.broken.get(place);
    if (broken !== undefined) throw new FetchError(broken.message, broken.isRetriable);
    return source.kind === "path" ? place : `/cache/${place}`;
  }

  async look(source: Source): Promise<SourceState> {
    const broken = this.broken.get(source.kind === "path" ? source.path : source.url);
    if (broken?.isRetriable === false) return "gone";
    return source.kind === "path" ? "here" : "unknown";
  }
}
