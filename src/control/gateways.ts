import type { AccessLogOptions } from "../core/gateway-report.ts";
import type { GatewayId } from "../core/names.ts";
import type { Clock } from "../ports/clock.ts";
import type { GatewayFleet, GatewayLaunch, GatewayProcess, GatewayTls } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import { GatewayHandovers } from "./gateway-handovers.ts";
import { GatewayRetirement } from "./gateway-retirement.ts";
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

/**
 * Names of one slot: the first one plain, then with a letter. Old workers that wait for their idle connections keep theirs, so that
 * a few restarts in a row need not wait for them, nor hurry them.
 */
const NAME_ENDS = ["", "b", "c", "d"];
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
  /** When another was first seen to serve in its place. */
  surplusSince: number | null;
}

/**
 * Keeps the wanted number of gateway processes alive, each with a link to this process. Living ones are adopted; one
 * too many drains and goes. One with another host or port, or that is to be restarted, is replaced, make before break:
 * each slot has several names, the successor gets a free one, and the old one is told to drain when the new one listens. One
 * slot after the other, so that a successor that does not come up costs nothing. The old one itself starts its successor, with its
 * listening sockets, so that no connection is lost in them; where it cannot, this process starts one beside it.
 */
export class Gateways {
  readonly #fleet: GatewayFleet;
  readonly #publisher: Publisher;
  readonly #settings: GatewaySettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #onChange: (cause: string) => void;
  readonly #slots = new Map<GatewayId, Slot>();
  readonly #retirement: GatewayRetirement;
  readonly #handovers = new GatewayHandovers();
  /** Processes that somebody asked to replace. */
  readonly #outdated = new Set<GatewayId>();
  #isClosed = false;

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
    this.#retirement = new GatewayRetirement({
      fleet: deps.fleet,
      log: deps.log,
      sendDrain: (id) => deps.publisher.sendDrain(id),
      isDraining: (id) => deps.publisher.isDraining(id),
      onGone: (id) => {
        this.#slots.delete(id);
        this.#outdated.delete(id);
        this.#onChange(`${id} has stopped`);
      },
    });
  }

  /** One run. */
  async reconcile(): Promise<Outcome> {
    const processes = await this.#fleet.list();
    const alive = processes.filter((p) => p.isAlive);
    this.#publisher.setLive(alive.map((p) => p.id));
    const slots = this.#wanted();
    const waits: number[] = [];
    const surplus = processes.filter((p) => !slots.some((names) => names.some((l) => l.id === p.id)));
    for (const process of surplus) {
      if (process.isAlive && !this.#retirement.has(process.id)) await this.#connect(process.id);
      this.#retireSurplus(process);
    }
    // Tables go to those that drain, too, until they are gone: what they hold keeps instances from being stopped.
    for (const { id } of alive) if (this.#retirement.has(id)) await this.#connect(id);
    for (const names of slots) {
      const ofSlot = processes.filter((p) => names.some((l) => l.id === p.id) && !this.#retirement.has(p.id));
      // Another slot is being replaced: this one waits for its turn, unless nobody serves in it.
      const isTurn = waits.length === 0;
      for (const waitMs of await this.#keepSlot(names, ofSlot, isTurn)) waits.push(waitMs);
    }
    if (surplus.some((p) => !this.#retirement.has(p.id))) waits.push(CONNECT_RETRY_MS);
    const text = `${alive.length} of ${slots.length} gateways are alive`;
    return waits.length === 0
      ? { kind: "settled", text }
      : { kind: "recheck", inMs: Math.min(...waits), text };
  }

  /** Replaces every process that is there now by a new one. Returns as soon as that is noted. */
  async restart(): Promise<void> {
    for (const { id, isAlive } of await this.#fleet.list())
      if (isAlive && !this.#retirement.has(id)) this.#outdated.add(id);
    this.#onChange("a restart of the gateways was asked for");
  }

  /** One slot of `names`, with the processes that are there under them. Gives times to look again. */
  async #keepSlot(
    names: readonly GatewayLaunch[],
    processes: readonly GatewayProcess[],
    isTurn: boolean,
  ): Promise<number[]> {
    const alive = processes.filter((p) => p.isAlive);
    const good = alive.filter((p) => isAs(p, names[0]!) && !this.#outdated.has(p.id) && !this.#isGoing(p.id));
    const kept = good.find((p) => this.#publisher.isServing(p.id)) ?? good[0];
    const isServed = kept !== undefined && this.#publisher.isServing(kept.id);
    const waits: number[] = [];
    for (const process of alive) {
      this.#handovers.arrived(process.id);
      const waitMs = await this.#connect(process.id);
      if (waitMs !== null) waits.push(waitMs);
      if (this.#publisher.isDraining(process.id)) this.#retirement.begin(process);
      else if (kept !== undefined && process !== kept && this.#takesOver(kept, process))
        this.#retireSurplus(process);
    }
    if (kept !== undefined) {
      if (isServed) this.#handovers.forget(kept.id);
      for (const process of processes) if (isServed && !process.isAlive) this.#retireSurplus(process);
      const isReplacing = alive.some((p) => p !== kept && !this.#retirement.has(p.id));
      // Until it listens, or the other one says what it is at; for TLS it may have to wait for a person.
      if (isReplacing) waits.push(isServed ? CONNECT_RETRY_LATER_MS : CONNECT_RETRY_MS);
      return waits;
    }
    const isUrgent = alive.some((p) => this.#publisher.isLeaving(p.id));
    if (!isTurn && !isUrgent && alive.some((p) => this.#publisher.isServing(p.id)))
      return [...waits, CONNECT_RETRY_MS];
    const next = this.#freeName(names, processes);
    if (next === undefined) {
      this.#retirement.hurryOne(names.map((l) => l.id));
      return [...waits, CONNECT_RETRY_LATER_MS];
    }
    const from = alive.find((p) => isAs(p, next) && this.#publisher.canHandOver(p.id));
    const waitMs = await this.#start(next, from?.id);
    return waitMs === null ? waits : [...waits, waitMs];
  }

  /** `next` does all that `old` does: one that cannot use the certificate as it is now leaves TLS to the one that has it in memory. */
  #takesOver(next: GatewayProcess, old: GatewayProcess): boolean {
    const publisher = this.#publisher;
    const isTlsKept = next.tls === null || publisher.isServingTls(next.id) || !publisher.isServingTls(old.id);
    return publisher.isServing(next.id) && isTlsKept;
  }

  #isGoing(id: GatewayId): boolean {
    return this.#publisher.isDraining(id) || this.#publisher.isLeaving(id);
  }

  #freeName(
    names: readonly GatewayLaunch[],
    processes: readonly GatewayProcess[],
  ): GatewayLaunch | undefined {
    const free = names.filter(
      (l) => !this.#retirement.has(l.id) && !processes.some((p) => p.isAlive && p.id === l.id),
    );
    // One that is ordered already, else a dead one's name: its folder is used again.
    return (
      free.find((l) => this.#handovers.has(l.id)) ??
      free.find((l) => processes.some((p) => p.id === l.id)) ??
      free[0]
    );
  }

  /** It goes once it has said how it can be told; or, when it says nothing, after a while. A dead one is cleared away. */
  #retireSurplus(process: GatewayProcess): void {
    const slot = this.#slot(process.id);
    const now = this.#clock.monotonic();
    slot.surplusSince ??= now;
    const isReady = !process.isAlive || this.#publisher.isHeard(process.id);
    if (isReady || now - slot.surplusSince > CONNECT_PATIENCE_MS) this.#retirement.begin(process);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retirement.close();
    this.#publisher.close();
  }

  /** Per slot the ways to fill it. */
  #wanted(): GatewayLaunch[][] {
    const { gatewayCount, host, port, tls } = this.#settings;
    return Array.from({ length: gatewayCount }, (_, i) =>
      NAME_ENDS.map((end) => ({ id: `gateway-${i}${end}` as GatewayId, host, port, tls })),
    );
  }

  /** Has `from` start it, or starts it when there is nobody to do so, or that came to nothing. Gives a time to look again. */
  async #start(launch: GatewayLaunch, from: GatewayId | undefined): Promise<number | null> {
    const now = this.#clock.monotonic();
    const slot = this.#slot(launch.id);
    const failure = from === undefined ? null : this.#publisher.handoverFailure(from);
    const handover = this.#handovers.state(launch.id, { from, failure, nowMs: now });
    if (handover === "under way") return CONNECT_RETRY_MS;
    if (handover === "failed") {
      this.#handovers.forget(launch.id);
      slot.startedAt = 0;
      const text =
        "a gateway was not started by the one before it, and is started beside it: connections may be lost";
      this.#log.warn({ gateway: launch.id, before: from, reason: failure }, text);
    }
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
    if (from !== undefined && handover === "none") {
      this.#handovers.begin(launch.id, from, now);
      await this.#publisher.startSuccessor(from, launch);
      return CONNECT_RETRY_MS;
    }
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
          if (!this.#isClosed) this.#onChange(`${id} closed its link`);
        },
      );
      slot.connectingSince = null;
      if (this.#isClosed) link.close();
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

  #slot(id: GatewayId): Slot {
    let slot = this.#slots.get(id);
    if (slot === undefined) {
      slot = { startedAt: 0, shortLives: 0, connectingSince: null, surplusSince: null };
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
