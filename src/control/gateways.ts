import type { AccessLogOptions } from "../core/gateway-report.ts";
import type { GatewayId } from "../core/names.ts";
import type { Clock } from "../ports/clock.ts";
import type { GatewayFleet, GatewayLaunch, GatewayProcess } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import type { Outcome } from "./loop.ts";
import type { Publisher } from "./publisher.ts";

export interface GatewaySettings {
  /** Gateway processes, sharing one port. */
  readonly gatewayCount: number;
  readonly host: string;
  readonly port: number;
  readonly accessLog: AccessLogOptions;
}

/** Longest drain of a gateway that is replaced or no longer wanted. */
const DRAIN_MS = 30_000;
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
 * with another host or port, or one too many, drains and goes.
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
    const wanted = this.#wanted();
    const waits: number[] = [];
    for (const process of processes) {
      const launch = wanted.find((w) => w.id === process.id);
      if (launch === undefined || !isAs(process, launch)) this.#stop(process);
    }
    for (const launch of wanted) {
      if (this.#stopping.has(launch.id)) continue;
      const process = alive.find((p) => p.id === launch.id);
      const waitMs = process === undefined ? await this.#start(launch) : await this.#connect(launch.id);
      if (waitMs !== null) waits.push(waitMs);
    }
    const text = `${alive.length} of ${wanted.length} gateways are alive`;
    return waits.length === 0
      ? { kind: "settled", text }
      : { kind: "recheck", inMs: Math.min(...waits), text };
  }

  async close(): Promise<void> {
    this.#end.abort();
    this.#publisher.close();
  }

  #wanted(): GatewayLaunch[] {
    const { gatewayCount, host, port } = this.#settings;
    return Array.from({ length: gatewayCount }, (_, i) => ({ id: `gateway-${i}` as GatewayId, host, port }));
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
  return process.host === launch.host && process.port === launch.port;
}
