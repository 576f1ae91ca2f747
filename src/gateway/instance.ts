import type { InstanceId } from "../core/names.ts";
import { keyOfText } from "../core/traffic/affinity.ts";
import type { Address } from "../core/traffic/route-table.ts";
import type { Upstream } from "./upstream.ts";

/** One instance as a gateway sees it: how busy it is, and the warm connections to it. */
export class Instance {
  readonly id: InstanceId;
  readonly address: Address;
  /** For picking by the client's key: all instances of a service are alike. */
  readonly seed: number;
  readonly weight = 1;
  /** Requests handed to it and not yet over. */
  inFlight = 0;
  /** It could not be reached; until `suspectUntilMs` (monotonic) it is picked last. */
  isSuspect = false;
  suspectUntilMs = 0;
  /** The table in force names it. */
  isNamed = true;
  /** Connections without a request, last used last: warm ones stay in use, spare ones age. */
  readonly idle: Upstream[] = [];

  constructor(id: InstanceId, address: Address) {
    this.id = id;
    this.address = address;
    this.seed = keyOfText(id);
  }

  /** It could not be reached. */
  suspect(untilMs: number): void {
    this.isSuspect = true;
    this.suspectUntilMs = untilMs;
  }

  /** Ends suspicion, and closes connections that were idle for long: the oldest stand first. */
  sweep(nowMs: number, idleMs: number): void {
    if (this.isSuspect && nowMs >= this.suspectUntilMs) this.isSuspect = false;
    let old = 0;
    while (old < this.idle.length && nowMs - this.idle[old]!.movedMs > idleMs) old++;
    for (const upstream of this.idle.splice(0, old)) upstream.close();
  }

  /** Closes the connections without a request; those with one follow when it is over. */
  closeIdle(): void {
    for (const upstream of this.idle.splice(0)) upstream.close();
  }
}

/** Two addresses are the same place. */
export function isSameAddress(a: Address, b: Address): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  return b.kind === "tcp" && a.host === b.host && a.port === b.port;
}
