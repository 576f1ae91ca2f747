import type { Actor } from "../core/access/caller.ts";
import { maskedState } from "../core/access/mask.ts";
import { isServiceSeen, visibleState } from "../core/access/scope.ts";
import { ServingError } from "../core/errors.ts";
import type { InstanceId, ServiceName } from "../core/names.ts";
import type { DesiredState, NewEvent } from "../core/service.ts";
import type { ControlPlane, Measured, Picture } from "./control-plane.ts";

/** The methods that only read. All others are commands, which are held to a caller's reach where they are decided. */
type Query =
  | "read"
  | "accessKeys"
  | "events"
  | "audit"
  | "logs"
  | "loops"
  | "readiness"
  | "traffic"
  | "mirrorCounts"
  | "mirrorDifferences"
  | "measured"
  | "work"
  | "gateways"
  | "explainService"
  | "explainInstance"
  | "runnableVersions"
  | "cachedFiles"
  | "listEnvironments"
  | "node";
export type Queries = Pick<ControlPlane, Query>;

export interface ScopedDeps {
  /** What is wanted now. */
  readonly state: () => DesiredState | null;
  /** Explanations that know only of what a picture has. */
  readonly explainOver: (
    read: () => Promise<Picture>,
  ) => Pick<ControlPlane, "explainService" | "explainInstance">;
}

/**
 * Reads as a caller may: nothing of services and groups that its restriction does not name, and no secrets for a viewer. Every method
 * is named here, so that a new one does not compile before somebody has decided what of it a restricted key sees.
 */
export function scopedQueries(inner: Queries, actor: Actor, deps: ScopedDeps): Queries {
  const { restriction, role } = actor.caller;
  if (restriction === null) return allQueries(inner, role === "viewer");

  const seen = async () => visiblePicture(await inner.read(), (state) => visibleState(state, restriction));
  const read = role === "viewer" ? masked(seen) : seen;
  const isSeen = (name: ServiceName) => {
    const record = deps.state()?.services.get(name);
    return record !== undefined && isServiceSeen(restriction, record);
  };
  const service = async (name: ServiceName) => {
    const record = (await seen()).state.services.get(name);
    if (record === undefined) throw new ServingError("SERVICE_NOT_FOUND", { service: name });
    return record;
  };
  const instances = async () => {
    const { statuses } = await seen();
    return new Set<InstanceId>([...statuses.values()].flatMap((s) => s.instances.map((i) => i.id)));
  };
  const refused = () => ofInstallation(actor);

  return {
    read,
    ...deps.explainOver(seen),
    accessKeys: async () => new Map(),
    audit: async () => refused(),
    async events(query) {
      // A service of before with the same name may have been somebody else's.
      const { createdAtMs } = await service(query.service);
      const { events, total } = await inner.events({
        ...query,
        fromMs: Math.max(query.fromMs, createdAtMs),
      });
      return { events: events.map((event) => withoutHiddenNames(event, isSeen)), total };
    },
    async *logs(instance, options, signal) {
      if ((await instances()).has(instance)) yield* inner.logs(instance, options, signal);
    },
    loops: refused,
    readiness: () => inner.readiness(), // asked without a key
    gateways: refused,
    cachedFiles: async () => refused(),
    listEnvironments: async () => refused(),
    node: () => inner.node(), // what may be asked for is for everybody to know
    traffic: (seconds) =>
      inner.traffic(seconds).map(({ atMs, samples, mirrors }) => ({
        atMs,
        samples: samples.filter((s) => isSeen(s.service)),
        mirrors: mirrors.filter((m) => isSeen(m.service) && isSeen(m.target)),
      })),
    mirrorCounts: (name) => (isSeen(name) ? inner.mirrorCounts(name).filter((c) => isSeen(c.target)) : []),
    mirrorDifferences: (name) =>
      isSeen(name) ? inner.mirrorDifferences(name).filter((d) => isSeen(d.target)) : [],
    measured: () => measuredOf(inner.measured(), isSeen),
    async work() {
      const own = await instances();
      return (await inner.work()).filter(({ instance }) => own.has(instance));
    },
    async runnableVersions(name) {
      await service(name);
      return inner.runnableVersions(name);
    },
  };
}

function allQueries(inner: Queries, isMasked: boolean): Queries {
  const read = () => inner.read();
  return {
    read: isMasked ? masked(read) : read,
    accessKeys: () => inner.accessKeys(),
    events: (query) => inner.events(query),
    audit: (query) => inner.audit(query),
    logs: (instance, options, signal) => inner.logs(instance, options, signal),
    loops: () => inner.loops(),
    readiness: () => inner.readiness(),
    traffic: (seconds) => inner.traffic(seconds),
    mirrorCounts: (name) => inner.mirrorCounts(name),
    mirrorDifferences: (name) => inner.mirrorDifferences(name),
    measured: () => inner.measured(),
    work: () => inner.work(),
    gateways: () => inner.gateways(),
    explainService: (name) => inner.explainService(name),
    explainInstance: (name, id) => inner.explainInstance(name, id),
    runnableVersions: (name) => inner.runnableVersions(name),
    cachedFiles: () => inner.cachedFiles(),
    listEnvironments: () => inner.listEnvironments(),
    node: () => inner.node(),
  };
}

/** Events about mirrors name services on both ends, in brackets. */
function withoutHiddenNames(event: NewEvent, isSeen: (name: ServiceName) => boolean): NewEvent {
  if (!event.reason.startsWith("Mirror")) return event;
  const message = event.message.replace(/\[([a-z0-9_,-]+)\]/g, (_, names: string) => {
    const shown = names.split(",").map((name) => (isSeen(name as ServiceName) ? name : "…"));
    return `[${shown.join(",")}]`;
  });
  return { ...event, message };
}

/** @throws ServingError FORBIDDEN, always */
export function ofInstallation({ caller, operation }: Actor): never {
  const detail = `${operation} is about the whole installation, and access key ${caller.keyId} is restricted`;
  throw new ServingError("FORBIDDEN", { operation, role: caller.role, detail });
}

const masked = (read: () => Promise<Picture>) => async () => {
  const picture = await read();
  return { ...picture, state: maskedState(picture.state) };
};

function visiblePicture(
  { state: all, statuses, shares }: Picture,
  visible: (state: DesiredState) => DesiredState,
): Picture {
  const state = visible(all);
  return {
    state,
    statuses: new Map([...statuses].filter(([name]) => state.services.has(name))),
    // Of a group that is not seen, a member's own share is.
    shares: new Map(
      [...shares].map(([g, members]) => [g, members.filter((m) => state.services.has(m.name))] as const),
    ),
  };
}

/** Gateways are left out: what they count is everybody's. */
function measuredOf(measured: Measured, isSeen: (name: ServiceName) => boolean): Measured {
  const { services, mirrors } = measured.totals;
  return {
    totals: {
      services: new Map([...services].filter(([name]) => isSeen(name))),
      gateways: new Map(),
      mirrors: { all: () => [...mirrors.all()].filter((m) => isSeen(m.service) && isSeen(m.target)) },
    },
    inFlight: () => new Map([...measured.inFlight()].filter(([name]) => isSeen(name))),
    forgetGone: () => undefined, // whose counts are over is not for a part of them to say
  };
}
