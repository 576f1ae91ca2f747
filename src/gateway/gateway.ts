import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import type { Component } from "../base/component.ts";
import { ownIdentity } from "../base/process-identity.ts";
import type { AccessLogOptions, GatewayMessage, SuccessorOrder } from "../core/gateway-report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import { AccessLog } from "./access-log.ts";
import { AddressCounts } from "./address-counts.ts";
import { Client } from "./client.ts";
import { ControlSocket } from "./control-socket.ts";
import type { Caps, DataPlane, Times } from "./data-plane.ts";
import { Departure, type StartSuccessor } from "./departure.ts";
import { LimitCounts } from "./limit-counts.ts";
import { type InheritedSockets, ListeningSockets } from "./listening-sockets.ts";
import { Mirrors } from "./mirrors.ts";
import { RequestIds } from "./request-id.ts";
import { Routing } from "./routing.ts";
import { checkChange, checkTable } from "./table-check.ts";
import { takeSamples } from "./traffic-report.ts";
import { Upstream } from "./upstream.ts";
import { CAPS, TIMES } from "./worker-limits.ts";

/** What a gateway worker is started with. */
export interface GatewayOptions {
  /** Its run directory, `run/gateways/<id>`: process.json is written there, control.sock listened on. */
  readonly dir: string;
  /** Where clients connect; workers share the port. Port 0 takes a free one (then it cannot be shared). */
  readonly host: string;
  readonly port: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Other time limits than those of limits.ts. */
  readonly times?: Partial<Times>;
  /** Other limits than those of limits.ts. */
  readonly caps?: Partial<Caps>;
  /** Which of the workers this is, from 0; 0 unless told. */
  readonly slot?: number;
  /** Listening sockets of the worker that started this one. */
  readonly inherited?: InheritedSockets;
  readonly startSuccessor?: StartSuccessor;
}

/** A gateway worker as its own process, and tests, see it. */
export interface Gateway extends Component {
  /** Takes nothing new, closes idle connections after a moment, and resolves when the rest is over, or at the deadline. */
  drain(deadlineMs: number): Promise<void>;
  /**
   * Somebody else asks this worker to end: it serves on for a moment, for a successor to be there. True: there is one, and this worker
   * drains, after which `run` ends. False: nobody follows, or it drained before.
   */
  leave(): Promise<boolean>;
  /** Where clients connect; null before the first table. */
  port(): number | null;
}

/**
 * One gateway worker: the data plane of one process. It has no table at first, and listens for clients once it
 * has one. It serves by the last good table whatever becomes of the control process, and asks nobody while it serves.
 */
export function createGateway(options: GatewayOptions): Gateway {
  return new GatewayWorker(options);
}

class GatewayWorker implements Gateway, DataPlane {
  readonly name = "gateway";
  readonly clock: Clock;
  readonly routing: Routing;
  readonly requestIds: RequestIds;
  readonly clients = new Set<Client>();
  readonly times: Times;
  readonly caps: Caps;
  readonly limited = new LimitCounts();
  readonly addresses = new AddressCounts();
  nowMs: number;
  isDraining = false;
  readonly drainHooks = new Set<() => void>();
  unrouted = 0;
  accessLog: AccessLog | null = null;
  /** Lines of access logs since the last report. */
  #lines = { written: 0, dropped: 0 };
  readonly #options: GatewayOptions;
  readonly #control: ControlSocket;
  readonly #server: Server;
  readonly #mirrors: Mirrors;
  readonly #failed = Promise.withResolvers<void>();
  /** Drained because the control process said so. */
  readonly #drained = Promise.withResolvers<void>();
  readonly #sockets: ListeningSockets;
  readonly #departure: Departure;
  #isStarting = false;
  /** Connections of clients so far. */
  #accepted = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.nowMs = options.clock.monotonic();
    this.times = { ...TIMES, ...options.times };
    this.caps = { ...CAPS, ...options.caps };
    this.routing = new Routing(() => options.random.next());
    this.routing.workerIndex = options.slot ?? 0;
    this.#mirrors = new Mirrors(this);
    this.requestIds = new RequestIds(options.random.hex(8));
    this.#control = new ControlSocket(
      join(options.dir, "control.sock"),
      () => this.#hello(),
      (command) => this.#command(command),
    );
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#sockets = new ListeningSockets(options.inherited);
    this.#departure = new Departure({
      plane: this,
      sockets: this.#sockets,
      control: this.#control,
      log: options.log,
      acceptedCount: () => this.#accepted,
      startSuccessor: options.startSuccessor,
    });
    this.#failed.promise.catch(() => {});
  }

  port(): number | null {
    const address = this.#sockets.isOpen ? this.#server.address() : null;
    return address !== null && typeof address === "object" ? address.port : null;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await writeFileAtomic(join(this.#options.dir, "process.json"), JSON.stringify(ownIdentity()), 0o600);
    await this.#control.listen();
    const sweep = setInterval(() => this.#sweep(), this.times.sweepMs);
    const report = setInterval(() => this.#report(), this.times.reportMs);
    try {
      await Promise.race([stopped.promise, this.#failed.promise, this.#drained.promise]);
    } finally {
      clearInterval(sweep);
      clearInterval(report);
      await this.#stop();
    }
  }

  async #stop(): Promise<void> {
    this.#sockets.close();
    for (const client of this.clients) client.wire.destroy();
    for (const service of this.routing.services)
      for (const instance of service.instances) instance.closeIdle();
    this.#mirrors.close();
    await this.accessLog?.close();
    await this.#control.close();
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#drain(deadlineMs, this.clock.monotonic() + this.times.drainIdleMs);
  }

  leave(): Promise<boolean> {
    return this.#departure.leave();
  }

  async #drain(deadlineMs: number, idleUntilMs: number): Promise<void> {
    await this.#departure.drain(deadlineMs, idleUntilMs);
    this.#report();
  }

  #accept(socket: Socket): void {
    this.#accepted++;
    const address = (socket.remoteAddress ?? "unknown").replace(/^::ffff:/, "");
    if (this.clients.size >= this.caps.clientsMax) this.#turnAway(socket, "connections");
    else if (!this.addresses.enter(address, this.caps.clientsPerAddressMax))
      this.#turnAway(socket, "connections_per_address");
    else new Client(socket, this, address);
  }

  #turnAway(socket: Socket, limit: string): void {
    this.limited.count(limit);
    socket.destroy();
  }

  #hello(): GatewayMessage {
    return {
      type: "hello",
      pid: process.pid,
      tableNumber: this.routing.number,
      listening: this.#sockets.isOpen && !this.isDraining,
      handsOver: true,
    };
  }

  /** The log goes on as it is, ends, or begins. */
  #setAccessLog(options: AccessLogOptions & { readonly file: string }): void {
    const before = this.accessLog;
    const { file, share, withQuery } = options;
    const isSame = JSON.stringify(before?.options ?? null) === JSON.stringify({ file, share, withQuery });
    if (isSame) return;
    const { clock, random, log } = this.#options;
    this.accessLog = share === null ? null : new AccessLog({ file, share, withQuery }, { clock, random });
    log.info({ share, withQuery }, "access log");
    if (before !== null) void before.close().then(() => this.#countLines(before));
  }

  /** What a log has to tell since it was last asked goes into the next report, also when the log has ended. */
  #countLines(log: AccessLog): void {
    const { written, dropped } = log.take();
    this.#lines = { written: this.#lines.written + written, dropped: this.#lines.dropped + dropped };
  }

  #command(command: unknown): void {
    const { type, table, change } = (command ?? {}) as { type?: unknown; table?: unknown; change?: unknown };
    if (type === "start-successor") {
      void this.#departure.startSuccessor((command as { readonly order: SuccessorOrder }).order);
      return;
    }
    if (type === "drain") {
      const deadlineMs = this.clock.monotonic() + this.times.drainMs;
      void this.#drain(deadlineMs, deadlineMs).then(this.#drained.resolve);
      return;
    }
    if (type === "access-log") {
      this.#setAccessLog(command as AccessLogOptions & { readonly file: string });
      return;
    }
    if (type === "change") {
      const checked = checkChange(change, this.routing);
      if (typeof checked === "string") this.#refuseTable(change, checked);
      else {
        this.routing.change(checked);
        this.#mirrors.apply(this.routing);
        this.#acknowledge();
      }
      return;
    }
    if (type !== "table") {
      // There are only these; a control process that knows others replaces this worker.
      this.#options.log.warn({ type }, "ignored a command that this gateway does not know");
      return;
    }
    const checked = checkTable(table, this.routing.number);
    if (typeof checked === "string") {
      this.#refuseTable(table, checked);
      return;
    }
    this.routing.apply(checked);
    this.#mirrors.apply(this.routing);
    if (this.#sockets.isOpen || this.isDraining) this.#acknowledge();
    else this.#listen();
  }

  #refuseTable(table: unknown, reason: string): void {
    const number = Number((table as { number?: unknown } | null)?.number);
    const tableNumber = Number.isSafeInteger(number) ? number : 0;
    this.#options.log.warn({ tableNumber, reason }, "refused a route table");
    this.#control.send({ type: "nack", tableNumber, reason });
  }

  #acknowledge(): void {
    this.#control.send({ type: "ack", tableNumber: this.routing.number });
    this.lingeringEnded();
  }

  lingeringEnded(): void {
    const { number: tableNumber } = this.routing;
    this.#control.send({ type: "lingering", tableNumber, inFlight: this.routing.lingering() });
  }

  /** With the first table there is something to serve: only then may clients come, and only then is it acknowledged. */
  #listen(): void {
    if (this.#isStarting) return;
    this.#isStarting = true;
    const { host, port, log } = this.#options;
    this.#sockets.listen("http", this.#server, { host, port }).then(
      () => {
        this.#server.on("error", (error) => this.#failed.reject(error));
        this.#sockets.complete();
        log.info({ host, port: this.port(), tableNumber: this.routing.number }, "listening for clients");
        this.#acknowledge();
      },
      (error: unknown) => this.#failed.reject(error),
    );
  }

  #sweep(): void {
    this.nowMs = this.clock.monotonic();
    this.accessLog?.flush();
    for (const client of this.clients) client.sweep(this.nowMs);
    for (const service of this.routing.services) {
      for (const instance of service.instances) {
        instance.sweep(this.nowMs, this.times.upstreamIdleMs);
        if (instance.isSuspect)
          instance.probe(this.nowMs, this.times.connectMs, (i) => new Upstream(i, this));
      }
    }
    this.#mirrors.sweep(this.nowMs);
  }

  #report(): void {
    const samples = takeSamples(this.routing.measured());
    const { unrouted } = this;
    this.unrouted = 0;
    const mirrors = this.#mirrors.take();
    const differences = this.#mirrors.takeDifferences();
    const cpu = process.cpuUsage();
    if (this.accessLog !== null) this.#countLines(this.accessLog);
    this.#control.send({
      type: "report",
      atMs: this.clock.now(),
      samples,
      inFlight: this.routing.inFlight(),
      connections: this.clients.size,
      unrouted,
      ...(this.limited.isEmpty ? {} : { limits: this.limited.take() }),
      ...(mirrors.length > 0 ? { mirrors } : {}),
      ...(differences.length > 0 ? { differences } : {}),
      process: { rssBytes: process.memoryUsage.rss(), cpuUs: cpu.user + cpu.system },
      accessLog: this.#lines,
    });
    this.#lines = { written: 0, dropped: 0 };
  }
}
