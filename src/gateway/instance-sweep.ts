import type { DataPlane } from "./data-plane.ts";
import { Upstream } from "./upstream.ts";

/** Looks at the connections that are kept to instances, and tries those again that could not be reached. */
export function sweepInstances(plane: DataPlane): void {
  const { nowMs, times } = plane;
  for (const service of plane.routing.services) {
    for (const instance of service.made) {
      instance.sweep(nowMs, times.upstreamIdleMs);
      if (instance.isSuspect) instance.probe(nowMs, times.connectMs, (i) => new Upstream(i, plane));
    }
  }
}
