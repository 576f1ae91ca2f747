/**
 * One seeded life of an installation: commands, crashes, slow and failing starts, failing writes, lost hints, clock jumps,
 * dying gateways, and the control process killed at any point. Laws are checked all along; in the end the faults stop and
 * everything must converge, plans must be empty, and another restart must change nothing.
 */

import { ServingError } from "../src/core/errors.ts";
import type { GatewayId, GroupName, InstanceId, ServiceName } from "../src/core/names.ts";
import { ControlWorld, documentFor } from "../src/testing/control-world.ts";
import { type Behaviour, WELL_BEHAVED } from "../src/testing/memory-runtime.ts";
import { SeededRandom } from "../src/testing/seeded-random.ts";
import {
  ALWAYS,
  convergesToWhatIsWanted,
  namesStoppedInstance,
  namesUnprovenInstance,
  stoppedWhileUsed,
  surgeIsBounded,
} from "./invariants.ts";

/** A law that was broken, with all it takes to see it again. */
export class BrokenLaw extends Error {
  override readonly name = "BrokenLaw";
}

const SERVICES = ["a", "b", "c", "d"].map((n) => n as ServiceName);
const GROUPS = ["g", "h"].map((n) => n as GroupName);
const STEPS = 60;

class Simulation {
  readonly #random: SeededRandom;
  readonly #world: ControlWorld;
  readonly #trail: string[] = [];
  /** Largest instance count that was wanted of each service. */
  readonly #highestCount = new Map<string, number>();
  #hasFaults = true;
  #broken: string | null = null;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new ControlWorld({ seed: seed + 1, gatewayCount: 1 + this.#random.below(2) });
  }

  async run(): Promise<void> {
    const { runtime, fleet, store } = this.#world;
    runtime.behaviour = (spec) => this.#behaviour(spec.version);
    runtime.isHintLost = () => this.#isFault(0.1);
    runtime.onStop = (id, graceMs) => this.#note(stoppedWhileUsed(this.#world, id, graceMs));
    fleet.timing = () => ({
      startMs: this.#random.below(200),
      tableMs: this.#random.below(this.#isFault(0.2) ? 2_000 : 10),
      lingerMs: this.#random.chance(0.5) ? this.#random.below(3_000) : 0,
    });
    fleet.onTable = (table) => {
      this.#note(namesStoppedInstance(this.#world, table));
      this.#note(namesUnprovenInstance(this.#world, table));
    };
    store.onWrite = () => {
      if (this.#isFault(0.05)) throw new Error("the write failed");
    };
    store.latency = () => this.#late(0.3, this.#random.pick([20, 20, 400]));
    runtime.latency = () => this.#late(0.3, 50);
    this.#world.begin();
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      this.#checkAlways();
    }
    await this.#settle("after all faults");
    const pids = this.#pids();
    this.#world.kill();
    this.#world.begin();
    await this.#world.clock.advance(30_000);
    this.#note(convergesToWhatIsWanted(this.#world));
    if (this.#pids() !== pids) this.#note("a restart of the control process replaced instances");
    this.#throwIfBroken();
    await this.#world.stop();
  }

  /** One thing happens, and some time passes. */
  async #step(): Promise<void> {
    const { clock } = this.#world;
    const dice = this.#random.next();
    if (dice < 0.55) void this.#command();
    else if (dice < 0.7) this.#crashInstance();
    else if (dice < 0.77) this.#restartControl();
    else if (dice < 0.83) this.#harmGateway();
    else if (dice < 0.86) {
      const ms = this.#random.below(7_200_000) - 3_600_000;
      this.#trail.push(`the wall clock jumps by ${ms} ms`);
      clock.jump(ms);
    }
    if (this.#random.chance(0.1)) this.#harmFiles();
    const ms = this.#random.chance(0.7) ? this.#random.below(100) : this.#random.below(5_000);
    await clock.advance(ms);
  }

  /** A command as a user would give it; a refusal is a right answer, and so is a failed write. */
  async #command(): Promise<void> {
    const { control } = this.#world;
    const r = this.#random;
    const name = r.pick(SERVICES);
    const count = r.below(4);
    const commands: Record<string, () => Promise<unknown>> = {
      create: () => control.createService(documentFor(name, { count, ...this.#membership() })),
      scale: () => control.scaleService(name, count, []),
      version: () => control.updateService(name, { metadata: { cpu: 1 + r.below(50) } }, "merge"),
      restart: () => control.restartService(name),
      stop: () => control.stopService(name),
      start: () => control.startService(name),
      delete: () => control.deleteService(name),
      weight: () => control.releaseService(name, { kind: "weight", weight: r.below(102) - 1 }),
      standalone: () => control.releaseService(name, { kind: "state", trafficState: "standalone" }),
      grouping: () => control.releaseService(name, { kind: "state", trafficState: "grouping" }),
      back: () => control.switchVersion(name, 1 + r.below(3)),
      retire: () =>
        control.deleteInstances(name, [r.pick([...this.#alive(name), `${name}-v1-0` as InstanceId])]),
      mode: () => control.updateGroup(r.pick(GROUPS), { mode: r.pick(["auto", "customized"]) }),
      "token-add": () => control.addServiceToken(name),
      "token-revoke": () => control.revokeServiceToken(name, 1 + r.below(3)),
      "group-token-add": () => control.addGroupToken(r.pick(GROUPS)),
      "group-token-revoke": () => control.revokeGroupToken(r.pick(GROUPS), 1 + r.below(3)),
      "delete-group": () => control.deleteGroup(r.pick(GROUPS), r.chance(0.3)),
    };
    const likely = ["create", "create", "create", "scale", "version"];
    const verb = r.pick([...likely, ...Object.keys(commands)]);
    this.#trail.push(`${verb} ${name} (${count})`);
    this.#highestCount.set(name, Math.max(this.#highestCount.get(name) ?? 0, count));
    try {
      await commands[verb]!();
    } catch (error) {
      const isRight = error instanceof ServingError || (error as Error).message === "the write failed";
      if (!isRight) this.#note(`${verb} failed: ${(error as Error).stack}`);
    }
  }

  #membership() {
    if (this.#random.chance(0.4)) return {};
    const group = this.#random.pick(GROUPS);
    return this.#random.chance(0.7) ? { group } : { group, traffic_state: "standalone" };
  }

  /** It dies, or its readiness check turns. */
  #crashInstance(): void {
    const { engines } = this.#world.runtime;
    if (engines.size === 0) return;
    const id = this.#random.pick([...engines.keys()]);
    if (this.#random.chance(0.4)) {
      const to = engines.get(id)?.phase === "unready" ? "ready" : "unready";
      this.#trail.push(`${id} turns ${to}`);
      this.#world.runtime.turn(id, to);
      return;
    }
    this.#trail.push(`kill ${id}`);
    this.#world.runtime.kill(id);
  }

  #restartControl(): void {
    this.#trail.push("kill the control process");
    this.#world.kill();
    this.#world.begin();
  }

  /** The processor's files are slow to come, or cannot be brought, or are well again. */
  #harmFiles(): void {
    const { files } = this.#world;
    files.slowMs.clear();
    files.broken.clear();
    if (this.#random.chance(0.4)) files.slowMs.set("/p", this.#random.below(5_000));
    const isRetriable = this.#random.chance(0.5);
    if (this.#random.chance(0.3)) files.broken.set("/p", { message: "no files", isRetriable });
    this.#trail.push(`files: slow ${files.slowMs.size}, broken ${files.broken.size}`);
  }

  /** It dies, or only its link breaks. */
  #harmGateway(): void {
    const ids = this.#world.fleet.live.map((g) => g.launch.id);
    if (ids.length === 0) return;
    const id: GatewayId = this.#random.pick(ids);
    if (this.#random.chance(0.5)) {
      this.#trail.push(`break the link of ${id}`);
      this.#world.fleet.breakLink(id);
      return;
    }
    this.#trail.push(`kill ${id}`);
    this.#world.fleet.kill(id);
  }

  /** A third of the versions is broken as long as there are faults. */
  #behaviour(version: number): Behaviour {
    const r = this.#random;
    if (!this.#hasFaults) return { ...WELL_BEHAVED, loadMs: 1 + r.below(200), drainMs: r.below(100) };
    return {
      launchMs: r.below(this.#isFault(0.1) ? 3_000 : 20),
      loadMs: this.#isFault(0.03) ? null : r.below(400),
      isCrashing: version % 3 === 2 || this.#isFault(0.1),
      isStartFailing: this.#isFault(0.05),
      drainMs: r.below(this.#isFault(0.1) ? 20_000 : 50),
    };
  }

  /** No more faults, what hangs is ended, and then the world must come to rest as wanted. */
  async #settle(when: string): Promise<void> {
    this.#hasFaults = false;
    const { clock, runtime, store, files } = this.#world;
    files.slowMs.clear();
    files.broken.clear();
    await clock.advance(4_000); // the slowest start that was begun with a fault
    for (const [id, engine] of runtime.engines) {
      if (engine.phase === "loading") runtime.kill(id);
      runtime.turn(id, "ready");
    }
    for (let i = 0; i < 40 && convergesToWhatIsWanted(this.#world) !== null; i++) {
      await clock.advance(10_000);
      this.#checkAlways();
    }
    const broken = convergesToWhatIsWanted(this.#world);
    if (broken !== null) this.#note(`${when}: ${broken}`);
    await clock.advance(90_000); // failures are forgotten a minute after they were overcome, which is written
    const writes = store.writeCount;
    await clock.advance(30_000);
    if (store.writeCount !== writes)
      this.#note(`${when}: ${store.writeCount - writes} writes although all is settled`);
    this.#throwIfBroken();
  }

  #alive(name: string): InstanceId[] {
    return [...this.#world.alive(name).keys()];
  }

  #pids(): string {
    return JSON.stringify(SERVICES.map((s) => [...this.#world.alive(s)]));
  }

  async #late(chance: number, msMax: number): Promise<void> {
    if (this.#isFault(chance)) await this.#world.clock.sleep(this.#random.below(msMax));
  }

  #isFault(chance: number): boolean {
    return this.#hasFaults && this.#random.chance(chance);
  }

  #checkAlways(): void {
    for (const [name, law] of Object.entries(ALWAYS)) {
      const broken = law(this.#world);
      if (broken !== null) this.#note(`${name}: ${broken}`);
    }
    this.#note(surgeIsBounded(this.#world, this.#highestCount));
    this.#throwIfBroken();
  }

  #note(broken: string | null): void {
    this.#broken ??= broken;
  }

  #throwIfBroken(): void {
    if (this.#broken !== null)
      throw new BrokenLaw(`${this.#broken}\n  ${this.#trail.slice(-15).join("\n  ")}`);
  }
}

/** Lives one seed through. @throws BrokenLaw with the command that repeats it */
export async function simulate(seed: number): Promise<void> {
  try {
    await new Simulation(seed).run();
  } catch (error) {
    if (error instanceof BrokenLaw) error.message += `\nrepeat with: node sim/main.ts --seed ${seed}`;
    throw error;
  }
}
