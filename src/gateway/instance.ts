import type { InstanceId } from "../core/names.ts";
import { keyOfText } from "../core/traffic/affinity.ts";
import { ejectionMs } from "../core/traffic/ejection.ts";
import type { Address } from "../core/traffic/route-table.ts";
import type { GrpcLinks } from "./grpc-links.ts";
import { UPSTREAM_FOREIGN_IDLE_MS } from "./limits.ts";
import { Meter } from "./meter.ts";
import type { TableSwitch } from "./service.ts";
import type { Upstream } from "./upstream.ts";

/** One instance as a gateway sees it: how busy it is, and the warm connections to it. */
export class Instance {
  readonly id: InstanceId;
  readonly address: Address;
  /** For picking by the client's key: all instances of a service are alike. */
  readonly seed: number;
  readonly weight = 1;
  readonly meter = new Meter();
  /** Requests handed to it and not yet over. */
  inFlight = 0;
  /** It could not be reached, so it is picked last: until a connection to it is made, by a request or by a probe. */
  isSuspect = false;
  /** When the next probe is due; monotonic. */
  #probeAtMs = 0;
  #failures = 0;
  #probe: Upstream | null = null;
  /** The table in force names it. */
  isNamed = true;
  /** Those that left the service that it was last of, and have something to report there; null: it is not among them. */
  #leaving: Set<Instance> | null = null;
  /** The last table or change that named it as one of an affected service. */
  namedAt: TableSwitch | null = null;
  /** Connections without a request, last used last: warm ones stay in use, spare ones age. */
  readonly idle: Upstream[] = [];
  /** Connections for gRPC calls; made with the first call. */
  calls: GrpcLinks | null = null;

  constructor(id: InstanceId, address: Address) {
    this.id = id;
    this.address = address;
    this.seed = keyOfText(id);
  }

  /** A request is with it, or a connection to it is kept, or it is known that it cannot be reached. */
  get isInUse(): boolean {
    return this.inFlight > 0 || this.idle.length > 0 || this.calls !== null || this.isSuspect;
  }

  /** Its service names it no more: it is reported as one of `leaving`. */
  leave(leaving: Set<Instance>): void {
    this.#leaving = leaving.add(this);
  }

  /** A service names it again, which may be another, and reports it from here on. */
  comeBack(): void {
    this.isNamed = true;
    this.#leaving?.delete(this);
    this.#leaving = null;
  }

  /** It could not be reached. Requests that failed together count as one failure: a probe is due after `baseMs`, later each time. */
  suspect(nowMs: number, baseMs: number): void {
    if (this.isSuspect && nowMs < this.#probeAtMs) return;
    this.#failures++;
    if (!this.isSuspect) this.meter.ejections++;
    this.isSuspect = true;
    this.#probeAtMs = nowMs + ejectionMs(this.#failures, baseMs);
  }

  /** A connection to it was made. If that is the probe's, it is one like all others from here on. */
  reached(): void {
    this.isSuspect = false;
    this.#failures = 0;
    const probe = this.#probe;
    this.#probe = null;
    if (probe?.isConnected === false) probe.close();
  }

  /** Probes a suspect that was left alone for long enough: a connection without a request, kept when it is made. */
  probe(nowMs: number, connectMs: number, connect: (instance: Instance) => Upstream): void {
    const probe = this.#probe;
    if (probe !== null && !probe.isOver) {
      if (nowMs - probe.startedMs > connectMs) probe.fail();
    } else if (nowMs >= this.#probeAtMs) this.#probe = connect(this);
  }

  /** Connects when nobody else does: a connection without a request. One that cannot be made makes it a suspect. */
  keepWarm(nowMs: number, connectMs: number, connect: (instance: Instance) => Upstream): void {
    if (this.isInUse || !this.isNamed) return;
    if (this.#probe === null || this.#probe.isOver) this.#probe = connect(this);
    else if (nowMs - this.#probe.startedMs > connectMs) this.#probe.fail();
  }

  /** Closes connections that were idle for long: the oldest stand first. */
  sweep(nowMs: number, idleMs: number): void {
    // Engines listen on unix sockets; what is reached over TCP is a server of somebody else's.
    const mostMs = this.address.kind === "tcp" ? Math.min(idleMs, UPSTREAM_FOREIGN_IDLE_MS) : idleMs;
    let old = 0;
    while (old < this.idle.length && nowMs - this.idle[old]!.movedMs > mostMs) old++;
    if (old > 0) for (const upstream of this.idle.splice(0, old)) upstream.close();
    this.calls?.sweep(nowMs, idleMs);
  }

  /** Closes the connections without a request; those with one follow when it is over. */
  closeIdle(): void {
    if (this.idle.length > 0) for (const upstream of this.idle.splice(0)) upstream.close();
    this.calls?.close();
    this.#probe?.close();
    this.#probe = null;
  }
}

/** Two addresses are the same place. */
export function isSameAddress(a: Address, b: Address): boolean {
  if (a.kind === "unix") return b.kind === "unix" && a.path === b.path;
  return b.kind === "tcp" && a.host === b.host && a.port === b.port;
}
