import type { InstanceSpec } from "../core/instance-spec.ts";
import type { BatchRule } from "./batching/batch-rules.ts";
import type { InstanceDir } from "./instance-dir.ts";
import type { EngineLimits } from "./limits.ts";
import type { LogFile } from "./log-file.ts";
import type { WorkerTools } from "./worker-command.ts";

/** What an engine is made of. */
export interface EngineParts {
  readonly dir: InstanceDir;
  readonly spec: InstanceSpec;
  /** Version of Sluice. */
  readonly sluiceVersion: string;
  readonly limits: EngineLimits;
  readonly tools: WorkerTools;
  readonly log: LogFile;
  /** Wall clock, ms. */
  readonly wallNow: () => number;
  /** Monotonic ms since this process began. */
  readonly now: () => number;
  /** What CLOCK_MONOTONIC is ahead of `now`, ms. */
  readonly clockAheadMs: number;
  /** When batches go; absent: as the product does it. */
  readonly batchRule?: BatchRule;
  /** For direct callers; absent: a free one. */
  readonly port?: number;
  /** Address of that port; absent: 127.0.0.1. */
  readonly host?: string;
}
