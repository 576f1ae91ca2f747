import type { ServiceReason } from "../reasons.ts";

/** What each reason of a service means. One that is `RUNNING` says all in its message. */
const SENTENCES: Readonly<Record<Exclude<ServiceReason, "RUNNING">, string>> = {
  CREATING: "Its first instances are about to be started.",
  WAITING: "Its instances are started, and not all of them are ready.",
  SCALING: "Its number of instances changes.",
  UPDATING: "New instances take the place of old ones, and each old one serves until a new one is ready.",
  STARTING: "It was stopped, and its instances come back.",
  STOPPING: "Its instances end when nothing is in flight to them.",
  STOPPED: "No instance of it runs, and its spec, address and tokens stay.",
  DELETING: "It is gone when its last instance has ended.",
  FETCH_FAILED: "Files that it needs are not here.",
  NO_ROOM: "The node has no room for what is to be started.",
  CRASHING: "Each of its instances fails, and is tried again after a longer wait.",
  CRASH_BLOCKED: "Its instances have failed, and runtime.enable_crash_block keeps them as they are.",
  UPDATE_FAILING: "Its update goes no further while its new instances fail.",
  BATCH_WAITING: "Its update goes on by itself, batch by batch.",
};

/** The reason of a service in plain words, to stand behind its message; null: there is nothing to add. */
export function stateText(reason: ServiceReason): string | null {
  return reason === "RUNNING" ? null : SENTENCES[reason];
}
