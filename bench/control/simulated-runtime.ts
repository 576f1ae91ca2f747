import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { AccessRules, InstanceSpec } from "../../src/core/instance-spec.ts";
import type { InstanceWork } from "../../src/core/instance-work.ts";
import type { InstanceId, ServiceName } from "../../src/core/names.ts";
import type { InstanceReport, RuntimeDriver } from "../../src/ports/runtime.ts";

/** From launch to ready, and from a stop to gone. */
const LOAD_MS = 50;
const DRAIN_MS = 5;

/**
 * Instances that are reports only: they get ready, drain and go as real ones do, and outlive the control process in a file. What it costs to
 * ask is what it costs to hand out the reports of one service; a real driver's own cost is not the control process's.
 */
export class SimulatedRuntime implements RuntimeDriver {
  readonly kind = "process";
  readonly #file: string;
  readonly #services = new Map<ServiceName, Map<InstanceId, InstanceReport>>();
  readonly #pending = new Set<InstanceId>();
  #wake = () => {};
  #pid = 100_000;

  /** `file`: what {@link save} of an earlier life has written, if any. */
  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").split("\n"))
      if (line !== "") this.#put(JSON.parse(line) as InstanceReport);
  }

  get readyCount(): number {
    let count = 0;
    for (const own of this.#services.values())
      for (const { state } of own.values()) if (state?.phase === "ready") count += 1;
    return count;
  }

  save(): void {
    const reports = [...this.#services.values()].flatMap((own) => [...own.values()]);
    writeFileSync(this.#file, `${reports.map((report) => JSON.stringify(report)).join("\n")}\n`);
  }

  /** Hints as file watches give them: of `count` instances, taken in turn, that told their memory anew. */
  touch(from: number, count: number): void {
    const services = [...this.#services.values()];
    for (let i = 0; i < count; i++) {
      const own = [...services[((from + i) * 7919) % services.length]!.keys()];
      if (own.length === 0) continue;
      const id = own[from % own.length]!;
      const report = this.#find(id)!;
      const bytes = (report.state?.memory?.bytes ?? 4e7) * 1.02;
      if (report.state !== null) this.#put({ ...report, state: { ...report.state, memory: { bytes } } });
      this.#hint(id);
    }
  }

  async start(spec: InstanceSpec): Promise<void> {
    if (this.#find(spec.id)?.isAlive) return;
    this.#put(this.#report(spec, "loading"));
    this.#hint(spec.id);
    void delay(LOAD_MS).then(() => {
      const report = this.#find(spec.id);
      if (report?.state?.phase !== "loading") return;
      this.#put({ ...this.#report(report.spec, "ready"), pid: report.pid });
      this.#hint(spec.id);
    });
  }

  async setAccess(id: InstanceId, { tokens, isBodyChecked }: AccessRules): Promise<void> {
    const report = this.#find(id);
    if (report !== undefined) this.#put({ ...report, spec: { ...report.spec, tokens, isBodyChecked } });
  }

  async stop(id: InstanceId): Promise<void> {
    const report = this.#find(id);
    if (report === undefined) return;
    await delay(DRAIN_MS);
    this.#services.get(report.spec.service)?.delete(id);
    this.#hint(id);
  }

  async list(owner?: ServiceName): Promise<readonly InstanceReport[]> {
    if (owner !== undefined) return [...(this.#services.get(owner)?.values() ?? [])];
    return [...this.#services.values()].flatMap((own) => [...own.values()]);
  }

  async work(): Promise<readonly InstanceWork[]> {
    return [];
  }

  async *hints(signal: AbortSignal): AsyncIterable<InstanceId> {
    signal.addEventListener("abort", () => this.#wake());
    // As the real one, which looks at every folder first.
    for (const own of this.#services.values()) for (const id of own.keys()) this.#pending.add(id);
    while (!signal.aborted) {
      for (const id of this.#pending) {
        this.#pending.delete(id);
        yield id;
      }
      if (this.#pending.size > 0) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  async *logs(id: InstanceId): AsyncIterable<string> {
    yield `log of ${id}`;
  }

  #report(spec: InstanceSpec, phase: "loading" | "ready"): InstanceReport {
    const startedAtMs = Date.now();
    const workers = { workersReady: phase === "ready" ? 1 : 0, workersTotal: 1, workerRestarts: 0 };
    const stages =
      phase === "ready"
        ? {
            stages: [
              { name: "start", ms: 40 },
              { name: "load", ms: LOAD_MS },
            ],
          }
        : {};
    return {
      spec,
      isAlive: true,
      pid: this.#pid++,
      startedAtMs,
      state: { phase, message: "", port: 4000, ...workers, ...stages, updatedAtMs: startedAtMs },
      address: { kind: "unix", path: `/home/user/.sluice/run/instances/${spec.id}/data.sock` },
      exit: null,
      limits: { memory: "cgroup2", cpu: "cgroup2", processes: "cgroup2", note: null },
    };
  }

  #find(id: InstanceId): InstanceReport | undefined {
    return this.#services.get(id.replace(/-v\d+(\.\d+)?-\d+$/, "") as ServiceName)?.get(id);
  }

  #put(report: InstanceReport): void {
    const { service, id } = report.spec;
    const own = this.#services.get(service) ?? new Map<InstanceId, InstanceReport>();
    this.#services.set(service, own.set(id, report));
  }

  #hint(id: InstanceId): void {
    this.#pending.add(id);
    this.#wake();
  }
}
