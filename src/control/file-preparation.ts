import type { ServiceName } from "../core/names.ts";
import { BACKOFF_MAX_MS, backoffMs } from "../core/plan/backoff.ts";
import type { FilesState } from "../core/plan/plan-input.ts";
import type { ServiceRecord } from "../core/service.ts";
import type { ServiceSpec, Source } from "../core/spec/service-spec.ts";
import type { Clock } from "../ports/clock.ts";
import { FetchError, type FileCache } from "../ports/files.ts";

/** Progress lines kept of one preparation. */
const LINES_MAX = 15;

interface WantedFiles {
  readonly source: Source | null;
  /** The file that must be among them. */
  readonly entry: string | null;
}

interface Preparation {
  /** What it is for: another version, restart or source begins anew. */
  readonly purpose: string;
  readonly end: AbortController;
  state: FilesState;
  failures: number;
  /** Monotonic; when a failed one is tried again. */
  retryAt: number;
  running: Promise<void> | null;
}

/**
 * Owner of downloads and checks of files, one at a time for each service. They run beside the loop, since they
 * may take minutes; each step wakes the service. Failures are tried again: after a backoff when the network may
 * recover, and once a minute when somebody has to put a file right.
 */
export class FilePreparation {
  readonly #files: FileCache;
  readonly #clock: Clock;
  readonly #onStep: (service: ServiceName, cause: string) => void;
  readonly #all = new Map<ServiceName, Preparation>();

  constructor(files: FileCache, clock: Clock, onStep: (service: ServiceName, cause: string) => void) {
    this.#files = files;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /** Where the files of a service are; begins to bring them when that is not under way. */
  stateOf(record: ServiceRecord, spec: ServiceSpec): FilesState {
    const processor = packageOf(spec);
    const sources = [processor, spec.model] as const;
    const purpose = JSON.stringify([record.version, record.epoch, sources]);
    const before = this.#all.get(record.name);
    const isSame = before?.purpose === purpose;
    if (!isSame) this.forget(record.name);
    const isRetry = before?.state.kind === "failed" && this.#clock.monotonic() >= before.retryAt;
    if (isSame && !isRetry) return before.state;

    const preparation: Preparation = {
      purpose,
      end: new AbortController(),
      state: isSame ? before.state : { kind: "fetching", progress: [] },
      failures: isSame ? before.failures : 0,
      retryAt: Number.POSITIVE_INFINITY,
      running: null,
    };
    this.#all.set(record.name, preparation);
    preparation.running = this.#prepare(record.name, preparation, sources);
    return preparation.state;
  }

  /** When a failed preparation of this service is tried again, from now; null: nothing waits. */
  retryInMs(service: ServiceName): number | null {
    const preparation = this.#all.get(service);
    if (preparation?.state.kind !== "failed" || !Number.isFinite(preparation.retryAt)) return null;
    return Math.max(0, preparation.retryAt - this.#clock.monotonic());
  }

  forget(service: ServiceName): void {
    this.#all.get(service)?.end.abort();
    this.#all.delete(service);
  }

  async close(): Promise<void> {
    const running = [...this.#all.values()].map((p) => p.running);
    for (const service of [...this.#all.keys()]) this.forget(service);
    await Promise.allSettled(running);
  }

  async #prepare(
    service: ServiceName,
    preparation: Preparation,
    [processor, model]: readonly [WantedFiles | null, WantedFiles],
  ): Promise<void> {
    const { signal } = preparation.end;
    const lines: string[] = [];
    const onProgress = (line: string) => {
      const isCount = topicOf(line) !== null && topicOf(line) === topicOf(lines.at(-1) ?? "");
      if (isCount) lines.pop();
      lines.push(line);
      if (lines.length > LINES_MAX) lines.shift();
      if (preparation.state.kind !== "fetching" || signal.aborted) return;
      preparation.state = { kind: "fetching", progress: [...lines] };
      this.#onStep(service, "files on their way");
    };
    const fetch = async (wanted: WantedFiles | null) =>
      wanted === null || wanted.source === null
        ? null
        : await this.#files.fetch(wanted.source, wanted.entry, onProgress, signal);
    try {
      const processorPath = await fetch(processor);
      const modelPath = await fetch(model);
      preparation.state = { kind: "ready", progress: [...lines], processorPath, modelPath };
    } catch (error) {
      if (signal.aborted) return;
      const isRetriable = error instanceof FetchError ? error.isRetriable : true;
      const message = error instanceof Error ? error.message : String(error);
      preparation.failures += 1;
      const waitMs = isRetriable ? backoffMs(preparation.failures) : BACKOFF_MAX_MS;
      preparation.retryAt = this.#clock.monotonic() + waitMs;
      preparation.state = { kind: "failed", progress: [...lines], message, isRetriable };
    }
    if (!signal.aborted) this.#onStep(service, "files prepared");
  }
}

/** What `processor_path` brings; null when there is none. */
function packageOf({ processor }: ServiceSpec): WantedFiles | null {
  if (processor.kind === "builtin") return null;
  return { source: processor.source, entry: processor.kind === "custom" ? processor.entry : null };
}

/** `Downloading http file` of `Downloading http file [43%]`; null for a line that does not count. */
function topicOf(line: string): string | null {
  return /^(.+) \[\d+%\]$/.exec(line)?.[1] ?? null;
}
