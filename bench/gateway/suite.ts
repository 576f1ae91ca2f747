import type { Outcome } from "../harness/outcome.ts";
import type { Stage } from "../harness/stage.ts";

/** What every suite is told. */
export interface SuiteOptions {
  /** Turns of each side that count. */
  readonly rounds: number;
  /** Length of a turn. */
  readonly seconds: number;
  /** Length of the soak. */
  readonly minutes: number;
  /** Requests a second where a suite sends at a constant rate; null: from the capacity that it finds. */
  readonly rate: number | null;
}

/** One question to the gateway, with its peers and its bar. It starts what it needs on the stage, which ends after it. */
export type Suite = (stage: Stage, options: SuiteOptions) => Promise<Outcome>;
