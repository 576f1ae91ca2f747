/** What the benchmark and its control process say to each other. */

export interface ControlOptions {
  readonly home: string;
  readonly gateways: number;
  readonly ports: { readonly api: number; readonly gateway: number };
  readonly key: { readonly id: string; readonly secret: string };
}

/** One commit, and what became of it; times in ms on the clock of the control process. */
export interface Publication {
  readonly committedAtMs: number;
  /** When the first gateway was given the table, and how many bytes; null: none was needed. */
  readonly sentAtMs: number;
  /** When the last gateway said that it serves by it. */
  readonly ackedAtMs: number;
  readonly isWhole: boolean;
}

export type ToControl =
  | { readonly type: "state" | "memory" | "delays" | "publications" | "save" }
  /** So many instances a second tell something new. */
  | { readonly type: "touch"; readonly perSecond: number }
  /** Null: begin. */
  | { readonly type: "profile"; readonly file: string | null };

export type FromControl =
  | { readonly type: "listening" | "done" }
  | {
      readonly type: "state";
      readonly readyInstances: number;
      readonly runningServices: number;
      readonly services: number;
      /** Keys of the loop, and those that ran in this life. */
      readonly keys: number;
      readonly keysRun: number;
      /** In force at each gateway, and the newest that was sent. */
      readonly tables: readonly number[];
      readonly newestTable: number;
    }
  | ({ readonly type: "memory" } & NodeJS.MemoryUsage)
  | { readonly type: "delays"; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number }
  | { readonly type: "publications"; readonly all: readonly Publication[] };
