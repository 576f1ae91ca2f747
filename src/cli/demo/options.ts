import type { HeldOutRow } from "./held-out.ts";
import type { DemoIo } from "./live-table.ts";
import type { DemoApi, DemoService } from "./service.ts";

/** What the demo needs of a Sluice that runs. */
export interface DemoOptions {
  readonly api: DemoApi;
  /** Of the gateway, e.g. `http://127.0.0.1:8080`. */
  readonly gatewayUrl: string;
  /** Absolute path of examples/pmml-canary. */
  readonly exampleDir: string;
  /** How this Sluice is called in a shell, with what it needs of the environment: `SLUICE_HOME=… bin/sluice`. */
  readonly command: string;
  readonly io: DemoIo;
  /** Return when all is shown; otherwise stay up until the signal. */
  readonly exitWhenDone: boolean;
  readonly signal: AbortSignal;
  /** Requests of one phase; 10,000 unless told otherwise. */
  readonly requestCount?: number;
  /** How long a change of the split may take to reach every gateway worker; 20,000 unless told otherwise. */
  readonly settleMsMax?: number;
}

/** What every phase shares. */
export interface Demo extends DemoOptions {
  readonly held: readonly HeldOutRow[];
  /** Everything that was not as promised, for the end. */
  readonly faults: string[];
}

/** A production and a canary service in one group, and the group's own token. */
export interface Pair {
  readonly prod: DemoService;
  readonly grey: DemoService;
  readonly groupToken: string;
}

/** One line for the reader. */
export const say = (demo: Pick<DemoOptions, "io">, text: string): void => demo.io.write(`${text}\n`);
