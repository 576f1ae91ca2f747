import type { Candidate } from "../core/traffic/pick.ts";
import type { Instance } from "./instance.ts";
import { MIRROR_IN_FLIGHT_MAX } from "./limits.ts";
import type { MirrorLink } from "./mirror-link.ts";

/** One instance of a target: how many copies it holds, and the connections that are kept for more. */
export class MirrorInstance implements Candidate {
  readonly instance: Instance;
  copies = 0;
  /** It could not be reached; until `suspectUntilMs` (monotonic) it gets no copies. */
  isSuspect = false;
  suspectUntilMs = 0;
  /** The table in force names it. */
  isNamed = true;
  /** Connections without a copy, last used last. */
  readonly idle: MirrorLink[] = [];

  constructor(instance: Instance) {
    this.instance = instance;
  }

  /** Copies and requests of users: a copy goes to where there is room. */
  get inFlight(): number {
    return this.copies + this.instance.inFlight;
  }

  /** A connection whose copy is answered is kept for the next one. */
  mayKeep(): boolean {
    return this.isNamed && this.idle.length < MIRROR_IN_FLIGHT_MAX;
  }

  /** An idle connection is over. */
  forget(link: MirrorLink): void {
    const index = this.idle.lastIndexOf(link);
    if (index !== -1) this.idle.splice(index, 1);
  }

  /** Ends suspicion, and closes connections that were idle for long: the oldest stand first. */
  sweep(nowMs: number, idleMs: number): void {
    if (this.isSuspect && nowMs >= this.suspectUntilMs) this.isSuspect = false;
    let old = 0;
    while (old < this.idle.length && nowMs - this.idle[old]!.movedMs > idleMs) old++;
    for (const link of this.idle.splice(0, old)) link.close();
  }

  closeIdle(): void {
    for (const link of this.idle.splice(0)) link.close();
  }
}
