import type { RpcSpec } from "../core/instance-spec.ts";
import type { ModelFacts } from "./model-facts.ts";

/** Why an instance cannot go on, as in InstanceExit. */
export type FailureReason = "StartFailed" | "WarmUpFailed" | "Error" | "OOMKilled";

/** What the supervisor tells the engine. */
export interface SupervisorEvents {
  /** A worker is ready, or one has died: `workersReady` and `restarts` have changed. */
  changed(message: string): void;
  progress(text: string): void;
  /** A worker that has loaded is at a request of its warm-up, counted from 1. */
  warmingUp(at: number, of: number): void;
  /** The options in force, known once a worker has loaded its code. */
  rpcKnown(rpc: RpcSpec): void;
  /** What a worker that has loaded says of its model. */
  modelKnown(facts: ModelFacts): void;
  /** The instance cannot go on. */
  failed(reason: FailureReason, message: string): void;
}
