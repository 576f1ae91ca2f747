import type { InstanceId, ServiceName } from "./names.ts";
import type { RouteChange, RouteTable } from "./traffic/route-table.ts";

/** What a gateway measured of one service in one second. */
export interface ServiceSample {
  readonly service: ServiceName;
  readonly requests: number;
  /** By exact status, e.g. `{"200": 97, "503": 3}`; 499 is a client that left first. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Sparse log-linear histogram of latency in µs: pairs of bucket index and count (core/meter/histogram.ts). */
  readonly latency: readonly (readonly [bucket: number, count: number])[];
  readonly retries: number;
  /**
   * Requests that each limit of the service met, by its name in `networking.gateway_policy`; `….evaluated` were let through. Absent:
   * none.
   */
  readonly limits?: Readonly<Record<string, number>>;
}

/** Control process → gateway, one JSON object a line. */
export type GatewayCommand =
  | { readonly type: "table"; readonly table: RouteTable }
  /** Sent instead of a table to a gateway that has, or is about to have, the table that it changes. */
  | { readonly type: "change"; readonly change: RouteChange };

/** Gateway → control process, one JSON object a line. */
export type GatewayMessage =
  /** First line on every connection. */
  | {
      readonly type: "hello";
      readonly pid: number;
      readonly tableNumber: number;
      readonly listening: boolean;
    }
  | { readonly type: "ack"; readonly tableNumber: number }
  /** It was told to stop: it takes no new connections, finishes what it has, and exits. */
  | { readonly type: "draining" }
  /** The last good table stays in force. */
  | { readonly type: "nack"; readonly tableNumber: number; readonly reason: string }
  /**
   * Requests still in flight to instances that the table in force no longer names. Sent with every ack
   * and whenever one of the counts changes to zero; an instance not in it has none.
   */
  | {
      readonly type: "lingering";
      readonly tableNumber: number;
      readonly inFlight: Readonly<Record<InstanceId, number>>;
    }
  /** Once a second; services without requests are left out. `unrouted` counts answers without a service (404, 400). */
  | {
      readonly type: "report";
      readonly atMs: number;
      readonly samples: readonly ServiceSample[];
      readonly inFlight: Readonly<Record<ServiceName, number>>;
      readonly connections: number;
      readonly unrouted: number;
      /** Connections and requests that each limit of the worker itself met. Absent: none. */
      readonly limits?: Readonly<Record<string, number>>;
    };
