/**
 * One seeded life of an installation: commands, crashes, slow and failing starts, failing writes, lost hints, clock jumps,
 * dying gateways, and the control process killed at any point. Laws are checked all along; in the end the faults stop and
 * everything must converge, plans must be empty, and another restart must change nothing.
 */

import { ServingError } from "../src/core/errors.ts";
import type { GatewayId, ServiceName } from "../src/core/names.ts";
import { ControlWorld } from "../src/testing/control-world.ts";
import { type Behaviour, WELL_BEHAVED } from "../src/testing/memory-runtime.ts";
import { SeededRandom } from "../src/testing/seeded-random.ts";
import { commandsOn } from "./commands.ts";
import {
  ALWAYS,
  convergesToWhatIsWanted,
  namesStoppedInstance,
  namesUnprovenInstance,
  pausedStaysPaused,
  stoppedWhileUsed,
} from "./invariants.ts";
import { ReplacementLaws, tellsWhatBlocksIt } from "./replacement-laws.ts";

/** A law that was broken, with all it takes to see it again. */
export class BrokenLaw extends Error {
  override readonly name = "BrokenLaw";
}

const SERVICES = ["a", "b", "c", "d"].map((n) => n as ServiceName);
const STEPS = 60;

class Simulation {
  readonly #random: SeededRandom;
  readonly #world: ControlWorld;
  readonly #trail: string[] = [];
  readonly #laws: ReplacementLaws;
  /** How far paused rollouts were. */
  readonly #paused = new Map<string, number>();
  #hasFaults = true;
  #broken: string | null = null;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#world = new ControlWorld({ seed: seed + 1, gatewayCount: 1 + this.#random.below(2) });
    this.#laws = new ReplacementLaws(this.#world);
  }

  /** All that happened, the same each time the seed is lived through. */
  async run(): Promise<readonly string[]> {
    const { runtime, fleet, store } = this.#world;
    runtime.behaviour = (spec) => this.#behaviour(spec.version);
    runtime.isHintLost = () => this.#isFault(0.1);
    runtime.onStop = (id, graceMs) => {
      this.#tell(`stop ${id} within ${graceMs} ms`);
      this.#note(stoppedWhileUsed(this.#world, id, graceMs));
      this.#note(this.#laws.stopped(id));
    };
    runtime.onStart = (spec) => {
      this.#tell(`start ${spec.id}`);
      this.#note(this.#laws.started(spec));
    };
    runtime.onLaunched = (id) => this.#laws.launched(id);
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
      if (!this.#isFault(0.05)) return;
      this.#laws.harmed();
      throw new Error("the write failed");
    };
    store.latency = () => this.#late(0.3, this.#random.pick([20, 20, 400]));
    runtime.latency = () => this.#late(0.3, 50);
    this.#world.begin();
    for (let step = 0; step < STEPS; step++) {
      await this.#step();
      this.#checkAlways();
    }
    await this.#settle("after all faults");
    await this.#letGo();
    const pids = this.#pids();
    this.#world.kill();
    this.#world.begin();
    await this.#world.clock.advance(30_000);
    this.#note(convergesToWhatIsWanted(this.#world));
    if (this.#pids() !== pids) this.#note("a restart of the control process replaced instances");
    this.#throwIfBroken();
    await this.#world.stop();
    const { events } = this.#world.store;
    return [...this.#trail, ...events.map((e) => `${e.atMs} ${e.service} ${e.reason} ${e.message}`)];
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
      this.#tell(`the wall clock jumps by ${ms} ms`);
      clock.jump(ms);
    }
    if (this.#random.chance(0.1)) this.#harmFiles();
    if (this.#random.chance(0.04)) this.#changeCapacity();
    const ms = this.#random.chance(0.7) ? this.#random.below(100) : this.#random.below(5_000);
    await clock.advance(ms);
  }

  /** A command as a user would give it; a refusal is a right answer, and so is a failed write. */
  async #command(): Promise<void> {
    const r = this.#random;
    const name = r.pick(SERVICES);
    const count = r.below(5);
    const commands = commandsOn(this.#world, r, { name, count });
    const likely = ["create", "create", "create", "scale", "version", "version", "rollout", "resume"];
    const verb = r.pick([...likely, ...Object.keys(commands)]);
    this.#tell(`${verb} ${name} (${count})`);
    try {
      await commands[verb]!();
    } catch (error) {
      const isRight = error instanceof ServingError || (error as Error).message === "the write failed";
      if (!isRight) this.#note(`${verb} failed: ${(error as Error).stack}`);
    }
  }

  /** The node has room for few instances, for many, or nobody knows. */
  #changeCapacity(): void {
    const cpu = this.#random.pick([null, 2, 5, 10, 20]);
    this.#world.capacity = cpu === null ? null : { cpu, memoryMb: 1_000_000 };
    this.#laws.capacityChanged();
    this.#tell(`the node has ${cpu ?? "unknown"} cores`);
  }

  #crashInstance(): void {
    const ids = [...this.#world.runtime.engines.keys()];
    if (ids.length === 0) return;
    const id = this.#random.pick(ids);
    this.#tell(`kill ${id}`);
    this.#laws.harmed();
    this.#world.runtime.kill(id);
  }

  #restartControl(): void {
    this.#tell("kill the control process");
    this.#world.kill();
    this.#laws.killed();
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
    this.#tell(`files: slow ${files.slowMs.size}, broken ${files.broken.size}`);
  }

  /** It dies, or only its link breaks. */
  #harmGateway(): void {
    const ids = this.#world.fleet.live.map((g) => g.launch.id);
    if (ids.length === 0) return;
    const id: GatewayId = this.#random.pick(ids);
    if (this.#random.chance(0.5)) {
      this.#tell(`break the link of ${id}`);
      this.#world.fleet.breakLink(id);
      return;
    }
    this.#tell(`kill ${id}`);
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
    for (const [id, engine] of runtime.engines) if (engine.phase === "loading") runtime.kill(id);
    if (this.#world.capacity !== null) {
      await clock.advance(240_000); // longer than a backoff, a grace and a few swaps one after the other
      this.#note(tellsWhatBlocksIt(this.#world));
      this.#world.capacity = null;
      this.#laws.capacityChanged();
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

  /** Nothing is held back any more: every update comes to its end. */
  async #letGo(): Promise<void> {
    for (const name of SERVICES) {
      await this.#insist(() => this.#world.control.deleteRollout(name));
    }
    await this.#settle("with nothing held back");
    for (const record of this.#world.store.state.services.values()) {
      if (record.desired === "running" && record.updatingFrom)
        this.#note(`the update of ${record.name} has no end`);
    }
    this.#throwIfBroken();
  }

  async #insist(command: () => Promise<unknown>): Promise<void> {
    const given = command().catch((error: unknown) => {
      if (!(error instanceof ServingError)) throw error;
    });
    await this.#world.clock.advance(100);
    await given;
  }

  #tell(text: string): void {
    this.#trail.push(`${this.#world.clock.monotonic()} ${text}`);
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
    this.#note(pausedStaysPaused(this.#world, this.#paused));
    this.#throwIfBroken();
  }

  #note(broken: string | null): void {
    this.#broken ??= broken;
  }

  #throwIfBroken(): void {
    if (this.#broken !== null)
      throw new BrokenLaw(`${this.#broken}\n  ${this.#trail.slice(-40).join("\n  ")}`);
  }
}

/** Lives one seed through, and tells all that happened. @throws BrokenLaw with the command that repeats it */
export async function simulate(seed: number): Promise<readonly string[]> {
  try {
    return await new Simulation(seed).run();
  } catch (error) {
    if (error instanceof BrokenLaw) error.message += `\nrepeat with: npm run sim -- --seed ${seed}`;
    throw error;
  }
}
