import type { RpcSpec } from "../../core/instance-spec.ts";
import type { LogFile } from "../log-file.ts";
import type { Worker } from "../worker.ts";

/** Says how much a worker that has loaded may have at once; returns how many requests, or batches. */
export function setPlaces(
  worker: Worker,
  { batching, workerThreads }: RpcSpec,
  facts: { readonly batch?: unknown },
  log: Pick<LogFile, "line">,
): number {
  if (batching !== undefined && facts.batch === true) {
    return worker.setBatches(workerThreads, batching.sizeMax);
  }
  worker.setSlots(workerThreads);
  if (batching !== undefined) {
    log.line(
      "metadata.rpc.batching has no effect: the processor or its model takes no batches, so requests go to it one by one",
    );
  }
  return workerThreads;
}
