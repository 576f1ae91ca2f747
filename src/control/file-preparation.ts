import type { ServiceName } from "../core/names.ts";
import { BACKOFF_MAX_MS, backoffMs } from "../core/plan/backoff.ts";
import type { FilesState } from "../core/plan/plan-input.ts";
import type { ServiceRecord } from "../core/service.ts";
import type { Requirements } from "../core/spec/requirements.ts";
import type { ServiceSpec, Source } from "../core/spec/service-spec.ts";
import type { Clock } from "../ports/clock.ts";
import type { PythonEnvironments, WantedEnvironment } from "../ports/environments.ts";
import { FetchError, type FileCache } from "../ports/files.ts";
import { StageClock } from "./stage-clock.ts";

/** Progress lines kept of one preparation. */
const LINES_MAX = 15;

/** What a source has to bring. */
export interface WantedFiles {
  readonly source: Source | null;
  /** The file that must be among them. */
  readonly entry: string | null;
}

interface WantedParts {
  readonly processor: WantedFiles | null;
  readonly model: WantedFiles;
  readonly warmUp: Source | null;
  readonly requirements: Requirements | null;
}

interface Preparation {
  /** What it is for: another version, restart or source begins anew. */
  readonly purpose: string;
  readonly end: AbortController;
  state: FilesState;
  /** Of its environment as soon as it is there. */
  environmentPath: string | null;
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
  readonly #environments: PythonEnvironments;
  readonly #clock: Clock;
  readonly #onStep: (service: ServiceName, cause: string) => void;
  readonly #all = new Map<string, Preparation>();

  constructor(
    files: FileCache,
    environments: PythonEnvironments,
    clock: Clock,
    onStep: (service: ServiceName, cause: string) => void,
  ) {
    this.#files = files;
    this.#environments = environments;
    this.#clock = clock;
    this.#onStep = onStep;
  }

  /**
   * Where the files of a service are; begins to bring them when that is not under way. `before`: those of the version before, beside
   * those of the one in force.
   */
  stateOf(record: ServiceRecord, spec: ServiceSpec, part: "in-force" | "before" = "in-force"): FilesState {
    const processor = packageOf(spec);
    const requirements = requirementsOf(spec);
    const wanted = { processor, model: spec.model, warmUp: spec.warmUp, requirements };
    const purpose = JSON.stringify([record.version, record.epoch, wanted]);
    const key = part === "before" ? beforeKey(record.name) : record.name;
    const before = this.#all.get(key);
    const isSame = before?.purpose === purpose;
    if (!isSame) this.#drop(key);
    const isRetry = before?.state.kind === "failed" && this.#clock.monotonic() >= before.retryAt;
    if (isSame && !isRetry) return before.state;

    const preparation: Preparation = {
      purpose,
      end: new AbortController(),
      state: isSame ? before.state : { kind: "fetching", progress: [] },
      environmentPath: null,
      failures: isSame ? before.failures : 0,
      retryAt: Number.POSITIVE_INFINITY,
      running: null,
    };
    this.#all.set(key, preparation);
    preparation.running = this.#prepare(record.name, preparation, wanted);
    return preparation.state;
  }

  /** When a failed preparation of this service is tried again, from now; null: nothing waits. */
  retryInMs(service: ServiceName): number | null {
    const waits = [service, beforeKey(service)].flatMap((key) => {
      const preparation = this.#all.get(key);
      if (preparation?.state.kind !== "failed" || !Number.isFinite(preparation.retryAt)) return [];
      return [Math.max(0, preparation.retryAt - this.#clock.monotonic())];
    });
    return waits.length === 0 ? null : Math.min(...waits);
  }

  forget(service: ServiceName): void {
    this.#drop(service);
    this.forgetBefore(service);
  }

  /** The version before is not asked for any more: else a failed one would wait for ever for somebody to try it again. */
  forgetBefore(service: ServiceName): void {
    this.#drop(beforeKey(service));
  }

  /** Environments that somebody was told of. */
  get environmentPaths(): readonly string[] {
    return [...this.#all.values()].flatMap((p) => p.environmentPath ?? []);
  }

  #drop(key: string): void {
    this.#all.get(key)?.end.abort();
    this.#all.delete(key);
  }

  async close(): Promise<void> {
    const running = [...this.#all.values()].map((p) => p.running);
    for (const key of [...this.#all.keys()]) this.#drop(key);
    await Promise.allSettled(running);
  }

  async #prepare(
    service: ServiceName,
    preparation: Preparation,
    { processor, model, warmUp, requirements }: WantedParts,
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
    const stages = new StageClock(() => this.#clock.monotonic());
    const fetch = async (name: string, wanted: WantedFiles | null) => {
      if (wanted === null || wanted.source === null) return null;
      const { source, entry } = wanted;
      return await stages.time(name, () => this.#files.fetch(source, entry, onProgress, signal));
    };
    try {
      const processorPath = await fetch("processor fetch", processor);
      if (requirements !== null) {
        preparation.environmentPath = await stages.time("environment", () =>
          this.#environment(requirements, processorPath, onProgress, signal),
        );
      }
      const modelPath = await fetch("model fetch", model);
      const warmUpPath =
        warmUp === null
          ? null
          : await stages.time("warm-up fetch", () => this.#fetchWarmUp(warmUp, onProgress, signal));
      preparation.state = {
        kind: "ready",
        progress: [...lines],
        processorPath,
        modelPath,
        warmUpPath,
        environmentPath: preparation.environmentPath,
        stages: stages.all,
      };
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

  /** Its packages, when its own files are here: what is wrong with them names their field. */
  async #environment(
    requirements: Requirements,
    processorPath: string | null,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return await this.#environments.prepare(placed(requirements, processorPath), onProgress, signal);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      throw new FetchError(`${requirements.field}: ${error.message}`, error.isRetriable, { cause: error });
    }
  }

  /** The last and least known of the files: what is wrong with it names its field. */
  async #fetchWarmUp(
    source: Source,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    try {
      return await this.#files.fetch(source, null, onProgress, signal);
    } catch (error) {
      if (!(error instanceof FetchError)) throw error;
      throw new FetchError(`warm_up_data_path: ${error.message}`, error.isRetriable, { cause: error });
    }
  }
}

/** Where the requirements are, beside what was brought of the processor. */
export function placed(
  { lines, file, accepts }: Requirements,
  processorPath: string | null,
): WantedEnvironment {
  if (file === null || file.startsWith("/")) return { lines, file, accepts };
  return { lines, file: `${processorPath ?? ""}/${file}`, accepts };
}

/** What a service wants to be made into an environment; null: nothing. */
export function requirementsOf({ processor }: ServiceSpec): Requirements | null {
  return processor.requirements ?? null;
}

/** No service can be called so. */
const beforeKey = (service: ServiceName) => `${service} before`;

/** What `processor_path` brings; null when there is none. */
export function packageOf({ processor }: ServiceSpec): WantedFiles | null {
  if (processor.kind === "builtin") return null;
  return { source: processor.source, entry: processor.kind === "custom" ? processor.entry : null };
}

/** `Downloading http file` of `Downloading http file [43%]`; null for a line that does not count. */
function topicOf(line: string): string | null {
  return /^(.+) \[\d+%\]$/.exec(line)?.[1] ?? null;
}
