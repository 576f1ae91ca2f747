import type { Input, ResponseOf } from "../api/operations.ts";
import type { OperationName } from "../api/paths.ts";
import type { Picture } from "../control/control-plane.ts";
import type { Actor } from "../core/access/caller.ts";
import { ServingError } from "../core/errors.ts";
import { type GroupName, isName, type ServiceName } from "../core/names.ts";
import type { GroupRecord, ServiceRecord } from "../core/service.ts";
import type { ServerDeps } from "./deps.ts";

/** One request, checked against the contract. */
export interface Call<N extends OperationName> extends Input<N> {
  /** Who asks, and what for; null: the operation asks for no key. */
  readonly actor: Actor | null;
  /** Aborted when the client goes away, or the server stops. */
  readonly signal: AbortSignal;
}

/** An answer without what the edge adds. */
export type Answer<N extends OperationName> = Omit<ResponseOf<N>, "RequestId">;

/** One operation: contract in, contract out, the work done by the control plane. */
export type Handler<N extends OperationName> = (
  call: Call<N>,
  deps: ServerDeps,
) => Promise<Answer<N> | LineStream>;

/** An answer that goes on as text, e.g. one source for each instance, until its sources end or the client leaves. */
export class LineStream {
  readonly sources: readonly AsyncIterable<string>[];

  constructor(sources: readonly AsyncIterable<string>[]) {
    this.sources = sources;
  }
}

/** @throws ServingError SERVICE_NOT_FOUND, also for what cannot be a name */
export function serviceName(text: string): ServiceName {
  if (!isName(text)) throw new ServingError("SERVICE_NOT_FOUND", { service: short(text) });
  return text as ServiceName;
}

/** @throws ServingError GROUP_NOT_FOUND, also for what cannot be a name */
export function groupName(text: string): GroupName {
  if (!isName(text)) throw new ServingError("GROUP_NOT_FOUND", { group: short(text) });
  return text as GroupName;
}

/** @throws ServingError SERVICE_NOT_FOUND */
export function serviceIn(picture: Picture, name: string): ServiceRecord {
  const record = picture.state.services.get(serviceName(name));
  if (!record) throw new ServingError("SERVICE_NOT_FOUND", { service: name });
  return record;
}

/** @throws ServingError GROUP_NOT_FOUND */
export function groupIn(picture: Picture, name: string): GroupRecord {
  const record = picture.state.groups.get(groupName(name));
  if (!record) throw new ServingError("GROUP_NOT_FOUND", { group: name });
  return record;
}

const short = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}…` : text);
