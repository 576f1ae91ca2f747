/**
 * Gives gateways the route table. A table is built in one turn of the event loop from what is known, and what it names
 * counts as routed from that moment on, before it is numbered and sent. Its number is durable before it is sent, so
 * numbers grow over restarts. An instance is `released` when every live gateway has acknowledged a table without it, was
 * sent no table with it since, and has nothing in flight to it.
 */
import type { GatewayView } from "../core/explain/explain-input.ts";
import type { GatewayMessage } from "../core/gateway-report.ts";
import { addByName } from "../core/meter/traffic-sum.ts";
import type { GatewayId, InstanceId } from "../core/names.ts";
import type { Routing } from "../core/plan/plan-input.ts";
import { routeChange } from "../core/traffic/route-change.ts";
import type { RouteChange, RouteTable } from "../core/traffic/route-table.ts";
import { instancesOf, sameRoutes } from "../core/traffic/table.ts";
import type { Clock } from "../ports/clock.ts";
import type { GatewayLaunch, GatewayLink } from "../ports/gateways.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import type { GatewayReport } from "./control-plane.ts";
import { GatewayState } from "./gateway-state.ts";
import type { Known } from "./known.ts";
import type { Outcome } from "./loop.ts";
import type { Metrics } from "./metrics.ts";
import type { MirrorBook } from "./mirror-book.ts";
import { draftTable } from "./table-draft.ts";
import { TablePace } from "./table-pace.ts";
import { logTls } from "./tls-log.ts";

/** The store's key of the last number given. */
const TABLE_NUMBER = "route-table";

export interface PublisherDeps {
  readonly store: Store;
  readonly known: Known;
  readonly metrics: Metrics;
  readonly mirrors: MirrorBook;
  readonly log: Log;
  readonly clock: Clock;
  /** Gateway workers that are wanted: each has its part of the limits. */
  readonly workerCount: number;
  /** A gateway has let go of something: plans that wait for that may go on. */
  readonly onReleased: () => void;
  /** A gateway was told to stop, by us or by somebody else, or could not start its successor. */
  readonly onDeparture: (cause: string) => void;
  /** A table is due. */
  readonly onDue: (cause: string) => void;
}

export class Publisher {
  readonly #deps: PublisherDeps;
  readonly #gateways = new Map<GatewayId, GatewayState>();
  readonly #links = new Map<GatewayId, GatewayLink>();
  #table: RouteTable | null = null;
  /** From the table before this one to this one; null: there was none. */
  #change: RouteChange | null = null;
  /** Instances of a table that is built and not sent yet. */
  #pending: ReadonlySet<InstanceId> = new Set();
  /** Highest number that anybody holds; null: the store was not asked yet. */
  #number: number | null = null;
  readonly #pace: TablePace;
  /** Null: not looked yet, so gateways of before this process may be there. */
  #live: ReadonlySet<GatewayId> | null = null;

  constructor(deps: PublisherDeps) {
    this.#deps = deps;
    this.#pace = new TablePace(deps.clock);
  }

  /** One run: builds the table, and sends it to every gateway that does not have it. */
  async publish(): Promise<Outcome> {
    const inMs = this.#pace.waitMs;
    if (inMs > 0) return { kind: "recheck", inMs, text: "rests after the table before" };
    return await this.#pace.measured(() => this.#publish());
  }

  async #publish(): Promise<Outcome> {
    const { store, known, workerCount } = this.#deps;
    this.#number ??= await store.getNumber(TABLE_NUMBER);
    const state = await known.desired();
    const draft = draftTable(known, state, { workerCount, before: this.#table });
    // A gateway ahead of the table (its store is older than its life) takes only a higher number.
    const isAhead = this.#table !== null && this.#highest() > this.#table.number;
    const isAsked = [...this.#gateways.values()].some((g) => g.needsTable);
    if (this.#table === null || isAhead || isAsked || !sameRoutes(this.#table, draft)) {
      this.#pending = instancesOf(draft);
      try {
        const number = Math.max(this.#number, this.#highest()) + 1;
        await store.putNumber(TABLE_NUMBER, number);
        this.#number = number;
        const table = { ...draft, number };
        this.#change = this.#table === null ? null : routeChange(this.#table, table);
        this.#table = table;
        const sentTo = this.#sendToAll();
        return { kind: "settled", text: `table ${number} sent to ${sentTo} gateways` };
      } finally {
        this.#pending = new Set();
      }
    }
    const sentTo = this.#sendToAll();
    return { kind: "settled", text: `table ${this.#table.number} stands, sent to ${sentTo} gateways more` };
  }

  routing(id: InstanceId): Routing {
    if (this.#live === null || this.#pending.has(id)) return "routed";
    let isDraining = false;
    for (const gateway of this.#live) {
      const routing = this.#state(gateway).routing(id);
      if (routing === "routed") return "routed";
      if (routing === "draining") isDraining = true;
    }
    return isDraining ? "draining" : "released";
  }

  /** A process of this gateway is about to be started: it holds no table. */
  begin(id: GatewayId): void {
    this.#state(id).begin();
  }

  /** The gateways that are alive; what the others held is of no account. */
  setLive(ids: readonly GatewayId[]): void {
    const before = this.#live;
    this.#live = new Set(ids);
    this.#deps.metrics.keepGateways(this.#live);
    for (const id of [...this.#gateways.keys()]) if (!this.#live.has(id)) this.#gateways.delete(id);
    if (before === null || [...before].some((id) => !this.#live!.has(id))) this.#deps.onReleased();
  }

  isLinked(id: GatewayId): boolean {
    return this.#links.has(id);
  }

  /** It listens for clients, and has a table. */
  isServing(id: GatewayId): boolean {
    const state = this.#gateways.get(id);
    return state?.isListening === true && state.tableNumber > 0;
  }

  /** It listens for TLS, too. */
  isServingTls(id: GatewayId): boolean {
    return (this.#gateways.get(id)?.tls?.port ?? null) !== null;
  }

  isDraining(id: GatewayId): boolean {
    return this.#gateways.get(id)?.isDraining === true;
  }

  /** Somebody else has asked it to end. */
  isLeaving(id: GatewayId): boolean {
    return this.#gateways.get(id)?.isLeaving === true;
  }

  /** It has said what it is at. */
  isHeard(id: GatewayId): boolean {
    return this.#links.has(id) && this.#gateways.get(id)?.pid != null;
  }

  /** It serves, and can be told to start its successor. */
  canHandOver(id: GatewayId): boolean {
    return this.isHeard(id) && this.isServing(id) && this.#gateways.get(id)?.handsOver === true;
  }

  /** Why a gateway could not start the successor that it was last told to start; null: nothing of the kind is known. */
  handoverFailure(id: GatewayId): string | null {
    return this.#gateways.get(id)?.handoverFailure ?? null;
  }

  /** Tells `id` to start `successor`, which holds no table yet. */
  async startSuccessor(id: GatewayId, successor: GatewayLaunch): Promise<void> {
    this.#state(id).handoverFailure = null;
    this.begin(successor.id);
    await this.#links.get(id)?.startSuccessor(successor);
  }

  /** Tells a gateway that another has taken its place; false when it has no link, or would not understand. */
  sendDrain(id: GatewayId): boolean {
    if (!this.isHeard(id) || this.#gateways.get(id)?.handsOver !== true) return false;
    this.#links.get(id)!.sendDrain();
    return true;
  }

  attach(id: GatewayId, link: GatewayLink): void {
    this.#links.set(id, link);
    this.#deps.onDue(`${id} is connected`);
  }

  detach(id: GatewayId): void {
    this.#links.delete(id);
  }

  onMessage(id: GatewayId, message: GatewayMessage): void {
    const state = this.#state(id);
    switch (message.type) {
      case "hello":
        state.hello(message.pid, message.tableNumber, message.listening);
        state.tls = message.tls ?? null;
        state.handsOver = message.handsOver === true;
        this.#deps.onDue(`${id} says hello`);
        return;
      case "ack":
        state.ack(message.tableNumber);
        state.isListening = !state.isDraining;
        this.#deps.onReleased();
        return;
      case "tls":
        logTls(this.#deps.log, id, state.tls, message.tls);
        state.tls = message.tls;
        return;
      case "draining":
        state.isDraining = true;
        state.isListening = false;
        this.#deps.onDeparture(`${id} drains`);
        return;
      case "leaving":
        state.isLeaving = true;
        this.#deps.onDeparture(`${id} was asked to end`);
        return;
      case "successor-failed":
        state.handoverFailure = message.reason;
        this.#deps.onDeparture(`${id} could not start ${message.id}`);
        return;
      case "nack":
        state.nack(message.tableNumber, message.reason);
        if (state.needsTable) this.#deps.onDue(`${id} refused a change`);
        this.#deps.log.warn(
          { gateway: id, table: message.tableNumber, reason: message.reason },
          "table refused",
        );
        return;
      case "lingering":
        state.lingering(message.tableNumber, message.inFlight);
        this.#deps.onReleased();
        return;
      case "report":
        state.connections = message.connections;
        if (message.limits !== undefined) state.limits = addByName(state.limits, message.limits);
        this.#deps.metrics.report(id, message);
        this.#deps.mirrors.add(message.mirrors ?? [], message.differences ?? []);
        return;
    }
  }

  /** The living gateways as an explanation shows them, by id. */
  views = (): GatewayView[] => [...(this.#live ?? [])].sort().map((id) => this.#state(id).view(id));

  /** Number of the newest table; 0: none yet. */
  get newestTable(): number {
    return this.#table?.number ?? 0;
  }

  /** What each gateway is at, by id. */
  reports(): GatewayReport[] {
    return [...this.#gateways].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, state]) => state.report(id));
  }

  close(): void {
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }

  #sendToAll(): number {
    const table = this.#table!;
    const instances = instancesOf(table);
    let count = 0;
    for (const [id, link] of this.#links) {
      const state = this.#state(id);
      if (state.pid === null || state.newestNumber >= table.number) continue; // no hello yet, or has it
      // What it has, or will have when this arrives. After a refusal nobody knows for sure.
      const isBase = state.refusal === null && state.newestNumber === this.#change?.base;
      if (isBase) {
        state.sentChange(table.number, instances);
        link.sendChange(this.#change!);
      } else {
        state.sent(table.number, instances);
        link.sendTable(table);
      }
      count += 1;
    }
    return count;
  }

  #highest(): number {
    return Math.max(0, ...[...this.#gateways.values()].map((g) => g.newestNumber));
  }

  #state(id: GatewayId): GatewayState {
    let state = this.#gateways.get(id);
    if (state === undefined) {
      state = new GatewayState();
      this.#gateways.set(id, state);
    }
    return state;
  }
}
