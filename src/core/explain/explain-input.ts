import type { GatewayId, InstanceId, ServiceName } from "../names.ts";
import type { GroupRecord, NewEvent, ServiceRecord, ServiceStatus, TrafficState } from "../service.ts";
import type { ServiceSpec } from "../spec/service-spec.ts";

/** All that an explanation is made from: nothing is asked for while it is made. */
export interface ExplainInput {
  readonly record: ServiceRecord;
  /** Null: the stored document cannot be read by this version. */
  readonly spec: ServiceSpec | null;
  readonly status: ServiceStatus;
  readonly group: GroupView | null;
  /** Every gateway that lives. */
  readonly gateways: readonly GatewayView[];
  /** Newest lines of the logs of instances that are in trouble, oldest first. */
  readonly tails: ReadonlyMap<InstanceId, readonly string[]>;
  /** Requests that limits have answered in the last minute, by limit; without those at 0. */
  readonly limits: Readonly<Record<string, number>>;
  /** The newest command that decided whether it shall run; null: too old to be kept. */
  readonly command: NewEvent | null;
  /** In the time of the status. */
  readonly nowMs: number;
}

export interface GroupView {
  readonly record: GroupRecord;
  /** All that are to stay, this service among them. */
  readonly members: readonly MemberView[];
}

export interface MemberView {
  readonly name: ServiceName;
  readonly trafficState: TrafficState;
  /** As configured; null in mode `auto`. */
  readonly weight: number | null;
  /** Of the group's traffic, now. */
  readonly percent: number;
}

export interface GatewayView {
  readonly id: GatewayId;
  readonly isListening: boolean;
  /** It did not take this table, and why; null: it has what it was sent. */
  readonly refusal: { readonly tableNumber: number; readonly reason: string } | null;
  /** What it still has to do with an instance. */
  readonly use: (id: InstanceId) => GatewayUse;
}

/** `routed`: it has not acknowledged a table without it. A number: so many requests are in flight to it, and no more will come. */
export type GatewayUse = "routed" | "unknown" | number;
