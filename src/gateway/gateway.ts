import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { writeFileAtomic } from "../base/atomic-file.ts";
import type { Component } from "../base/component.ts";
import { ownIdentity } from "../base/process-identity.ts";
import type { AccessLogOptions, GatewayMessage, SuccessorOrder } from "../core/gateway-report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { AccessLog } from "./access-log.ts";
import { AccessLogSwitch } from "./access-log-switch.ts";
import type { AddressCounts } from "./address-counts.ts";
import { Admission } from "./admission.ts";
import { Client } from "./client.ts";
import type { Connection } from "./connection.ts";
import { ControlSocket } from "./control-socket.ts";
import type { Caps, DataPlane, Times } from "./data-plane.ts";
import { Departure, type StartSuccessor } from "./departure.ts";
import { Discovery } from "./discovery.ts";
import { ExchangePool } from "./exchange-pool.ts";
import { serveHttp2 } from "./http2-front.ts";
import { sweepInstances } from "./instance-sweep.ts";
import { LimitCounts } from "./limit-counts.ts";
import { REPORT_SLICE_MS } from "./limits.ts";
import { type InheritedSockets, ListeningSockets } from "./listening-sockets.ts";
import { Mirrors } from "./mirrors.ts";
import { checkSeams } from "./node-seams.ts";
import { RequestIds } from "./request-id.ts";
import { Routing } from "./routing.ts";
import { Slices } from "./slices.ts";
import { SpareMembers } from "./spare-members.ts";
import { type TableHost, TableIntake } from "./table-intake.ts";
import { type TlsHost, TlsListener, type TlsOptions } from "./tls-listener.ts";
import { CAPS, TIMES } from "./worker-limits.ts";
import { takingReport } from "./worker-report.ts";

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
  /** Null, or not there: it speaks no TLS. */
  readonly tls?: TlsOptions | null;
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
  /** Where they connect with TLS; null: nowhere, or not yet. */
  tlsPort(): number | null;
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
  readonly discovery: Discovery;
  readonly clients = new Set<Connection>();
  readonly times: Times;
  readonly caps: Caps;
  readonly limited = new LimitCounts();
  readonly addresses: AddressCounts;
  readonly exchanges = new ExchangePool(this);
  nowMs: number;
  isDraining = false;
  readonly drainHooks = new Set<() => void>();
  unrouted = 0;
  readonly #access: AccessLogSwitch;
  readonly #options: GatewayOptions;
  readonly #control: ControlSocket;
  readonly #intake: TableIntake;
  readonly #server: Server;
  readonly #tls: TlsListener | null;
  readonly #mirrors: Mirrors;
  readonly #failed = Promise.withResolvers<void>();
  /** Drained because the control process said so. */
  readonly #drained = Promise.withResolvers<void>();
  readonly #reports: Slices;
  readonly #spares = new SpareMembers(this);
  readonly #sockets: ListeningSockets;
  readonly #departure: Departure;
  #isStarting = false;
  readonly #admission: Admission;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.nowMs = Math.floor(options.clock.monotonic());
    this.times = { ...TIMES, ...options.times };
    this.caps = { ...CAPS, ...options.caps };
    this.#admission = new Admission(this.caps, this.limited);
    this.addresses = this.#admission.addresses;
    this.routing = new Routing(() => options.random.next());
    this.routing.workerIndex = options.slot ?? 0;
    this.discovery = new Discovery(this.routing);
    this.#mirrors = new Mirrors(this);
    this.#access = new AccessLogSwitch(options);
    this.requestIds = new RequestIds(options.random.hex(8));
    this.#control = new ControlSocket(join(options.dir, "control.sock"), () => this.#hello(), {
      nowMs: () => options.clock.monotonic(),
      isHeld: () => this.#intake.isBusy,
      command: (command, link, bytes) => this.#command(command, link, bytes),
      closed: (link) => this.#intake.forget(link),
    });
    this.#intake = new TableIntake(this.#tableHost(), this.#mirrors);
    this.#reports = new Slices(() => options.clock.monotonic(), REPORT_SLICE_MS);
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
    this.#sockets = new ListeningSockets(options.inherited);
    this.#departure = new Departure({
      plane: this,
      sockets: this.#sockets,
      control: this.#control,
      log: options.log,
      acceptedCount: () => this.#admission.seen,
      handshakeCount: () => this.#tls?.handshakeCount ?? 0,
      startSuccessor: options.startSuccessor,
    });
    this.#tls = options.tls == null ? null : new TlsListener(options.tls, this.#tlsHost());
    this.drainHooks.add(() => this.#tls?.close());
    this.#failed.promise.catch(() => {});
  }

  get accessLog(): AccessLog | null {
    return this.#access.current;
  }

  #tlsHost(): TlsHost {
    const { clock, times, limited } = this;
    return {
      ...{ clock, times, limited, sockets: this.#sockets, log: this.#options.log },
      admit: (socket) => this.#admission.admit(socket, this.#connections()),
      release: (address) => this.addresses.leave(address),
      accept: (socket, address) => {
        if (socket.alpnProtocol === "h2") serveHttp2(socket, this, address, null);
        else new Client(socket, this, address);
      },
      changed: (tls) => this.#control.send({ type: "tls", tls }),
      failed: (error) => this.#failed.reject(error),
    };
  }

  port(): number | null {
    const address = this.#sockets.isOpen ? this.#server.address() : null;
    return address !== null && typeof address === "object" ? address.port : null;
  }

  tlsPort(): number | null {
    return this.#tls?.state.port ?? null;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const stopped = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => stopped.resolve(), { once: true });
    await writeFileAtomic(join(this.#options.dir, "process.json"), JSON.stringify(ownIdentity()), 0o600);
    const wrong = await checkSeams();
    if (wrong.length > 0)
      this.#options.log.warn({ wrong }, "this Node has only its public API for sockets, which costs more");
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
    this.#intake.close();
    this.#reports.finish();
    this.#tls?.destroy();
    this.#sockets.close();
    for (const client of this.clients) client.destroy();
    for (const service of this.routing.services) for (const instance of service.made) instance.closeIdle();
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
    this.#reports.finish();
    this.#report();
    this.#reports.finish();
  }

  #accept(socket: Socket): void {
    const address = this.#admission.admit(socket, this.#connections());
    if (address !== null) new Client(socket, this, address);
  }

  /** Of clients, and of those that are on the way to being one. */
  #connections(): number {
    return this.clients.size + (this.#tls?.handshakeCount ?? 0);
  }

  #hello(): GatewayMessage {
    return {
      type: "hello",
      pid: process.pid,
      tableNumber: this.routing.number,
      listening: this.#sockets.isOpen && !this.isDraining,
      handsOver: true,
      ...(this.#tls === null ? {} : { tls: this.#tls.state }),
    };
  }

  #command(command: unknown, link: object, bytes: number): void {
    if (this.#intake.take(command, link, bytes)) return;
    const { type } = (command ?? {}) as { type?: unknown };
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
      this.#access.set(command as AccessLogOptions & { readonly file: string });
      return;
    }
    // There are only these; a control process that knows others replaces this worker.
    this.#options.log.warn({ type }, "ignored a command that this gateway does not know");
  }

  #tableHost(): TableHost {
    return {
      clock: this.clock,
      routing: this.routing,
      acknowledge: () => {
        if (this.#sockets.isOpen || this.isDraining) this.#acknowledge();
        else this.#listen();
      },
      refuse: (tableNumber, reason) => {
        this.#options.log.warn({ tableNumber, reason }, "refused a route table");
        this.#control.send({ type: "nack", tableNumber, reason });
      },
      ready: () => this.#control.resume(),
    };
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
    // TLS first, so that whoever hears of the acknowledgement knows all that this worker serves.
    const secure = this.#tls === null ? Promise.resolve() : this.#tls.start();
    const begun = secure.then(() => this.#sockets.listen("http", this.#server, { host, port }));
    begun.then(
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
    this.nowMs = Math.floor(this.clock.monotonic());
    this.accessLog?.flush();
    for (const client of this.clients) client.sweep(this.nowMs);
    sweepInstances(this);
    this.#spares.sweep();
    this.#mirrors.sweep(this.nowMs);
    this.#tls?.sweep(this.nowMs);
  }

  #report(): void {
    // What it does not say, the next one will.
    if (this.#reports.isBusy) return;
    const connections = this.#connections();
    const steps = takingReport(this, { connections, mirrors: this.#mirrors, access: this.#access });
    this.#reports.start(steps, (pieces) => this.#control.sendText(pieces));
  }
}
