import { ServingError } from "../core/errors.ts";
import type { GatewayFleet } from "../ports/gateways.ts";
import type { Term } from "../ports/leadership.ts";
import type { RuntimeDriver } from "../ports/runtime.ts";

/**
 * The outside for as long as a term lasts. The store refuses writes of a term that is over; processes on a machine do not, so whatever starts,
 * stops or changes one asks first. It matters in the moments between the end of a term and the end of the loops.
 */
export function guardedRuntime(runtime: RuntimeDriver, term: Pick<Term, "mayAct">): RuntimeDriver {
  return {
    kind: runtime.kind,
    start: async (spec, signal) => {
      check(term);
      return runtime.start(spec, signal);
    },
    setAccess: async (id, access, signal) => {
      check(term);
      return runtime.setAccess(id, access, signal);
    },
    stop: async (id, graceMs, signal) => {
      check(term);
      return runtime.stop(id, graceMs, signal);
    },
    list: (owner) => runtime.list(owner),
    work: () => runtime.work(),
    hints: (signal) => runtime.hints(signal),
    logs: (id, options, signal) => runtime.logs(id, options, signal),
  };
}

/** The same of gateways. Tables need no check: their numbers come from the store, and a gateway takes only a higher one. */
export function guardedGateways(fleet: GatewayFleet, term: Pick<Term, "mayAct">): GatewayFleet {
  return {
    list: () => fleet.list(),
    start: async (launch) => {
      check(term);
      return fleet.start(launch);
    },
    stop: async (id, graceMs, signal) => {
      check(term);
      return fleet.stop(id, graceMs, signal);
    },
    ended: (id, patienceMs, signal) => fleet.ended(id, patienceMs, signal),
    connect: async (id, onMessage, onClose) => {
      const link = await fleet.connect(id, onMessage, onClose);
      return {
        sendTable: (table) => link.sendTable(table),
        sendAccessLog: (options) => link.sendAccessLog(options),
        sendChange: (change) => link.sendChange(change),
        startSuccessor: async (successor) => {
          check(term);
          return link.startSuccessor(successor);
        },
        sendDrain: () => {
          check(term);
          link.sendDrain();
        },
        close: () => link.close(),
      };
    },
  };
}

function check(term: Pick<Term, "mayAct">): void {
  if (!term.mayAct()) throw new ServingError("NOT_LEADER", { leader: null });
}
