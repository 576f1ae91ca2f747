import type { Clock } from "../ports/clock.ts";
import type { AccessLog } from "./access-log.ts";
import type { AddressCounts } from "./address-counts.ts";
import type { Connection } from "./connection.ts";
import type { Discovery } from "./discovery.ts";
import type { ExchangePool } from "./exchange-pool.ts";
import type { LimitCounts } from "./limit-counts.ts";
import type { RequestIds } from "./request-id.ts";
import type { Routing } from "./routing.ts";

/** What all connections of one worker share. */
export interface DataPlane {
  readonly clock: Clock;
  readonly routing: Routing;
  readonly requestIds: RequestIds;
  /** For clients that call instances themselves. */
  readonly discovery: Discovery;
  /** Connections of clients, and streams of their HTTP/2 connections. */
  readonly clients: Set<Connection>;
  /** Time limits, from limits.ts unless a test needs shorter ones. */
  readonly times: Times;
  /** Monotonic ms at the last sweep, whole: good enough for time limits, free to read, and kept without an object of its own. */
  nowMs: number;
  /** Every answer from now on ends its connection. */
  isDraining: boolean;
  /**
   * Called once when draining begins. Connections that can say more than "this was the last answer" (HTTP/2: GOAWAY) add
   * themselves, and take themselves off when they are gone.
   */
  readonly drainHooks: Set<() => void>;
  /** Limits that are no times, from limits.ts unless a test needs smaller ones. */
  readonly caps: Caps;
  /** Where the limits of the worker itself are counted. */
  readonly limited: LimitCounts;
  readonly addresses: AddressCounts;
  /** For the requests of clients. */
  readonly exchanges: ExchangePool;
  /** Null while it is off. */
  readonly accessLog: AccessLog | null;
  /** Answers that no service is to blame for, since the last report. */
  unrouted: number;
  /** The last request to an instance that is no longer named is over. */
  lingeringEnded(): void;
}

/** Limits in ms; see limits.ts for each. */
export interface Times {
  readonly sweepMs: number;
  readonly clientIdleMs: number;
  readonly handshakeMs: number;
  readonly certificateLookMs: number;
  readonly headMs: number;
  readonly bodyStallMs: number;
  readonly writeStallMs: number;
  readonly lingerMs: number;
  readonly connectMs: number;
  readonly timeoutMarginMs: number;
  readonly suspectMs: number;
  readonly upstreamIdleMs: number;
  readonly drainIdleMs: number;
  readonly drainMs: number;
  readonly leaveMs: number;
  readonly tunnelIdleMs: number;
  readonly tunnelHalfMs: number;
  readonly tunnelCloseMs: number;
  readonly reportMs: number;
  readonly clientRateWindowMs: number;
}

/** Limits in connections, streams, bytes and bytes a second; see limits.ts for each. */
export interface Caps {
  readonly clientsMax: number;
  readonly clientsPerAddressMax: number;
  readonly bytesInFlightMax: number;
  readonly clientRateMin: number;
  readonly http2StreamsMax: number;
}
