import type { AccessLogOptions, GatewayMessage } from "../core/gateway-report.ts";
import type { GatewayId } from "../core/names.ts";
import type { RouteChange, RouteTable } from "../core/traffic/route-table.ts";

/** The gateway worker processes of this installation, as the control process sees them. */
export interface GatewayFleet {
  /** All that exist, found by the run directory, alive or not. */
  list(): Promise<readonly GatewayProcess[]>;
  /** Idempotent by id. Resolves once launched. */
  start(gateway: GatewayLaunch): Promise<void>;
  /** Lets it drain for at most `graceMs`, then kills it. Resolves once it is gone and no longer listed. */
  stop(id: GatewayId, graceMs: number, signal: AbortSignal): Promise<void>;
  /** Resolves once it has ended by itself, or `patienceMs` are over. Asks nothing of it. */
  ended(id: GatewayId, patienceMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Connects to a running gateway's control socket. Rejects when it cannot be reached yet.
   * `onMessage` and `onClose` are called from then on; the caller owns the link and closes it.
   */
  connect(
    id: GatewayId,
    onMessage: (message: GatewayMessage) => void,
    onClose: () => void,
  ): Promise<GatewayLink>;
}

export interface GatewayLaunch {
  readonly id: GatewayId;
  readonly host: string;
  readonly port: number;
  /** Null: it speaks no TLS. */
  readonly tls: GatewayTls | null;
}

/** Where gateways speak TLS, and the absolute paths of certificate and key, which each gateway reads for itself. */
export interface GatewayTls {
  readonly host: string;
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
}

export interface GatewayProcess extends GatewayLaunch {
  readonly pid: number | null;
  readonly isAlive: boolean;
}

export interface GatewayLink {
  sendTable(table: RouteTable): void;
  sendAccessLog(options: AccessLogOptions): void;
  sendChange(change: RouteChange): void;
  /**
   * Has this gateway start `successor`, which takes over its listening sockets: with them the connections that the kernel has queued. Resolves
   * once that is asked; then the successor is there, or a message says why not, or this gateway hangs.
   */
  startSuccessor(successor: GatewayLaunch): Promise<void>;
  /** Tells it that another has taken its place. */
  sendDrain(): void;
  close(): void;
}
