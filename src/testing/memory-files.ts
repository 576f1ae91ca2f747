import type { Source } from "../core/spec/service-spec.ts";
import type { Clock } from "../ports/clock.ts";
import { type CachedContent, FetchError, type FileCache, type SourceState } from "../ports/files.ts";

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

  /** What `contents` says; a test puts it here. */
  kept: readonly CachedContent[] = [];
  readonly inUse = new Set<string>();

  async contents(): Promise<readonly CachedContent[]> {
    return this.kept;
  }

  async bytesMax(): Promise<number> {
    return 1_000_000;
  }

  async remove(id: string): Promise<"removed" | "in-use" | "not-found"> {
    if (!this.kept.some((c) => c.id === id)) return "not-found";
    if (this.inUse.has(id)) return "in-use";
    this.kept = this.kept.filter((c) => c.id !== id);
    return "removed";
  }

  async look(source: Source): Promise<SourceState> {
    const broken = this.broken.get(source.kind === "path" ? source.path : source.url);
    if (broken?.isRetriable === false) return "gone";
    return source.kind === "path" ? "here" : "unknown";
  }
}
