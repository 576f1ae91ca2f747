import type { SeededRandom } from "../../src/testing/seeded-random.ts";
import { pickWeighted } from "../load/weighted-pick.ts";
import { COUNTS, MEMBERS, type Member, SERVICES, type Service } from "./services.ts";

/** One thing that is done to the services, or to a process of Sluice. */
export type Operation =
  /** To a version that there was not before; versions are numbered as Sluice does. */
  | { readonly kind: "update"; readonly service: Service; readonly version: number }
  | { readonly kind: "rollback"; readonly service: Service; readonly version: number }
  | { readonly kind: "scale"; readonly service: Service; readonly count: number }
  | { readonly kind: "stop" | "start"; readonly service: Member }
  /** Relative; −1: the group goes back to sharing by instances. */
  | { readonly kind: "weigh"; readonly service: Member; readonly weight: number }
  /** `kill -9`; it is started again after `downMs`, as a supervisor would. */
  | { readonly kind: "kill-control"; readonly downMs: number }
  /** `kill -9` of one of those that listen. */
  | { readonly kind: "kill-gateway"; readonly nth: number };

/** An operation in its place: it begins `gapMs` after the one before was accepted, or when all before are in effect. */
export type Step = Operation & {
  readonly number: number;
  readonly isOverlapping: boolean;
  readonly gapMs: number;
};

export type Kind = Operation["kind"];
/** How many of a hundred operations are of each kind; stops are followed by their starts. */
const SHARES: readonly { readonly kind: Exclude<Kind, "start">; readonly weight: number }[] = [
  { kind: "update", weight: 32 },
  { kind: "scale", weight: 22 },
  { kind: "rollback", weight: 12 },
  { kind: "weigh", weight: 13 },
  { kind: "stop", weight: 7 },
  { kind: "kill-gateway", weight: 7 },
  { kind: "kill-control", weight: 7 },
];
const WEIGHTS = [50, 100, 200, -1];
const OVERLAPPING_SHARE = 0.6;
const GAP_MS_MAX = 400;
const DOWN_MS_MAX = 1_500;
/** A stopped member is started again within so many operations. */
const STOPPED_MAX = 3;
/** Rollbacks go to one of so many newest versions: the ten that are kept are counted from the newest. */
const ROLLBACK_TO = 4;

/**
 * Operations that a seed stands for. Each is possible when those before it were accepted: at most one member is stopped at a time
 * and it is left in peace, weights are never 0, a rollback is to another version than the one in force.
 */
export function planOperations(random: SeededRandom, count: number): Step[] {
  const wanted = new Wanted(random);
  return Array.from({ length: count }, (_, i) => ({
    ...wanted.next(count - i),
    number: i + 1,
    isOverlapping: random.chance(OVERLAPPING_SHARE),
    gapMs: random.below(GAP_MS_MAX),
  }));
}

/** What is wanted after the operations so far. */
class Wanted {
  readonly #random: SeededRandom;
  readonly #services = new Map(
    SERVICES.map((name) => [name, { version: 1, latest: 1, count: COUNTS[name].first }]),
  );
  readonly #weights = new Map<Member, number>();
  #stopped: { readonly service: Member; startIn: number } | null = null;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** `left`: operations that are still to come, with this one. Nothing is stopped in the end. */
  next(left: number): Operation {
    const stopped = this.#stopped;
    if (stopped !== null) {
      stopped.startIn--;
      if (stopped.startIn <= 0 || left === 1) {
        this.#stopped = null;
        return { kind: "start", service: stopped.service };
      }
    }
    for (;;) {
      const operation = this.#draw(left);
      if (operation !== null) return operation;
    }
  }

  #draw(left: number): Operation | null {
    const random = this.#random;
    const { kind } = pickWeighted(random, SHARES);
    const name = random.pick(SERVICES.filter((service) => service !== this.#stopped?.service));
    const service = this.#services.get(name)!;
    switch (kind) {
      case "update":
        service.latest++;
        service.version = service.latest;
        return { kind, service: name, version: service.version };
      case "rollback": {
        const from = Math.max(1, service.latest - ROLLBACK_TO + 1);
        const version = from + random.below(service.latest - from + 1);
        if (version === service.version) return null;
        service.version = version;
        return { kind, service: name, version };
      }
      case "scale": {
        const count = 1 + random.below(COUNTS[name].most);
        if (count === service.count) return null;
        service.count = count;
        return { kind, service: name, count };
      }
      case "stop": {
        if (this.#stopped !== null || left < 2) return null;
        const member = random.pick(MEMBERS.slice(1));
        this.#stopped = { service: member, startIn: 1 + random.below(STOPPED_MAX) };
        return { kind, service: member };
      }
      case "weigh":
        return this.#weigh();
      case "kill-control":
        return { kind, downMs: random.below(DOWN_MS_MAX) };
      case "kill-gateway":
        return { kind, nth: random.below(2) };
    }
  }

  #weigh(): Operation | null {
    const service = this.#random.pick(MEMBERS);
    const weight = this.#random.pick(WEIGHTS);
    const isAsBefore = weight === -1 ? this.#weights.size === 0 : this.#weights.get(service) === weight;
    if (isAsBefore) return null;
    if (weight === -1) this.#weights.clear();
    else this.#weights.set(service, weight);
    return { kind: "weigh", service, weight };
  }
}

/**
 * True when `next` may begin while `other` is not in effect yet. An update may overtake an update, and anything may be scaled, weighed and
 * killed meanwhile. What stays apart: two scales of one service, of which only the last would have an effect; a stopped or stopping member
 * and everything else on it; two kills of a kind.
 */
export function mayOverlap(other: Operation, next: Operation): boolean {
  if (isKill(other) || isKill(next)) return other.kind !== next.kind;
  if (other.kind === "weigh" || next.kind === "weigh") return other.kind !== next.kind;
  if (!("service" in other && "service" in next)) return true;
  if (isSwitch(other) && isSwitch(next)) return false;
  if (other.service !== next.service) return true;
  return !isSwitch(other) && !isSwitch(next) && !(other.kind === "scale" && next.kind === "scale");
}

const isKill = ({ kind }: Operation) => kind === "kill-control" || kind === "kill-gateway";
const isSwitch = ({ kind }: Operation) => kind === "stop" || kind === "start";
