import { auditOf } from "../core/access/audit-change.ts";
import type { Actor } from "../core/access/caller.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { EnvironmentOrder } from "./environments.ts";
import { ofInstallation, type Queries, type ScopedDeps, scopedQueries } from "./scoped-queries.ts";

/** What is done at once and is no change of what is wanted: it leaves its audit entry behind it, not with it. */
type Action = "deleteCachedFile" | "buildEnvironment" | "deleteEnvironment" | "restartGateways";

/** Methods whose reach is decided with their change (core/access/scope.ts). */
export type Decided = Omit<ControlPlane, keyof Queries | Action | "as" | "addAudit">;

export interface ScopedControlDeps extends ScopedDeps {
  readonly clock: Clock;
  readonly log: Log;
}

/** A control plane for one caller. `decided`: the commands as they are decided for him. */
export function scopedControl(
  plane: ControlPlane,
  decided: Decided,
  actor: Actor,
  deps: ScopedControlDeps,
): ControlPlane {
  const audited =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>, tell: (...args: A) => string) =>
    async (...args: A): Promise<R> => {
      if (actor.caller.restriction !== null) ofInstallation(actor);
      const result = await act(...args);
      const entry = { ...auditOf(actor, deps.clock.now()), change: tell(...args) };
      // What is done is done, and removing files is what helps a full disk: it is not refused for want of its entry.
      await plane.addAudit([entry]).catch((error: unknown) => {
        deps.log.error({ err: error, entry }, "an audit entry could not be stored");
      });
      return result;
    };
  return {
    ...decided,
    ...scopedQueries(plane, actor, deps),
    deleteCachedFile: audited(
      (id: string) => plane.deleteCachedFile(id),
      (id) => `content ${id} removed from the model cache`,
    ),
    buildEnvironment: audited(
      (order: EnvironmentOrder) => plane.buildEnvironment(order),
      () => "a Python environment ordered",
    ),
    deleteEnvironment: audited(
      (id: string) => plane.deleteEnvironment(id),
      (id) => `Python environment ${id} removed`,
    ),
    restartGateways: audited(
      () => plane.restartGateways(),
      () => "gateway workers replaced",
    ),
    addAudit: (entries) => plane.addAudit(entries),
    as: (other) => plane.as(other),
  };
}
