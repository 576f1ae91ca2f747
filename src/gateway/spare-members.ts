import type { DataPlane } from "./data-plane.ts";
import type { Instance } from "./instance.ts";
import { SPARE_CONNECTIONS_MAX, SPARE_LOOKS_A_SWEEP } from "./limits.ts";
import { Upstream } from "./upstream.ts";

/**
 * Members of a group that get no share of it now, as those with weight 0, stay warm: this worker keeps a connection to each of their
 * engines. So it knows who cannot be reached before the first request, and a share that they get meets open connections.
 */
export class SpareMembers {
  readonly #plane: DataPlane;
  /** What is left of this round over all services. */
  #round: Iterator<Instance | null>;

  constructor(plane: DataPlane) {
    this.#plane = plane;
    this.#round = this.#looks();
  }

  /** Goes on with the round, a little. */
  sweep(): void {
    const { nowMs, times, isDraining } = this.#plane;
    if (isDraining) return;
    for (let i = 0; i < SPARE_LOOKS_A_SWEEP; i++) {
      const { done, value } = this.#round.next();
      if (done === true) {
        this.#round = this.#looks();
        return;
      }
      value?.keepWarm(nowMs, times.connectMs, (instance) => new Upstream(instance, this.#plane));
    }
  }

  /** Each of their instances; null for every service looked at. Tables may come meanwhile. */
  *#looks(): Generator<Instance | null> {
    const { routing } = this.#plane;
    let count = 0;
    for (const entry of routing.serviceRoutes.values()) {
      yield null;
      const service = routing.spareOf(entry);
      // Calls have connections of their own, which carry no byte of HTTP/1.1.
      if (service === null || !service.takesHttp) continue;
      for (const instance of service.instances) {
        // A server of the user's own may serve one connection at a time, as gunicorn's sync workers do; health checks look after it.
        if (instance.address.kind === "tcp") continue;
        if (++count > SPARE_CONNECTIONS_MAX) return;
        yield instance;
      }
    }
  }
}
