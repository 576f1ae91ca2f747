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
  readonly #busy = new Map<InstanceId, { readonly service: ServiceName; readonly work: Work }>();
  readonly #failedStarts = new Map<InstanceId, { readonly service: ServiceName; readonly message: string }>();
  readonly #running = new Set<Promise<void>>();
  readonly #end = new AbortController();

  constructor(runtime: RuntimeDriver, log: Log, onEnd: (service: ServiceName, cause: string) => void) {
    this.#runtime = runtime;
    this.#log = log;
    this.#onEnd = onEnd;
  }

  busy(service: ServiceName): Map<InstanceId, Work> {
    return new Map([...this.#busy].filter(([, b]) => b.service === service).map(([id, b]) => [id, b.work]));
  }

  /** Starts that failed and that no plan has dealt with yet. */
  failedStarts(service: ServiceName): Map<InstanceId, string> {
    const own = [...this.#failedStarts].filter(([, f]) => f.service === service);
    return new Map(own.map(([id, f]) => [id, f.message]));
  }

  /** A plan has dealt with them. */
  forgetFailedStarts(ids: Iterable<InstanceId>): void {
    for (const id of ids) this.#failedStarts.delete(id);
  }

  start(spec: InstanceSpec): void {
    const { id, service } = spec;
    this.#begin(id, service, "starting", this.#runtime.start(spec, this.#end.signal), (error) => {
      const message = error instanceof Error ? error.message : String(error);
      this.#failedStarts.set(id, { service, message });
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
    this.#busy.set(id, { service, work });
    const end = running.then(
      () => {
        this.#busy.delete(id);
        this.#onEnd(service, `${work} of ${id} ended`);
      },
      (error: unknown) => {
        this.#busy.delete(id);
        if (!this.#end.signal.aborted) onError(error);
      },
    );
    const tracked = end.finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }
}
