import type { InstanceId } from "../core/names.ts";
import type { Routing } from "../core/plan/plan-input.ts";

/**
 * What one gateway may be doing with instances, from the tables it was sent and what it said. In doubt it routes: only
 * what it has acknowledged counts as let go.
 */
export class GatewayState {
  pid: number | null = null;
  isListening = false;
  connections = 0;
  /** Why it refused the newest table; null: it did not. */
  refusal: string | null = null;
  #ackedNumber = 0;
  /** Instances of the table in force; null: a table of before this process, so anything may be in it. */
  #acked: ReadonlySet<InstanceId> | null = null;
  /** Tables sent and not answered, any of which may be in force. */
  readonly #sent = new Map<number, ReadonlySet<InstanceId>>();
  #lingering: { readonly number: number; readonly inFlight: Readonly<Record<InstanceId, number>> } | null =
    null;

  get tableNumber(): number {
    return this.#ackedNumber;
  }

  /** The newest number that it has, or was sent. */
  get newestNumber(): number {
    return Math.max(this.#ackedNumber, ...this.#sent.keys());
  }

  /** A process begins: it holds no table. */
  begin(): void {
    this.pid = null;
    this.isListening = false;
    this.connections = 0;
    this.#ackedNumber = 0;
    this.#acked = new Set();
    this.#sent.clear();
    this.#lingering = { number: 0, inFlight: {} };
  }

  /** What was sent on a link that ended may have come through, so it stays in {@link #sent} until an answer. */
  hello(pid: number, tableNumber: number, isListening: boolean): void {
    const isSameProcess = this.pid === pid;
    this.pid = pid;
    this.isListening = isListening;
    if (tableNumber === 0) {
      this.begin();
      this.pid = pid;
      this.isListening = isListening;
      return;
    }
    if (isSameProcess && this.#sent.has(tableNumber)) this.ack(tableNumber);
    if (isSameProcess && tableNumber === this.#ackedNumber) {
      for (const number of this.#sent.keys()) if (number > tableNumber) this.#sent.delete(number); // never arrived
      return;
    }
    this.#ackedNumber = tableNumber;
    this.#acked = null;
    this.#sent.clear();
    this.#lingering = null;
  }

  sent(number: number, instances: ReadonlySet<InstanceId>): void {
    this.#sent.set(number, instances);
  }

  ack(number: number): void {
    const instances = this.#sent.get(number);
    if (instances === undefined) return;
    this.#acked = instances;
    this.#ackedNumber = number;
    this.refusal = null;
    for (const older of [...this.#sent.keys()]) if (older <= number) this.#sent.delete(older);
  }

  nack(number: number, reason: string): void {
    this.#sent.delete(number);
    this.refusal = reason;
  }

  lingering(number: number, inFlight: Readonly<Record<InstanceId, number>>): void {
    this.#lingering = { number, inFlight };
  }

  routing(id: InstanceId): Routing {
    if (this.#acked === null || this.#acked.has(id)) return "routed";
    for (const instances of this.#sent.values()) if (instances.has(id)) return "routed";
    // A count of before the acknowledged table says nothing about what that table let go.
    if (this.#lingering === null || this.#lingering.number < this.#ackedNumber) return "draining";
    return (this.#lingering.inFlight[id] ?? 0) > 0 ? "draining" : "released";
  }
}
