import type { Room } from "../core/plan/room.ts";

/** What this node has for instances in all. */
export interface NodeCapacity {
  /** Null: not known, and nothing is held back for it. Asked at every plan, so it answers from memory. */
  total(): Room | null;
  /** GPUs that processors can use. */
  gpuCount(): number;
}
