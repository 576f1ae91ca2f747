import type { MirrorSample } from "../core/gateway-report.ts";
import type { MirrorDifference } from "../core/traffic/mirror.ts";
import { Comparisons } from "./comparisons.ts";
import type { DataPlane } from "./data-plane.ts";
import { MIRROR_BATCH, MIRROR_BYTES_MAX } from "./limits.ts";
import { Mirror } from "./mirror.ts";
import { MirrorBudget } from "./mirror-budget.ts";
import type { MirrorCopy } from "./mirror-copy.ts";
import type { MirrorTarget } from "./mirror-target.ts";
import type { Routing } from "./routing.ts";
import type { Service } from "./service.ts";
import { finish, type Steps } from "./slices.ts";

/** Reports in which a target that is none any more is still asked for its last counts. */
const LAST_REPORTS = 30;

interface Former {
  readonly mirror: Mirror;
  readonly target: MirrorTarget;
  reportsLeft: number;
}

/**
 * All mirrors of one worker, and what they share: the bytes they may hold, the turns of the loop they get, the comparisons. Copies
 * are sent after the requests of users that came in the same turn, a few in each turn.
 */
export class Mirrors {
  readonly plane: DataPlane;
  readonly budget: MirrorBudget;
  readonly comparisons: Comparisons;
  #mirrors = new Map<string, Mirror>();
  #ready: MirrorCopy[] = [];
  #turn: NodeJS.Immediate | null = null;
  #former: Former[] = [];

  constructor(plane: DataPlane) {
    this.plane = plane;
    this.budget = new MirrorBudget(MIRROR_BYTES_MAX);
    this.comparisons = new Comparisons(this.budget, plane.clock);
  }

  /** Puts the mirrors of the table in force that routing has just applied, whole or as a change. */
  apply(routing: Pick<Routing, "serviceRoutes" | "services">): void {
    finish(this.applying(routing));
  }

  /** `apply` in steps: meanwhile each mirror goes by the table before, or by this one. */
  *applying({ serviceRoutes, services }: Pick<Routing, "serviceRoutes" | "services">): Steps<void> {
    const before = this.#mirrors;
    const routes = [...serviceRoutes.values()].filter((s) => s.mirror !== undefined);
    if (before.size === 0 && routes.length === 0) return;
    yield;
    const after = new Map<string, Mirror>();
    const byName = new Map<string, Service>();
    for (const service of services) byName.set(service.name, service);
    for (const { name, mirror: rule } of routes) {
      yield;
      const service = byName.get(name)!;
      const known = before.get(name);
      const mirror = known?.service === service ? known : new Mirror(service, this);
      for (const target of mirror.update(rule!, byName)) this.#retire(mirror, target);
      service.mirror = mirror;
      after.set(name, mirror);
    }
    this.#mirrors = after;
    for (const [name, mirror] of before) {
      if (after.get(name) === mirror) continue;
      yield;
      if (mirror.service.mirror === mirror) mirror.service.mirror = null;
      for (const target of mirror.targets) this.#retire(mirror, target);
    }
  }

  #retire(mirror: Mirror, target: MirrorTarget): void {
    target.close();
    this.#former.push({ mirror, target, reportsLeft: LAST_REPORTS });
  }

  /** Sends a copy soon. What is held up here is within the budget. */
  send(copy: MirrorCopy): void {
    copy.readyMs = this.plane.nowMs;
    this.#ready.push(copy);
    this.#turn ??= setImmediate(() => this.#sendSome());
  }

  #sendSome(): void {
    const some = this.#ready.splice(0, MIRROR_BATCH);
    this.#turn = this.#ready.length > 0 ? setImmediate(() => this.#sendSome()) : null;
    for (const copy of some) copy.offer();
  }

  /** Looks at the time limits; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    for (const { targets } of this.#mirrors.values()) for (const target of targets) target.sweep(nowMs);
  }

  /** What became of copies since the last call, by service and target. */
  take(): MirrorSample[] {
    const samples: MirrorSample[] = [];
    const add = (mirror: Mirror, target: MirrorTarget) => {
      const counts = target.meter.take();
      const service = mirror.service.name;
      if (counts !== null) samples.push({ service, target: target.service.name, ...counts });
    };
    for (const mirror of this.#mirrors.values()) for (const target of mirror.targets) add(mirror, target);
    for (const former of this.#former) {
      add(former.mirror, former.target);
      former.reportsLeft--;
    }
    if (this.#former.length > 0) this.#former = this.#former.filter((f) => f.reportsLeft > 0);
    return samples;
  }

  /** The newest differing pairs since the last call. */
  takeDifferences(): readonly MirrorDifference[] {
    return this.comparisons.take();
  }

  close(): void {
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    this.comparisons.close();
    for (const { targets } of this.#mirrors.values()) for (const target of targets) target.close();
  }
}
