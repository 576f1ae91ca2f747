import type { AccessLogOptions } from "../core/gateway-report.ts";
import type { GatewayId } from "../core/names.ts";
import type { Clock } from "../ports/clock.ts";
import type { GatewayFleet, GatewayLaunch, GatewayProcess, GatewayTls } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import type { Outcome } from "./loop.ts";
import type { Publisher } from "./publisher.ts";

export interface GatewaySettings {
  /** Gateway processes, sharing one port. */
  readonly gatewayCount: number;
  readonly host: string;
  readonly port: number;
  /** Null: the gateways speak no TLS. */
  readonly tls: GatewayTls | null;
  readonly accessLog: AccessLogOptions;
}

/** Longest drain of a gateway that is replaced or no longer wanted: what it gives itself (roles/gateway.ts), and time to end. */
const DRAIN_MS = 65_000;
/** A gateway that is starting is tried again so often; it takes some 100 ms. */
const CONNECT_RETRY_MS = 25;
const CONNECT_PATIENCE_MS = 5_000;
const CONNECT_RETRY_LATER_MS = 1_000;
/** A gateway that ends sooner than this did not start well: the next start waits, doubling. */
const SHORT_LIFE_MS = 10_000;
const RESTART_MIN_MS = 500;
const RESTART_MAX_MS = 30_000;

interface Slot {
  startedAt: number;
  shortLives: number;
  connectingSince: number | null;
}

/**
 * Keeps the wanted number of gateway processes alive, each with a link to this process. Living ones are adopted; one
 * too many drains and goes. One with another host or port, or that is to be restarted, is replaced, make before break:
 * each slot has two names, the successor gets the free one, and the old one is told to drain when the new one listens. One
 * slot after the other, so that a successor that does not come up costs nothing.
 */
export class Gateways {
  readonly #fleet: GatewayFleet;
  readonly #publisher: Publisher;
  readonly #settings: GatewaySettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: (cause: string) => void;
  readonly #slots = new Map<GatewayId, Slot>();
  readonly #stopping = new Map<GatewayId, Promise<void>>();
  /** Processes that somebody asked to replace. */
  readonly #outdated = new Set<GatewayId>();
  /** Ends waits for drains when this process stops watching; the gateways themselves go on. */
  readonly #end = new AbortController();

  constructor(deps: {
    readonly fleet: GatewayFleet;
    readonly publisher: Publisher;
    readonly settings: GatewaySettings;
    readonly clock: Clock;
    readonly log: Log;
    readonly onChange: (cause: string) => void;
  }) {
    this.#fleet = deps.fleet;
    this.#publisher = deps.publisher;
    this.#settings = deps.settings;
    this.#clock = deps.clock;
    this.#log = deps.log;
    this.#onChange = deps.onChange;
  }

  /** One run. */
  async reconcile(): Promise<Outcome> {
    const processes = await this.#fleet.list();
    const alive = processes.filter((p) => p.isAlive);
    this.#publisher.setLive(alive.map((p) => p.id));
    const slots = this.#wanted();
    const waits: number[] = [];
    for (const process of processes)
      if (!slots.some((names) => names.some((launch) => launch.id === process.id))) this.#stop(process);
    for (const names of slots) {
      const ofSlot = processes.filter((p) => names.some((l) => l.id === p.id) && !this.#stopping.has(p.id));
      // Another slot is being replaced: this one waits for its turn, unless nobody serves in it.
      const isTurn = waits.length === 0;
      for (const waitMs of await this.#keepSlot(names, ofSlot, isTurn)) waits.push(waitMs);
    }
    const text = `${alive.length} of ${slots.length} gateways are alive`;
    return waits.length === 0
      ? { kind: "settled", text }
      : { kind: "recheck", inMs: Math.min(...waits), text };
  }

  /** Replaces every process that is there now by a new one. Returns as soon as that is noted. */
  async restart(): Promise<void> {
    for (const { id, isAlive } of await this.#fleet.list())
      if (isAlive && !this.#stopping.has(id)) this.#outdated.add(id);
    this.#onChange("a restart of the gateways was asked for");
  }

  /** One slot of `names`, with the processes that are there under them. Gives times to look again. */
  async #keepSlot(
    names: readonly GatewayLaunch[],
    processes: readonly GatewayProcess[],
    isTurn: boolean,
  ): Promise<number[]> {
    const alive = processes.filter((p) => p.isAlive);
    const good = alive.filter(
      (p) => isAs(p, names[0]!) && !this.#outdated.has(p.id) && !this.#publisher.isDraining(p.id),
    );
    const kept = good.find((p) => this.#publisher.isServing(p.id)) ?? good[0];
    const waits: number[] = [];
    for (const process of alive) {
      const isSurplus = kept !== undefined && process !== kept && this.#takesOver(kept, process);
      const waitMs = isSurplus ? null : await this.#connect(process.id);
      // One that drains already exits by itself; to tell it again would end it at once.
      if (isSurplus && !this.#publisher.isDraining(process.id)) this.#stop(process);
      if (waitMs !== null) waits.push(waitMs);
    }
    if (kept !== undefined) {
      const isReplacing = alive.some(
        (p) => p !== kept && !this.#stopping.has(p.id) && !this.#publisher.isDraining(p.id),
      );
      // Until it listens; for TLS it may have to wait for a person.
      if (isReplacing)
        waits.push(this.#publisher.isServing(kept.id) ? CONNECT_RETRY_LATER_MS : CONNECT_RETRY_MS);
      return waits;
    }
    if (!isTurn && alive.some((p) => this.#publisher.isServing(p.id))) return [...waits, CONNECT_RETRY_MS];
    const free = names.filter((l) => !this.#stopping.has(l.id) && !alive.some((p) => p.id === l.id));
    // A dead one's name first: its folder is used again.
    const next = free.find((l) => processes.some((p) => p.id === l.id)) ?? free[0];
    const waitMs = next === undefined ? null : await this.#start(next);
    return waitMs === null ? waits : [...waits, waitMs];
  }

  /** `next` does all that `old` does: one that cannot use the certificate as it is now leaves TLS to the one that has it in memory. */
  #takesOver(next: GatewayProcess, old: GatewayProcess): boolean {
    const publisher = this.#publisher;
    const isTlsKept = next.tls === null || publisher.isServingTls(next.id) || !publisher.isServingTls(old.id);
    return publisher.isServing(next.id) && isTlsKept;
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#publisher.close();
  }

  /** Per slot the two ways to fill it. */
  #wanted(): GatewayLaunch[][] {
    const { gatewayCount, host, port, tls } = this.#settings;
    return Array.from({ length: gatewayCount }, (_, i) =>
      [`gateway-${i}`, `gateway-${i}b`].map((id) => ({ id: id as GatewayId, host, port, tls })),
    );
  }

  async #start(launch: GatewayLaunch): Promise<number | null> {
    const now = this.#clock.monotonic();
    const slot = this.#slot(launch.id);
    if (slot.startedAt > 0) {
      const lived = now - slot.startedAt;
      const waitMs = Math.min(RESTART_MAX_MS, RESTART_MIN_MS * 2 ** Math.min(16, slot.shortLives));
      if (lived < SHORT_LIFE_MS && lived < waitMs) return waitMs - lived;
      slot.shortLives = lived < SHORT_LIFE_MS ? slot.shortLives + 1 : 0;
      this.#log.warn({ gateway: launch.id }, "a gateway has ended and is started again");
    }
    slot.startedAt = now;
    this.#outdated.delete(launch.id);
    slot.connectingSince = null;
    this.#publisher.begin(launch.id);
    await this.#fleet.start(launch);
    return CONNECT_RETRY_MS;
  }

  async #connect(id: GatewayId): Promise<number | null> {
    if (this.#publisher.isLinked(id)) return null;
    const slot = this.#slot(id);
    const now = this.#clock.monotonic();
    const since = slot.connectingSince ?? now;
    slot.connectingSince = since;
    try {
      const link = await this.#fleet.connect(
        id,
        (message) => this.#publisher.onMessage(id, message),
        () => {
          this.#publisher.detach(id);
          if (!this.#end.signal.aborted) this.#onChange(`${id} closed its link`);
        },
      );
      slot.connectingSince = null;
      if (this.#end.signal.aborted) link.close();
      else {
        link.sendAccessLog(this.#settings.accessLog);
        this.#publisher.attach(id, link);
      }
      return null;
    } catch (error) {
      const isPatient = now - since < CONNECT_PATIENCE_MS;
      if (!isPatient) this.#log.warn({ gateway: id, err: error }, "a gateway cannot be reached");
      return isPatient ? CONNECT_RETRY_MS : CONNECT_RETRY_LATER_MS;
    }
  }

  /** Drains beside the loop; the end of it wakes the loop. */
  #stop(process: GatewayProcess): void {
    const { id } = process;
    if (this.#stopping.has(id)) return;
    const stopped = this.#fleet.stop(id, process.isAlive ? DRAIN_MS : 0, this.#end.signal).then(
      () => {
        this.#stopping.delete(id);
        this.#slots.delete(id);
        this.#outdated.delete(id);
        if (!this.#end.signal.aborted) this.#onChange(`${id} has stopped`);
      },
      (error: unknown) => {
        this.#stopping.delete(id);
        if (!this.#end.signal.aborted)
          this.#log.warn({ gateway: id, err: error }, "a gateway could not be stopped");
      },
    );
    this.#stopping.set(id, stopped);
  }

  #slot(id: GatewayId): Slot {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = { startedAt: 0, shortLives: 0, connectingSince: null };
      this.#slots.set(id, slot);
    }
    return slot;
  }
}

function isAs(process: GatewayProcess, launch: GatewayLaunch): boolean {
  const of = ({ host, port, tls }: GatewayLaunch) =>
    JSON.stringify([host, port, tls && [tls.host, tls.port, tls.certFile, tls.keyFile]]);
  return of(process) === of(launch);
}
