import type { GatewayMessage } from "../core/gateway-report.ts";
import type { GatewayId, InstanceId } from "../core/names.ts";
import { withRouteChange } from "../core/traffic/route-change.ts";
import type { RouteChange, RouteTable } from "../core/traffic/route-table.ts";
import type { Clock } from "../ports/clock.ts";
import type { GatewayFleet, GatewayLaunch, GatewayLink, GatewayProcess } from "../ports/gateways.ts";

export interface FleetTiming {
  /** From start to being reachable. */
  readonly startMs: number;
  /** From a table sent to it being in force. */
  readonly tableMs: number;
  /** How long requests to an instance that left the table go on; 0: none are in flight. */
  readonly lingerMs: number;
}

interface Session {
  /** Tables of one link come in the order they were sent. */
  arrived: Promise<void>;
  readonly onMessage: (message: GatewayMessage) => void;
  readonly onClose: () => void;
}

/** One gateway process without requests: it holds a table, and instances linger when they leave it. */
class Gateway {
  readonly launch: GatewayLaunch;
  readonly pid: number;
  readonly readyAtMs: number;
  table: RouteTable | null = null;
  readonly lingering = new Map<InstanceId, number>();
  isAlive = true;
  isDraining = false;
  session: Session | null = null;

  constructor(launch: GatewayLaunch, pid: number, readyAtMs: number) {
    this.launch = launch;
    this.pid = pid;
    this.readyAtMs = readyAtMs;
  }

  get tableNumber(): number {
    return this.table?.number ?? 0;
  }
}

/** Gateways in memory. They outlive the control process: a new one finds them with the table they hold. */
export class MemoryFleet implements GatewayFleet {
  readonly gateways = new Map<GatewayId, Gateway>();
  timing: () => FleetTiming = () => ({ startMs: 20, tableMs: 1, lingerMs: 0 });
  /** Told when a table comes into force. */
  /** Whether gateways know how to start their successors; an older build does not. */
  handsOver = true;
  /** What becomes of an order to start a successor; hanging, nothing does. */
  onOrder: () => "obeyed" | "refused" | "hanging" = () => "obeyed";
  orderCount = 0;
  /** Which gateway was started by which. */
  readonly startedBy = new Map<GatewayId, GatewayId>();
  onTable: (table: RouteTable, before: RouteTable | null) => void = () => {};
  /** How long a gateway that is told to drain takes. */
  drainMs = 5;
  readonly #clock: Clock;
  #pid = 10;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get live(): Gateway[] {
    return [...this.gateways.values()].filter((g) => g.isAlive);
  }

  async list(): Promise<GatewayProcess[]> {
    return [...this.gateways.values()].map((g) => ({ ...g.launch, pid: g.pid, isAlive: g.isAlive }));
  }

  async start(launch: GatewayLaunch): Promise<void> {
    if (this.gateways.get(launch.id)?.isAlive) return;
    this.startedBy.delete(launch.id);
    this.#launch(launch);
  }

  #launch(launch: GatewayLaunch): void {
    const readyAtMs = this.#clock.monotonic() + this.timing().startMs;
    this.gateways.set(launch.id, new Gateway(launch, this.#pid++, readyAtMs));
  }

  async stop(id: GatewayId): Promise<void> {
    this.kill(id);
    this.gateways.delete(id);
  }

  async ended(id: GatewayId, patienceMs: number, signal: AbortSignal): Promise<void> {
    const untilMs = this.#clock.monotonic() + patienceMs;
    while (!signal.aborted && this.gateways.get(id)?.isAlive === true && this.#clock.monotonic() < untilMs)
      await this.#clock.sleep(10);
  }

  async connect(
    id: GatewayId,
    onMessage: (message: GatewayMessage) => void,
    onClose: () => void,
  ): Promise<GatewayLink> {
    const gateway = this.gateways.get(id);
    if (gateway?.isAlive !== true || this.#clock.monotonic() < gateway.readyAtMs)
      throw new Error("not there yet");
    gateway.session?.onClose();
    const session: Session = { arrived: Promise.resolve(), onMessage, onClose };
    gateway.session = session;
    const { pid, tableNumber, table } = gateway;
    onMessage({
      type: "hello",
      pid,
      tableNumber,
      listening: table !== null && !gateway.isDraining,
      ...(this.handsOver ? { handsOver: true } : {}),
    });
    return {
      sendTable: (next) => {
        session.arrived = session.arrived.then(() => this.#receive(gateway, session, () => next));
      },
      sendChange: (change) => {
        const make = () =>
          gateway.table?.number === change.base ? withRouteChange(gateway.table, change) : change;
        session.arrived = session.arrived.then(() => this.#receive(gateway, session, make));
      },
      sendAccessLog: () => {},
      startSuccessor: async (successor) => {
        this.orderCount++;
        const outcome = this.onOrder();
        if (outcome === "refused")
          onMessage({ type: "successor-failed", id: successor.id, reason: "so the test wants it" });
        if (outcome !== "obeyed") return;
        this.#launch(successor);
        this.startedBy.set(successor.id, id);
      },
      sendDrain: () => {
        gateway.isDraining = true;
        onMessage({ type: "draining" });
        void this.#clock.sleep(this.drainMs).then(() => this.kill(id));
      },
      close: () => {
        if (gateway.session === session) gateway.session = null;
      },
    };
  }

  /** Ends a gateway from outside, as `kill -9` does. */
  kill(id: GatewayId): void {
    const gateway = this.gateways.get(id);
    if (gateway?.isAlive !== true) return;
    gateway.isAlive = false;
    gateway.lingering.clear();
    gateway.session?.onClose();
    gateway.session = null;
  }

  /** Somebody asks a gateway to end, by a signal. */
  leave(id: GatewayId): void {
    this.gateways.get(id)?.session?.onMessage({ type: "leaving" });
  }

  /** The link of a gateway breaks, and with it is lost what was under way on it. */
  breakLink(id: GatewayId): void {
    const gateway = this.gateways.get(id);
    const session = gateway?.session;
    if (gateway === undefined || session == null) return;
    gateway.session = null;
    session.onClose();
  }

  /** All links break: the control process is gone. */
  cutLinks(): void {
    for (const gateway of this.gateways.values()) gateway.session = null;
  }

  async #receive(gateway: Gateway, session: Session, make: () => RouteTable | RouteChange): Promise<void> {
    const { tableMs, lingerMs } = this.timing();
    await this.#clock.sleep(tableMs);
    if (!gateway.isAlive || gateway.session !== session) return; // a broken link loses what was under way
    const table = make();
    if ("base" in table || table.number <= gateway.tableNumber) {
      session.onMessage({ type: "nack", tableNumber: table.number, reason: "not above the one in force" });
      return;
    }
    const before = gateway.table;
    gateway.table = table;
    this.onTable(table, before);
    const named = new Set(table.services.flatMap((s) => s.instances.map((i) => i.id)));
    for (const id of named) gateway.lingering.delete(id);
    for (const id of before?.services.flatMap((s) => s.instances.map((i) => i.id)) ?? []) {
      if (named.has(id) || lingerMs === 0) continue;
      const untilMs = this.#clock.monotonic() + lingerMs;
      gateway.lingering.set(id, untilMs);
      void this.#linger(gateway, id, untilMs);
    }
    session.onMessage({ type: "ack", tableNumber: table.number });
    await this.#clock.sleep(0); // what lingers is told in a message of its own
    this.#tellLingering(gateway);
  }

  async #linger(gateway: Gateway, id: InstanceId, untilMs: number): Promise<void> {
    await this.#clock.sleep(untilMs - this.#clock.monotonic());
    if (gateway.lingering.get(id) !== untilMs) return;
    gateway.lingering.delete(id);
    this.#tellLingering(gateway);
  }

  #tellLingering(gateway: Gateway): void {
    const inFlight = Object.fromEntries([...gateway.lingering.keys()].map((id) => [id, 1]));
    gateway.session?.onMessage({ type: "lingering", tableNumber: gateway.tableNumber, inFlight });
  }
}
