import { createServer, type Server, type Socket } from "node:net";
import type { Decompressor } from "../core/instance-spec.ts";
import type { RateLimiter } from "../core/traffic/rate-limiter.ts";
import { Admission } from "./admission.ts";
import type { RequestQueue } from "./exchange.ts";
import { BodyAllowance } from "./held-body.ts";
import { HttpConnection } from "./http-connection.ts";
import { InferenceConnection } from "./inference-protocol/connection.ts";
import type { EngineLimits } from "./limits.ts";
import type { RequestPaths } from "./request-front.ts";
import type { ResponseHeads } from "./responses.ts";
import type { Tokens } from "./tokens.ts";

/** Deadlines are looked at this often: a tenth of the time allowed, within these bounds in ms. */
const TICK_MS_MIN = 5;
const TICK_MS_MAX = 100;
/** Idle and lingering connections are looked at this often, in ms; so is everything while there is no request. */
const SWEEP_MS = 500;
/** Without a request for so long, in ms, the clock goes slowly: an idle instance costs next to nothing. */
const REST_AFTER_MS = 1_000;

/** A request under way, in the order of their start. */
export interface ActiveRequest {
  activeNext: ActiveRequest | null;
  activePrevious: ActiveRequest | null;
  /** Monotonic ms; 0: it is none. */
  startedAt: number;
  /** It has taken longer than it may. */
  expire(): void;
  /** The instance ends before it could be answered. */
  giveUp(): void;
}

/** A connection of a client, whatever it speaks. */
export interface ClientConnection {
  /** Answers that the client has not taken yet. */
  readonly hasUnsent: boolean;
  isOverdue(now: number): boolean;
  /** It is to end with what is under way. */
  leave(): void;
  destroy(): void;
}

/** What the connections of one engine share. */
export interface HttpFrontParts {
  readonly limits: EngineLimits;
  readonly paths: RequestPaths;
  readonly tokens: Tokens;
  readonly heads: ResponseHeads;
  readonly dispatcher: RequestQueue;
  /** Monotonic ms. */
  readonly now: () => number;
  /** Wall clock, ms. */
  readonly wallNow: () => number;
  /** Of all requests that may come in; null: no limit. */
  readonly limiter?: RateLimiter | null;
  /** How bodies are compressed; absent: they are not. */
  readonly decompressor?: Decompressor;
  /** Takes a line for the instance's log. */
  readonly tell: (line: string) => void;
  /** The Open Inference Protocol is spoken by gRPC, too. */
  readonly hasGrpc?: boolean;
}

/** The HTTP side of an engine: two listeners, all connections, and one clock for all their deadlines. */
export class HttpFront {
  readonly limits: EngineLimits;
  readonly heads: ResponseHeads;
  readonly dispatcher: RequestQueue;
  readonly allowance: BodyAllowance;
  readonly limiter: RateLimiter | null;
  readonly decompressor: Decompressor | null;
  /** Monotonic ms, as of the last tick. */
  coarseNow: number;
  /** Answers now end their connections. */
  isDraining = false;
  /** When a direct caller's request last began, monotonic ms. */
  directAt = Number.NEGATIVE_INFINITY;
  /** Nothing is taken any more: the workers are ending. */
  isStopped = false;
  readonly #parts: HttpFrontParts;
  readonly #now: () => number;
  /** Wall clock, ms: for the date of an answer. */
  readonly wallNow: () => number;
  #forGateways: Server | null = null;
  #forDirect: Server | null = null;
  readonly #connections = new Set<ClientConnection>();
  #keepaliveMs: number;
  #ticker: NodeJS.Timeout | null = null;
  #isFast = false;
  #sweptAt: number;
  /** Requests in the order of their start: the first is the first to expire. */
  #first: ActiveRequest | null = null;
  #last: ActiveRequest | null = null;
  #lastBeganAt: number;

  constructor(parts: HttpFrontParts, keepaliveMs: number) {
    this.#parts = parts;
    this.limits = parts.limits;
    this.heads = parts.heads;
    this.dispatcher = parts.dispatcher;
    this.allowance = new BodyAllowance(parts.limits.heldBodyBytesMax);
    this.limiter = parts.limiter ?? null;
    this.decompressor = parts.decompressor ?? null;
    this.#now = parts.now;
    this.wallNow = parts.wallNow;
    this.#keepaliveMs = keepaliveMs;
    this.coarseNow = parts.now();
    this.#sweptAt = this.coarseNow;
    this.#lastBeganAt = this.coarseNow;
    this.#startTicker(this.#first !== null);
  }

  /** Requests that are not answered, or answers that their clients have not taken yet. */
  get hasWork(): boolean {
    if (this.#first !== null) return true;
    for (const connection of this.#connections) if (connection.hasUnsent) return true;
    return false;
  }

  /** Monotonic ms, exact. */
  now(): number {
    return this.#now();
  }

  /** Since when no request has begun, monotonic ms. */
  get lastBeganAt(): number {
    return this.#lastBeganAt;
  }

  /** Longest life of a request, in ms. */
  get keepaliveMs(): number {
    return this.#keepaliveMs;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  setKeepalive(ms: number): void {
    if (ms === this.#keepaliveMs) return;
    this.#keepaliveMs = ms;
    this.#startTicker(this.#first !== null);
  }

  /** Listens for gateways: no token is asked. */
  listenOnSocket(path: string): Promise<void> {
    const server = this.#server(new Admission(this.#parts.paths, null, this.limits));
    this.#forGateways = server;
    return listening(server, () => server.listen(path));
  }

  /** Listens for direct callers, at a free port when 0 is given; resolves to the port. */
  async listenOnPort(port = 0, host = "127.0.0.1"): Promise<number> {
    const server = this.#server(new Admission(this.#parts.paths, this.#parts.tokens, this.limits));
    this.#forDirect = server;
    await listening(server, () => server.listen(port, host));
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  #server(admission: Admission): Server {
    return createServer((socket: Socket) => {
      if (this.#connections.size >= this.limits.connectionsMax) {
        socket.destroy();
        return;
      }
      this.#connections.add(new HttpConnection(this, socket, admission));
    });
  }

  /** Takes no new connections from gateways, and asks all clients to leave. */
  stopListeningForGateways(): void {
    this.#forGateways?.close();
    for (const connection of this.#connections) connection.leave();
  }

  /** Takes no new connections. */
  stopListening(): void {
    this.#forDirect?.close();
    this.stopListeningForGateways();
  }

  /** True where a connection may begin with the preface of HTTP/2. */
  get hasGrpc(): boolean {
    return this.#parts.hasGrpc === true;
  }

  /** A connection turned out to speak HTTP/2: `head` is what came of it. */
  serveHttp2(connection: HttpConnection, socket: Socket, head: Buffer, admission: Admission): void {
    this.#connections.delete(connection);
    this.#connections.add(new InferenceConnection(this, socket, head, admission));
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

  began(connection: ActiveRequest): void {
    const now = this.#now();
    connection.startedAt = now;
    this.#lastBeganAt = now;
    if (!this.#isFast) this.#startTicker(true);
    connection.activePrevious = this.#last;
    connection.activeNext = null;
    if (this.#last === null) this.#first = connection;
    else this.#last.activeNext = connection;
    this.#last = connection;
  }

  ended(connection: ActiveRequest): void {
    const { activePrevious: previous, activeNext: next } = connection;
    if (previous === null) this.#first = next;
    else previous.activeNext = next;
    if (next === null) this.#last = previous;
    else next.activePrevious = previous;
    connection.activePrevious = null;
    connection.activeNext = null;
    connection.startedAt = 0;
  }

  /** Its answer goes on: it may take as long again. */
  renewed(connection: ActiveRequest): void {
    this.ended(connection);
    this.began(connection);
  }

  /** A line for the instance's log. */
  tell(line: string): void {
    this.#parts.tell(line);
  }

  closed(connection: ClientConnection): void {
    this.#connections.delete(connection);
  }

  /** Deadlines are exact to a tick while there are requests; else only sweeps are due. */
  #startTicker(isFast: boolean): void {
    if (this.#ticker !== null) clearInterval(this.#ticker);
    this.#isFast = isFast;
    const fast = Math.min(TICK_MS_MAX, Math.max(TICK_MS_MIN, this.#keepaliveMs / 10));
    this.#ticker = setInterval(() => this.#tick(), isFast ? fast : SWEEP_MS);
  }

  #tick(): void {
    const now = this.#now();
    this.coarseNow = now;
    while (this.#first !== null && now - this.#first.startedAt >= this.#keepaliveMs) this.#first.expire();
    if (this.#isFast && this.#first === null && now - this.#lastBeganAt > REST_AFTER_MS)
      this.#startTicker(false);
    if (now - this.#sweptAt < Math.min(SWEEP_MS, this.limits.lingerMs)) return;
    this.#sweptAt = now;
    for (const connection of this.#connections) if (connection.isOverdue(now)) connection.destroy();
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
