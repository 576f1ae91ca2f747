import type { GatewayUse, GatewayView } from "../core/explain/explain-input.ts";
import type { TlsState } from "../core/gateway-report.ts";
import type { GatewayId, InstanceId } from "../core/names.ts";
import type { Routing } from "../core/plan/plan-input.ts";
import type { GatewayReport } from "./control-plane.ts";

/** A table that a gateway did not take. */
export interface TableRefusal {
  readonly tableNumber: number;
  readonly reason: string;
}

/**
 * What one gateway may be doing with instances, from the tables it was sent and what it said. In doubt it routes: only
 * what it has acknowledged counts as let go.
 */
export class GatewayState {
  pid: number | null = null;
  isListening = false;
  connections = 0;
  /** Connections and requests that its own limits met, by limit, since this process of it was first heard of. */
  limits: Readonly<Record<string, number>> = {};
  /** Null: it speaks no TLS. */
  tls: TlsState | null = null;
  /** It takes no new connections any more, and exits by itself. */
  isDraining = false;
  /** Somebody else has asked it to end: it serves until it has a successor, for a while. */
  isLeaving = false;
  /** It can be told to start its successor, and to drain. */
  handsOver = false;
  /** Why it could not start the successor that it was last told to start. */
  handoverFailure: string | null = null;
  /** The newest table that it refused, and why; null: it has accepted a later one, or refused none. */
  refusal: TableRefusal | null = null;
  /**
   * What it said of lingering requests may have been lost with a link: the next table makes it say it again. Or it has refused a
   * change: perhaps it does not have what that changes, and a whole table helps.
   */
  needsTable = false;
  #ackedNumber = 0;
  /** Instances of the table in force; null: a table of before this process, so anything may be in it. */
  #acked: ReadonlySet<InstanceId> | null = null;
  /** Tables sent and not answered, any of which may be in force. */
  readonly #sent = new Map<number, ReadonlySet<InstanceId>>();
  /** Highest number sent on this link. */
  #linkNumber = 0;
  /** Number of the last table that was sent as a change. */
  #changeNumber = 0;
  #lingering: { readonly number: number; readonly inFlight: Readonly<Record<InstanceId, number>> } | null =
    null;

  get tableNumber(): number {
    return this.#ackedNumber;
  }

  /** The newest number that it has, or was sent on this link. */
  get newestNumber(): number {
    return Math.max(this.#ackedNumber, this.#linkNumber);
  }

  /** What it is at, as the API tells it. */
  report(id: GatewayId): GatewayReport {
    const { pid, isListening, tableNumber, connections, limits, refusal, tls } = this;
    return { id, pid, isListening, tableNumber, connections, limits, refusal, tls };
  }

  /** A process begins: it holds no table. */
  begin(): void {
    this.pid = null;
    this.isListening = false;
    this.isDraining = false;
    this.isLeaving = false;
    this.handsOver = false;
    this.handoverFailure = null;
    this.connections = 0;
    this.limits = {};
    this.tls = null;
    this.#ackedNumber = 0;
    this.#acked = new Set();
    this.#sent.clear();
    this.#linkNumber = 0;
    this.#lingering = { number: 0, inFlight: {} };
  }

  /**
   * A link begins. What was sent on the one before may have come through, or may come through yet, so it counts as
   * possibly in force until a later table is acknowledged.
   */
  hello(pid: number, tableNumber: number, isListening: boolean): void {
    const isSameProcess = this.pid === pid;
    if (!isSameProcess) this.begin();
    this.pid = pid;
    this.isListening = isListening;
    // It listens from its first table on, until it drains.
    if (tableNumber > 0 && !isListening) this.isDraining = true;
    this.#linkNumber = 0;
    if (this.#sent.has(tableNumber)) this.ack(tableNumber);
    if (tableNumber === this.#ackedNumber) {
      this.needsTable = isSameProcess && tableNumber > 0;
      return;
    }
    this.#ackedNumber = tableNumber; // a table of a life before this one
    this.#acked = null;
    this.#lingering = null;
  }

  sentChange(number: number, instances: ReadonlySet<InstanceId>): void {
    this.sent(number, instances);
    this.#changeNumber = number;
  }

  sent(number: number, instances: ReadonlySet<InstanceId>): void {
    this.#sent.set(number, instances);
    this.#linkNumber = number;
    this.needsTable = false;
  }

  ack(number: number): void {
    const instances = this.#sent.get(number);
    if (instances === undefined) return;
    this.#acked = instances;
    this.#ackedNumber = number;
    this.refusal = null;
    for (const older of [...this.#sent.keys()]) if (older <= number) this.#sent.delete(older);
  }

  /** It keeps what it has; that may be this very table, when it came twice. So it stays possibly in force. */
  nack(tableNumber: number, reason: string): void {
    this.refusal = { tableNumber, reason };
    if (tableNumber === this.#changeNumber) this.needsTable = true;
  }

  lingering(number: number, inFlight: Readonly<Record<InstanceId, number>>): void {
    this.#lingering = { number, inFlight };
  }

  /** As an explanation shows it. */
  view(id: GatewayId): GatewayView {
    return {
      id,
      isListening: this.isListening,
      refusal: this.refusal,
      use: (instance) => this.#use(instance),
    };
  }

  /** What it still has to do with an instance, for people: see GatewayUse. */
  #use(id: InstanceId): GatewayUse {
    const routing = this.routing(id);
    if (routing === "routed") return "routed";
    if (routing === "released") return 0;
    const isKnown = this.#lingering !== null && this.#lingering.number >= this.#ackedNumber;
    return isKnown ? (this.#lingering?.inFlight[id] ?? 0) : "unknown";
  }

  routing(id: InstanceId): Routing {
    if (this.#acked === null || this.#acked.has(id)) return "routed";
    for (const instances of this.#sent.values()) if (instances.has(id)) return "routed";
    // A count of before the acknowledged table says nothing about what that table let go.
    if (this.#lingering === null || this.#lingering.number < this.#ackedNumber) return "draining";
    return (this.#lingering.inFlight[id] ?? 0) > 0 ? "draining" : "released";
  }
}
