/**
 * A whole installation in memory: store, runtime, gateways, files and time outlive the control process, which can be
 * killed at any point and begun anew. A killed one does nothing more: whatever it was waiting for never comes.
 */

import type { Component } from "../base/component.ts";
import { createControlPlane } from "../control/app.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { GatewayMessage } from "../core/gateway-report.ts";
import type { GatewayId, InstanceId, ServiceName } from "../core/names.ts";
import type { Room } from "../core/plan/room.ts";
import type { ServiceStatus } from "../core/service.ts";
import type { GatewayFleet } from "../ports/gateways.ts";
import { KeptLog } from "./kept-log.ts";
import { MemoryEnvironments } from "./memory-environments.ts";
import { MemoryFiles } from "./memory-files.ts";
import { MemoryFleet } from "./memory-fleet.ts";
import { MemoryRuntime } from "./memory-runtime.ts";
import { MemoryStore } from "./memory-store.ts";
import { SeededRandom } from "./seeded-random.ts";
import { VirtualClock } from "./virtual-clock.ts";

interface Life {
  readonly control: ControlPlane & Component;
  readonly end: AbortController;
  readonly ended: Promise<void>;
  isKilled: boolean;
}

export interface WorldOptions {
  readonly seed?: number;
  readonly gatewayCount?: number;
  /** Not there: one in memory alone. */
  readonly store?: MemoryStore;
}

export class ControlWorld {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly store: MemoryStore;
  readonly runtime = new MemoryRuntime(this.clock);
  readonly fleet = new MemoryFleet(this.clock);
  readonly files = new MemoryFiles(this.clock);
  readonly environments = new MemoryEnvironments();
  readonly log = new KeptLog();
  /** What the node has for instances; null: not known. */
  capacity: Room | null = null;
  gpuCount = 0;
  readonly #gatewayCount: number;
  #life: Life | null = null;

  constructor({ seed = 1, gatewayCount = 2, store = new MemoryStore() }: WorldOptions = {}) {
    this.store = store;
    this.random = new SeededRandom(seed);
    this.#gatewayCount = gatewayCount;
  }

  get isRunning(): boolean {
    return this.#life !== null;
  }

  get control(): ControlPlane {
    if (this.#life === null) throw new Error("no control process runs");
    return this.#life.control;
  }

  /** A new life of the control process. */
  begin(): void {
    const end = new AbortController();
    const life: { isKilled: boolean } = { isKilled: false };
    const mortal = <T extends object>(port: T): T => mortalPort(port, life);
    const control = createControlPlane({
      store: mortal(this.store),
      runtime: mortal(this.runtime),
      files: mortal(this.files),
      environments: mortal(this.environments),
      gateways: mortalFleet(this.fleet, life),
      clock: mortal(this.clock),
      random: this.random,
      log: this.log,
      capacity: { total: () => this.capacity, gpuCount: () => this.gpuCount },
      settings: {
        gatewayCount: this.#gatewayCount,
        host: "127.0.0.1",
        port: 8080,
        tls: null,
        accessLog: { share: null, withQuery: false },
      },
    });
    const ended = control.run(end.signal);
    ended.catch(() => {}); // looked at by stop
    this.#life = Object.assign(life, { control, end, ended });
  }

  /** `kill -9` of the control process, at whatever it is doing. */
  kill(): void {
    if (this.#life !== null) this.#life.isKilled = true;
    this.#life = null;
    this.fleet.cutLinks();
  }

  /** An orderly end; resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === null) return;
    life.end.abort();
    this.#life = null;
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    const ended = life.ended.then(over, (error: unknown) => {
      over();
      if (!life.end.signal.aborted) throw error;
    });
    for (let i = 0; i < 1000 && !isOver; i++) await this.clock.advance(100);
    await ended;
  }

  /** Lets time pass until `isSo`, or fails after `limitMs`. Returns the ms that it took. */
  async until(what: string, isSo: () => boolean, limitMs = 60_000): Promise<number> {
    const start = this.clock.monotonic();
    while (!isSo()) {
      if (this.clock.monotonic() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await this.clock.advance(1);
    }
    return this.clock.monotonic() - start;
  }

  status(name: string): ServiceStatus | undefined {
    return this.store.statuses.get(name as ServiceName);
  }

  async untilRunning(name: string, limitMs = 60_000): Promise<number> {
    const isRunning = () => {
      const status = this.status(name);
      const record = this.store.state.services.get(name as ServiceName);
      return status?.phase === "Running" && status.observedGeneration === record?.generation;
    };
    return await this.until(`${name} is Running`, isRunning, limitMs);
  }

  /** Living instances of a service, by id. */
  alive(name: string): Map<InstanceId, number> {
    const own = [...this.runtime.engines.values()].filter((e) => e.spec.service === name && e.exit === null);
    return new Map(own.map((e) => [e.spec.id, e.pid]));
  }

  /** Instances of a service in the table in force at each living gateway. */
  routed(name: string): InstanceId[][] {
    return this.fleet.live.map(
      (g) => g.table?.services.find((s) => s.name === name)?.instances.map((i) => i.id) ?? [],
    );
  }
}

/** A service.json for tests, as a user would write it. */
export function documentFor(
  name: string,
  { count = 1, group, ...metadata }: { count?: number; group?: string } & Record<string, unknown> = {},
) {
  return {
    name,
    processor_type: "python",
    processor_path: "/p",
    processor_entry: "app.py",
    metadata: { instance: count, ...(group === undefined ? {} : { group }), ...metadata },
  };
}

function never<T>(): Promise<T> {
  return new Promise(() => {});
}

/** The port as a process sees it that may be killed: afterwards nothing is begun and nothing answers. */
function mortalPort<T extends object>(port: T, life: { isKilled: boolean }): T {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...args: unknown[]) => {
        if (life.isKilled && key !== "now" && key !== "monotonic") return never();
        const result: unknown = member.apply(target, args);
        if (!(result instanceof Promise)) return result;
        return result.then(
          (value: unknown) => (life.isKilled ? never() : value),
          (error: unknown) => (life.isKilled ? never() : Promise.reject(error)),
        );
      };
    },
  });
}

function mortalFleet(fleet: MemoryFleet, life: { isKilled: boolean }): GatewayFleet {
  const port = mortalPort<GatewayFleet>(fleet, life);
  return {
    list: () => port.list(),
    start: (launch) => port.start(launch),
    stop: (id, graceMs, signal) => port.stop(id, graceMs, signal),
    ended: (id, patienceMs, signal) => port.ended(id, patienceMs, signal),
    connect: (id: GatewayId, onMessage: (message: GatewayMessage) => void, onClose: () => void) =>
      port.connect(
        id,
        (message) => {
          if (!life.isKilled) onMessage(message);
        },
        () => {
          if (!life.isKilled) onClose();
        },
      ),
  };
}
