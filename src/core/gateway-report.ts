import type { SparseHistogram } from "./meter/histogram.ts";
import type { GatewayId, InstanceId, ServiceName } from "./names.ts";
import type { MirrorCounts, MirrorDifference } from "./traffic/mirror.ts";
import type { RouteChange, RouteTable } from "./traffic/route-table.ts";
import type { TablePart } from "./traffic/table-parts.ts";

/** What a gateway measured in one second, of a service or of one of its instances. */
export interface TrafficCounts {
  /** Requests that came to their end. */
  readonly requests: number;
  /** By exact status, e.g. `{"200": 97, "503": 3}`; 499 is a client that left first. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Bytes from and to clients, heads included. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Sparse log-linear histogram of latency in µs (core/meter/histogram.ts). */
  readonly latency: SparseHistogram;
  /** Sum of the same latencies in µs. */
  readonly latencyUs: number;
  /** Second tries; counted at the instance that the first one failed at. */
  readonly retries: number;
  /** Times that it could not be reached and was set aside, counted at the instance. */
  readonly ejections: number;
  /** Requests that waited in an engine's queue, the sum of their waits in µs, and the longest one. */
  readonly queued: number;
  readonly queueUs: number;
  readonly queueUsMax: number;
  /** Requests in work at the end of the second. */
  readonly inFlight: number;
}

/** The part of one instance in a service's traffic. */
export interface InstanceSample extends TrafficCounts {
  readonly instance: InstanceId;
}

/** What a gateway measured of one service in one second: all of it, and of that what each instance did. */
export interface ServiceSample extends TrafficCounts {
  readonly service: ServiceName;
  /** Of the requests, those that came through a group's address. */
  readonly grouped: number;
  /**
   * Requests that each limit of the service met, by its name in `networking.gateway_policy`; `….evaluated` were let through. Absent:
   * none.
   */
  readonly limits?: Readonly<Record<string, number>>;
  /** Instances with anything to tell. What is missing to the whole came to no instance: refused, or nobody ready. */
  readonly instances: readonly InstanceSample[];
}

/** What a gateway's process uses. */
export interface ProcessUse {
  readonly rssBytes: number;
  /** User and system time since its start, in µs. */
  readonly cpuUs: number;
}

/** What a gateway writes into its access log. */
export interface AccessLogOptions {
  /** Share of the requests that get a line, above 0 to 1; null: no log. */
  readonly share: number | null;
  /** The part behind the `?` too. It may hold what nobody should keep. */
  readonly withQuery: boolean;
}

/** A certificate that a gateway shows to its clients. */
export interface CertificateFacts {
  /** E.g. `CN=models.example.org`; may be empty. */
  readonly subject: string;
  /** Host names and addresses that it is for. */
  readonly names: readonly string[];
  /** It is valid from and to; ms since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Of SHA-256, as OpenSSL writes it: `AB:CD:…`. */
  readonly fingerprint: string;
}

/** What a gateway that was given a certificate is at. */
export interface TlsState {
  /** Where it listens for TLS; null: not yet, as the files could not be used so far, or no longer. */
  readonly port: number | null;
  /** The one in force. */
  readonly certificate: CertificateFacts | null;
  /** Why the files as they are now cannot be used; what is in force stays so. Null: they can. */
  readonly problem: string | null;
  /** What a person should see to: dates, permissions. */
  readonly warnings: readonly string[];
}

/** What became of the copies from one service to one target in one second. They are in no {@link ServiceSample}. */
export interface MirrorSample extends MirrorCounts {
  readonly service: ServiceName;
  readonly target: ServiceName;
}

/** How a gateway starts the process that follows it: as the control process would, and with its listening sockets. */
export interface SuccessorOrder {
  readonly id: GatewayId;
  /** The successor's run folder, with its gateway.json. */
  readonly folder: string;
  /** What gateway.json has to say, or somebody else was started there meanwhile. */
  readonly launchId: string;
  /** Program and arguments; what is needed to find the sockets is added. */
  readonly command: readonly string[];
  /** The environment of the control process, and the folder that it runs in. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly logFile: string;
}

/** Control process → gateway, one JSON object a line. */
export type GatewayCommand =
  | { readonly type: "table"; readonly table: RouteTable }
  /** Sent instead of a table to a gateway that has, or is about to have, the table that it changes. */
  | { readonly type: "change"; readonly change: RouteChange }
  /** In place of either when it is large: its beginning, parts of bounded size, and its end. */
  | { readonly type: "begin"; readonly of: "table"; readonly number: number; readonly workerCount?: number }
  | { readonly type: "begin"; readonly of: "change"; readonly number: number; readonly base: number }
  | { readonly type: "part"; readonly part: TablePart }
  | { readonly type: "end"; readonly number: number }
  | { readonly type: "start-successor"; readonly order: SuccessorOrder }
  /** Another takes its place: close the port, keep idle connections until they speak or time out as ever, then exit. */
  | { readonly type: "drain" }
  | ({
      readonly type: "access-log";
      /** Where it is written; older ones have `.1` to `.4` behind. */
      readonly file: string;
    } & AccessLogOptions);

/** Gateway → control process, one JSON object a line. */
export type GatewayMessage =
  /** First line on every connection. */
  | {
      readonly type: "hello";
      readonly pid: number;
      readonly tableNumber: number;
      readonly listening: boolean;
      /** Absent: it was given no certificate. */
      readonly tls?: TlsState;
      /** It knows `start-successor` and `drain`; an older one does not. */
      readonly handsOver?: true;
    }
  /** Something of it is different now. */
  | { readonly type: "tls"; readonly tls: TlsState }
  | { readonly type: "ack"; readonly tableNumber: number }
  /** It was asked to end, by a signal. It serves on for a while, for a successor to be there before it drains. */
  | { readonly type: "leaving" }
  /** It could not start that successor. */
  | { readonly type: "successor-failed"; readonly id: GatewayId; readonly reason: string }
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
  | GatewayTraffic;

export interface GatewayTraffic {
  readonly type: "report";
  readonly atMs: number;
  readonly samples: readonly ServiceSample[];
  readonly inFlight: Readonly<Record<ServiceName, number>>;
  readonly connections: number;
  readonly unrouted: number;
  readonly process: ProcessUse;
  /** Lines of the access log since the last report: written, and dropped because the disk did not keep up. */
  readonly accessLog: { readonly written: number; readonly dropped: number };
  /** Connections and requests that each limit of the worker itself met. Absent: none. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Left out when there were no copies. */
  readonly mirrors?: readonly MirrorSample[];
  /** The newest pairs of answers that differ, where a mirror asks for samples. */
  readonly differences?: readonly MirrorDifference[];
}
