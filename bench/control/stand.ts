import { join } from "node:path";
import type { Table } from "../harness/outcome.ts";
import type { Client, Cost } from "./calls.ts";
import type { ControlChild } from "./control-child.ts";
import type { ControlOptions } from "./control-messages.ts";
import type { WorldSize } from "./world.ts";

/** What there is to measure with. */
export interface Stand {
  readonly size: WorldSize;
  readonly options: ControlOptions;
  readonly client: Client;
  child: ControlChild;
  /** Of each kind. */
  readonly calls: number;
  readonly idleS: number;
  /** A folder for CPU profiles of each phase; null: none are made. */
  readonly profiles: string | null;
  /** Starts a control process; resolves when its API listens. */
  readonly begin: () => Promise<void>;
}

export interface Found {
  readonly tables: readonly Table[];
  readonly bars: readonly {
    readonly bar: string;
    readonly value: number;
    readonly most: number;
    readonly digits?: number;
  }[];
  readonly raw: unknown;
}

export interface Phase {
  readonly needsControl: boolean;
  run(stand: Stand): Promise<Found>;
}

/** A phase with a CPU profile of it, when they are asked for. */
export async function profiled<T>(stand: Stand, name: string, work: () => Promise<T>): Promise<T> {
  if (stand.profiles === null) return await work();
  await stand.child.ask({ type: "profile", file: null }, "done");
  const outcome = await work();
  await stand.child.ask({ type: "profile", file: join(stand.profiles, `${name}.cpuprofile`) }, "done");
  return outcome;
}

export const costRow = ({ name, clients, calls, p50Ms, p99Ms, maxMs, cpuMsEach, bytesEach }: Cost) => ({
  call: name,
  clients,
  calls,
  "p50 ms": p50Ms.toFixed(1),
  "p99 ms": p99Ms.toFixed(1),
  "max ms": maxMs.toFixed(1),
  "CPU ms each": cpuMsEach.toFixed(2),
  "kB each": (bytesEach / 1000).toFixed(0),
});
