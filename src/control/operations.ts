import type { AccessRules, InstanceSpec } from "../core/instance-spec.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import type { Log } from "../ports/log.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";

type Work = "starting" | "stopping";

/**
 * Owner of starts and stops that are under way. They may take long (a stop drains), so they run beside the loop; when one
 * ends, its service is woken. They do not survive this process: the next plan finds what is so, and begins them again.
 */
export class Operations {
  readonly #runtime: RuntimeDriver;
  readonly #log: Log;
  readonly #onEnd: (service: ServiceName, cause: string) => void;
  readonly #busy = new Map<ServiceName, Map<InstanceId, Work>>();
  readonly #failedStarts = new Map<ServiceName, Map<InstanceId, string>>();
  readonly #running = new Set<Promise<void>>();
  readonly #end = new AbortController();

  constructor(runtime: RuntimeDriver, log: Log, onEnd: (service: ServiceName, cause: string) => void) {
    this.#runtime = runtime;
    this.#log = log;
    this.#onEnd = onEnd;
  }

  busy(service: ServiceName): Map<InstanceId, Work> {
    return new Map(this.#busy.get(service));
  }

  /** Starts that failed and that no plan has dealt with yet. */
  failedStarts(service: ServiceName): Map<InstanceId, string> {
    return new Map(this.#failedStarts.get(service));
  }

  /** A plan has dealt with them. */
  forgetFailedStarts(service: ServiceName, ids: Iterable<InstanceId>): void {
    for (const id of ids) take(this.#failedStarts, service, id);
  }

  start(spec: InstanceSpec): void {
    const { id, service } = spec;
    this.#begin(id, service, "starting", this.#runtime.start(spec, this.#end.signal), (error) => {
      const message = error instanceof Error ? error.message : String(error);
      put(this.#failedStarts, service, id, message);
      this.#onEnd(service, `start of ${id} failed`);
    });
  }

  stop(id: InstanceId, service: ServiceName, graceMs: number): void {
    this.#begin(id, service, "stopping", this.#runtime.stop(id, graceMs, this.#end.signal), (error) => {
      // Not woken: the service's period tries again, since at once it would most likely fail again.
      this.#log.warn({ instance: id, err: error }, "an instance could not be stopped");
    });
  }

  /** Short, and no plan has to wait for it; one that fails is begun again by the service's period. */
  setAccess(id: InstanceId, access: AccessRules): void {
    const end = this.#runtime.setAccess(id, access, this.#end.signal).catch((error: unknown) => {
      if (!this.#end.signal.aborted)
        this.#log.warn({ instance: id, err: error }, "an instance could not be given its tokens");
    });
    const tracked = end.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Lets go of what is under way, and waits until nothing of it runs in this process. */
  async close(): Promise<void> {
    this.#end.abort();
    await Promise.allSettled(this.#running);
  }

  #begin(
    id: InstanceId,
    service: ServiceName,
    work: Work,
    running: Promise<void>,
    onError: (error: unknown) => void,
  ): void {
    put(this.#busy, service, id, work);
    const end = running.then(
      () => {
        take(this.#busy, service, id);
        this.#onEnd(service, `${work} of ${id} ended`);
      },
      (error: unknown) => {
        take(this.#busy, service, id);
        if (!this.#end.signal.aborted) onError(error);
      },
    );
    const tracked = end.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}

type OfServices<T> = Map<ServiceName, Map<InstanceId, T>>;

function put<T>(all: OfServices<T>, service: ServiceName, id: InstanceId, value: T): void {
  const own = all.get(service) ?? new Map<InstanceId, T>();
  all.set(service, own.set(id, value));
}

function take<T>(all: OfServices<T>, service: ServiceName, id: InstanceId): void {
  const own = all.get(service);
  own?.delete(id);
  if (own?.size === 0) all.delete(service);
}
