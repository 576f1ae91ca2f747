import type { Brand } from "../base/brand.ts";

/** Name of a service: unique on this installation, and part of its address `/api/predict/{name}`. */
export type ServiceName = Brand<string, "ServiceName">;
/** Name of a group of services: shares the address space of services. */
export type GroupName = Brand<string, "GroupName">;
/** Name of one instance, derived from what it runs; see {@link instanceId}. */
export type InstanceId = Brand<string, "InstanceId">;
/** Name of one gateway worker process, `gateway-<slot>`. */
export type GatewayId = Brand<string, "GatewayId">;

/** Longest service or group name. eas-reference §1.0 says 63. */
export const NAME_CHARS_MAX = 63;

/** What a service or group may be called; `.` is kept free to part group and member in an ingress. */
export const NAME_PATTERN = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** True when `text` may name a service or a group. */
export function isName(text: string): boolean {
  return NAME_PATTERN.test(text);
}

/** What one instance runs, in the three numbers that its name is made of. */
export interface InstanceKey {
  readonly service: ServiceName;
  /** The version of the service, from 1. */
  readonly version: number;
  /** How often `restart` was asked for on this service, from 0: each one replaces every instance. */
  readonly epoch: number;
  /** Place among the instances of one version and epoch, from 0. */
  readonly slot: number;
}

/**
 * The one name of an instance: `pmml_prod-v2-0`, and `pmml_prod-v2.1-0` after one `restart`.
 * Derived, never drawn, so that starting it again after a crash of the control process finds the same one.
 */
export function instanceId(key: InstanceKey): InstanceId {
  const epoch = key.epoch === 0 ? "" : `.${key.epoch}`;
  return `${key.service}-v${key.version}${epoch}-${key.slot}` as InstanceId;
}
