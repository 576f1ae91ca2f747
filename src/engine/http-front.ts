import { createServer, type Server, type Socket } from "node:net";
import type { Dispatcher } from "./dispatcher.ts";
import { HttpConnection } from "./http-connection.ts";
import type { EngineLimits } from "./limits.ts";
import type { RequestPaths } from "./request-front.ts";
import type { ResponseHeads } from "./responses.ts";
import type { Tokens } from "./tokens.ts";

/** Deadlines are looked at this often: a tenth of the time allowed, within these bounds in ms. */
const TICK_MS_MIN = 5;
const TICK_MS_MAX = 100;
/** Idle and lingering connections are looked at this often, in ms. */
const SWEEP_MS = 500;

/** What the connections of one engine share. */
export interface HttpFrontParts {
  readonly limits: EngineLimits;
  readonly paths: RequestPaths;
  readonly tokens: Tokens;
  readonly heads: ResponseHeads;
  readonly dispatcher: Dispatcher;
  /** Monotonic ms. */
  readonly now: () => number;
}

/** The HTTP side of an engine: two listeners, all connections, and one clock for all their deadlines. */
export class HttpFront {
  readonly limits: EngineLimits;
  readonly paths: RequestPaths;
  readonly tokens: Tokens;
  readonly heads: ResponseHeads;
  readonly dispatcher: Dispatcher;
  /** Monotonic ms, as of the last tick. */
  coarseNow: number;
  /** Answers now end their connections. */
  isDraining = false;
  /** Nothing is taken any more: the workers are ending. */
  isStopped = false;
  readonly #now: () => number;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<HttpConnection>();
  #keepaliveMs: number;
  #ticker: NodeJS.Timeout | null = null;
  #sweptAt: number;
  #heldBytes = 0;
  /** Requests in the order of their start: the first is the first to expire. */
  #first: HttpConnection | null = null;
  #last: HttpConnection | null = null;
  #lastBeganAt: number;

  constructor(parts: HttpFrontParts, keepaliveMs: number) {
    this.limits = parts.limits;
    this.paths = parts.paths;
    this.tokens = parts.tokens;
    this.heads = parts.heads;
    this.dispatcher = parts.dispatcher;
    this.#now = parts.now;
    this.#keepaliveMs = keepaliveMs;
    this.coarseNow = parts.now();
    this.#sweptAt = this.coarseNow;
    this.#lastBeganAt = this.coarseNow;
    this.#startTicker();
  }

  /** Requests begun and not answered. */
  get hasRequests(): boolean {
    return this.#first !== null;
  }

  /** Since when no request has begun, monotonic ms. */
  get lastBeganAt(): number {
    return this.#lastBeganAt;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  setKeepalive(ms: number): void {
    if (ms === this.#keepaliveMs) return;
    this.#keepaliveMs = ms;
    this.#startTicker();
  }

  /** Listens for gateways: no token is asked. */
  listenOnSocket(path: string): Promise<void> {
    const server = this.#server(false);
    return listening(server, () => server.listen(path));
  }

  /** Listens on 127.0.0.1 for direct callers; resolves to the port. */
  async listenOnPort(): Promise<number> {
    const server = this.#server(true);
    await listening(server, () => server.listen(0, "127.0.0.1"));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  #server(needsToken: boolean): Server {
    const server = createServer((socket: Socket) => {
      if (this.#connections.size >= this.limits.connectionsMax) {
        socket.destroy();
        return;
      }
      this.#connections.add(new HttpConnection(this, socket, needsToken));
    });
    this.#servers.push(server);
    return server;
  }

  /** Takes no new connections. */
  stopListening(): void {
    for (const server of this.#servers) server.close();
  }

  /** Answers all that is left with INSTANCE_DRAINING. */
  refuseAll(): void {
    while (this.#first !== null) this.#first.giveUp();
  }

  /** Ends everything now. */
  close(): void {
    this.stopListening();
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#ticker = null;
    for (const connection of [...this.#connections]) connection.destroy();
  }

  began(connection: HttpConnection): void {
    const now = this.#now();
    connection.startedAt = now;
    this.#lastBeganAt = now;
    connection.activePrevious = this.#last;
    connection.activeNext = null;
    if (this.#last === null) this.#first = connection;
    else this.#last.activeNext = connection;
    this.#last = connection;
  }

  ended(connection: HttpConnection): void {
    const { activePrevious: previous, activeNext: next } = connection;
    if (previous === null) this.#first = next;
    else previous.activeNext = next;
    if (next === null) this.#last = previous;
    else next.activePrevious = previous;
    connection.activePrevious = null;
    connection.activeNext = null;
    connection.startedAt = 0;
  }

  closed(connection: HttpConnection): void {
    this.#connections.delete(connection);
  }

  /** Takes `bytes` of the allowance for bodies; false when so many are not left. */
  hold(bytes: number): boolean {
    if (this.#heldBytes + bytes > this.limits.heldBodyBytesMax) return false;
    this.#heldBytes += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.#heldBytes -= bytes;
  }

  #startTicker(): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
    const every = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, this.#keepaliveMs / 10));
    this.#ticker = setInterval(() => this.#tick(), every);
  }

  #tick(): void {
    const now = this.#now();
    this.coarseNow = now;
    while (this.#first !== null && now - this.#first.startedAt >= this.#keepaliveMs) this.#first.expire();
    if (now - this.#sweptAt < Math.min(SWEEP_MS, this.limits.lingerMs)) return;
    this.#sweptAt = now;
    for (const connection of this.#connections) {
      const quietMs = now - connection.quietSince;
      if (
        connection.isLingering
          ? quietMs > this.limits.lingerMs
          : connection.isIdle && quietMs > this.limits.idleConnectionMs
      ) {
        connection.destroy();
      }
    }
  }
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listen();
  });
}
