import type { ChildProcess } from "node:child_process";
import { withChildren } from "../harness/process-cost.ts";
import type { Side } from "../harness/side.ts";

/** What a peer is to do, beside the job that all of them do. */
export interface PeerJob {
  /** `host:port` of the upstream. */
  readonly upstream: string;
  /** Worker processes (nginx) or threads (HAProxy); 1 unless told. */
  readonly workers?: number;
  /** Bytes of each buffer for bodies; the peer's own defaults unless told. */
  readonly bufferBytes?: number;
  /** Every piece of an answer is to be passed on at once. */
  readonly isStreaming?: boolean;
  /** Limits of rate, concurrency and sizes, as far above the load as those of the gateway; none unless told. Only nginx knows how. */
  readonly hasLimits?: boolean;
  /** Idle connections kept to the upstream; 256 as in the gateway unless told. */
  readonly keptCount?: number;
}

/** A side whose process may have started others. */
export function processSide(name: string, port: number, process: ChildProcess): Side {
  return { name, port, pids: () => withChildren(process.pid!) };
}
