import type { GroupName, InstanceId, ServiceName } from "../names.ts";
import type { Affinity } from "./affinity.ts";
import type { MirrorRule } from "./mirror.ts";
import type { GatewayPolicy } from "./policy.ts";

/**
 * Everything a gateway needs to serve, as one immutable, numbered value. The control process makes it,
 * gateways swap it in whole. A gateway refuses a number not above the one it holds.
 */
export interface RouteTable {
  /** Grows with every change, over restarts of the control process too. */
  readonly number: number;
  readonly services: readonly ServiceRoute[];
  readonly groups: readonly GroupRoute[];
  /** Gateway workers that are wanted: each has its part of the limits. Absent: 1. */
  readonly workerCount?: number;
}

/**
 * What turns the table `base` into the table `number`, so that a change costs what it changes and not what there is. A service or
 * group that is not named stays as it is.
 */
export interface RouteChange {
  readonly base: number;
  readonly number: number;
  /** New ones, and those of which anything is different. */
  readonly services: readonly ServiceRoute[];
  readonly goneServices: readonly ServiceName[];
  readonly groups: readonly GroupRoute[];
  readonly goneGroups: readonly GroupName[];
}

/** One service: reached at `/api/predict/{name}`, and at `/api/predict/{group}.{name}` when in a group. */
export interface ServiceRoute {
  readonly name: ServiceName;
  readonly group: GroupName | null;
  /** Any of these opens the service; several while one is being rotated. Never empty. */
  readonly tokens: readonly string[];
  /** Instances that may get requests now; none: 503. */
  readonly instances: readonly InstanceRoute[];
  /** `metadata.rpc.keepalive`: longest life of one request in ms. The gateway gives up a little later than the engine. */
  readonly keepaliveMs: number;
  /** Limits and ways of picking that the spec asks for; absent: none. */
  readonly policy?: GatewayPolicy;
  /** The body of a signed request is checked against its Content-MD5 (`networking.gateway_policy.body_digest`). */
  readonly isBodyChecked: boolean;
  /** What its instances speak: gRPC over HTTP/2 without TLS, or that beside HTTP/1.1; absent: HTTP/1.1. */
  readonly protocol?: "grpc" | "both";
  /** Who gets copies of its requests; left out when nobody does. Ratio from 1, every target a service of the table. */
  readonly mirror?: MirrorRule;
}

export interface InstanceRoute extends InstancePlace {
  readonly id: InstanceId;
}

/** Where an instance is reached. */
export interface InstancePlace {
  /** By gateways. */
  readonly address: Address;
  /** Port where it takes requests of clients that call it themselves, and checks their tokens. Absent: only gateways may call it. */
  readonly directPort?: number;
  /** IPv4 address of that port; absent: {@link DIRECT_HOST}. */
  readonly directHost?: string;
}

/** Where instances listen for direct callers unless told otherwise: only programs on this machine reach them. */
export const DIRECT_HOST = "127.0.0.1";

/** Where an instance listens. Unix sockets are used for processes on the same machine: 12 to 18 % cheaper. */
export type Address =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number };

/** One group: reached at `/api/predict/{name}`; its traffic is shared by exact weights. */
export interface GroupRoute {
  readonly name: GroupName;
  /** A group's token opens the group and its members (design §6). */
  readonly tokens: readonly string[];
  /** Only members that get a share now: weight > 0 and at least one instance. May be empty: 503. */
  readonly members: readonly WeightedMember[];
  /** A client stays with its member; absent: requests are shared one by one. */
  readonly sticky?: Affinity;
}

export interface WeightedMember {
  readonly service: ServiceName;
  /** Whole number ≥ 1, relative to the other members. */
  readonly weight: number;
}
