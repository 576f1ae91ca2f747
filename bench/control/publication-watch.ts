import type { GatewayId } from "../../src/core/names.ts";
import type { GatewayFleet } from "../../src/ports/gateways.ts";
import type { Store } from "../../src/ports/store.ts";
import type { Publication } from "./control-messages.ts";

/** Looks at commits, tables and acknowledgements as they pass by. */
export class PublicationWatch {
  readonly #gatewayCount: number;
  #committedAtMs: number | null = null;
  /** Tables under way, by number. */
  readonly #open = new Map<
    number,
    { committedAtMs: number; sentAtMs: number; isWhole: boolean; acks: Set<GatewayId> }
  >();
  #done: Publication[] = [];
  newestNumber = 0;

  constructor(gatewayCount: number) {
    this.#gatewayCount = gatewayCount;
  }

  /** The same store, looked at. */
  store(store: Store): Store {
    const committed = () => {
      this.#committedAtMs ??= performance.now();
    };
    return new Proxy(store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        if (name !== "commit") return member.bind(target) as unknown;
        return async (...args: Parameters<Store["commit"]>) => {
          const outcome = await target.commit(...args);
          if (outcome === "committed") committed();
          return outcome;
        };
      },
    });
  }

  fleet(fleet: GatewayFleet): GatewayFleet {
    return {
      list: () => fleet.list(),
      start: (launch) => fleet.start(launch),
      stop: (id, graceMs, signal) => fleet.stop(id, graceMs, signal),
      ended: (id, patienceMs, signal) => fleet.ended(id, patienceMs, signal),
      connect: async (id, onMessage, onClose) => {
        const link = await fleet.connect(
          id,
          (message) => {
            if (message.type === "ack") this.#acked(id, message.tableNumber);
            onMessage(message);
          },
          onClose,
        );
        return {
          ...link,
          sendTable: (table) => {
            this.#sent(table.number, true);
            link.sendTable(table);
          },
          sendChange: (change) => {
            this.#sent(change.number, false);
            link.sendChange(change);
          },
        };
      },
    };
  }

  /** What came to its end since it was last taken. */
  take(): Publication[] {
    const done = this.#done;
    this.#done = [];
    this.#committedAtMs = null;
    return done;
  }

  #sent(number: number, isWhole: boolean): void {
    this.newestNumber = Math.max(this.newestNumber, number);
    if (this.#open.has(number)) return;
    const sentAtMs = performance.now();
    this.#open.set(number, {
      committedAtMs: this.#committedAtMs ?? sentAtMs,
      sentAtMs,
      isWhole,
      acks: new Set(),
    });
    this.#committedAtMs = null;
  }

  #acked(id: GatewayId, number: number): void {
    const open = this.#open.get(number);
    if (open?.acks.add(id).size !== this.#gatewayCount) return;
    this.#open.delete(number);
    const { committedAtMs, sentAtMs, isWhole } = open;
    this.#done.push({ committedAtMs, sentAtMs, isWhole, ackedAtMs: performance.now() });
  }
}
