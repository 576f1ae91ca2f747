/** What a worker sees of what holds up its own loop, in ms. */
export interface Watched {
  /** How late a timer of 1 ms was. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  readonly lateP999Ms: number;
  readonly lateMaxMs: number;
  /** Pauses of the collector, by kind: of the young, of all, steps on the way to that. */
  readonly pauses: Readonly<
    Record<string, { readonly count: number; readonly ms: number; readonly maxMs: number }>
  >;
  /** CPU time of the main thread. */
  readonly cpuMs: number;
  /** How long the main thread could have run, and had no core. */
  readonly waitedMs: number;
  /** Resident memory. */
  readonly rssMb: number;
}

/** Where it says so, in its run folder. */
export const WATCHED_FILE = "watched.json";
