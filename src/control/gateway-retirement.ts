import type { GatewayId } from "../core/names.ts";
import type { GatewayFleet, GatewayProcess } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";

/** Longest drain of a gateway that was told to end by a signal: what it gives itself (roles/gateway.ts), and time to end. */
const SIGNALLED_DRAIN_MS = 65_000;
/** The same for one that was told that another has taken its place (gateway/limits.ts, DRAIN_MS). */
const FOLLOWED_DRAIN_MS = 95_000;

export interface RetirementDeps {
  readonly fleet: GatewayFleet;
  readonly log: Log;
  /** Tells a gateway over its link that another has taken its place; false when it has no link, or would not understand. */
  readonly sendDrain: (id: GatewayId) => boolean;
  readonly isDraining: (id: GatewayId) => boolean;
  /** One is gone, and its name is free. */
  readonly onGone: (id: GatewayId) => void;
}

/** Gateways on their way out. Each drains beside the loop; its end wakes the loop. */
export class GatewayRetirement {
  readonly #deps: RetirementDeps;
  readonly #going = new Set<GatewayId>();
  readonly #hurried = new Set<GatewayId>();
  /** Ends waits for drains when this process stops watching; the gateways themselves go on. */
  readonly #end = new AbortController();

  constructor(deps: RetirementDeps) {
    this.#deps = deps;
  }

  has(id: GatewayId): boolean {
    return this.#going.has(id);
  }

  /** Lets one drain for as long as it needs, then sees to it that it is gone, and its folder with it. A dead one is cleared away. */
  begin(process: GatewayProcess): void {
    const { id, isAlive } = process;
    if (this.#going.has(id)) return;
    this.#going.add(id);
    const { fleet, isDraining, sendDrain } = this.#deps;
    const { signal } = this.#end;
    // One that drains already exits by itself; a signal would end it sooner.
    const isTold = isAlive && (isDraining(id) || sendDrain(id));
    void this.#see(
      id,
      isTold
        ? fleet.ended(id, FOLLOWED_DRAIN_MS, signal).then(() => fleet.stop(id, 0, signal))
        : fleet.stop(id, isAlive ? SIGNALLED_DRAIN_MS : 0, signal),
    );
  }

  /** Its name is wanted: the one of `ids` that goes for longest no longer waits for idle connections. */
  hurryOne(ids: readonly GatewayId[]): void {
    const oldest = [...this.#going].find((id) => ids.includes(id));
    if (oldest === undefined || this.#hurried.has(oldest)) return;
    this.#hurried.add(oldest);
    this.#deps.log.warn(
      { gateway: oldest },
      "restarts follow each other closely: an old gateway ends sooner",
    );
    const { signal } = this.#end;
    void this.#deps.fleet.stop(oldest, SIGNALLED_DRAIN_MS, signal).catch(() => {}); // whoever watches its end says it
  }

  close(): void {
    this.#end.abort();
  }

  async #see(id: GatewayId, gone: Promise<void>): Promise<void> {
    const { log, onGone } = this.#deps;
    try {
      await gone;
      this.#going.delete(id);
      this.#hurried.delete(id);
      if (!this.#end.signal.aborted) onGone(id);
    } catch (error) {
      this.#going.delete(id);
      this.#hurried.delete(id);
      if (!this.#end.signal.aborted) log.warn({ gateway: id, err: error }, "a gateway could not be stopped");
    }
  }
}
