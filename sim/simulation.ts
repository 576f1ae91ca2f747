/**
 * One seeded life of an installation: commands, crashes, slow and failing starts, failing writes, lost and doubled hints, clock
 * jumps, dying gateways, and the control process killed at any point. Some lives are calm, since a law that allows for faults
 * says most where there are few. Laws are checked all along; in the end the faults stop and everything must converge, plans must be
 * empty, and another restart must change nothing.
 */

import { ServingError } from "../src/core/errors.ts";
import type { InstanceSpec } from "../src/core/instance-spec.ts";
import type { ServiceName } from "../src/core/names.ts";
import { parseSpec } from "../src/core/spec/parse.ts";
import { ControlWorld } from "../src/testing/control-world.ts";
import { type Behaviour, WELL_BEHAVED } from "../src/testing/memory-runtime.ts";
import { SeededRandom } from "../src/testing/seeded-random.ts";
import { commandsOn, LIKELY_VERBS } from "./commands.ts";
import { Coverage } from "./coverage.ts";
import {
  ALWAYS,
  convergesToWhatIsWanted,
  namesStoppedInstance,
  namesUnprovenInstance,
  ordersAreKept,
  pausedStaysPaused,
  stoppedWhileUsed,
} from "./invariants.ts";
import {
  changeCapacity,
  harmFiles,
  harmGateway,
  harmInstance,
  jumpClock,
  restartControl,
  type Victim,
} from "./mishaps.ts";
import { ReplacementLaws, tellsWhatBlocksIt } from "./replacement-laws.ts";
import { TrafficLaws } from "./traffic-laws.ts";

/** A law that was broken, with all it takes to see it again. */
export class BrokenLaw extends Error {
  override readonly name = "BrokenLaw";
}

const SERVICES = ["a", "b", "c", "d"].map((n) => n as ServiceName);
const STEPS = 60;
/** How often faults come, against a life that is full of them. */
const MOODS = [0, 0.2, 1, 1];

class Simulation {
  readonly #random: SeededRandom;
  readonly #world: ControlWorld;
  readonly #trail: string[] = [];
  readonly #coverage: Coverage;
  readonly #laws: ReplacementLaws;
  readonly #traffic: TrafficLaws;
  readonly #victim: Victim;
  readonly #mood: number;
  readonly #hasBrokenVersions: boolean;
  /** How far paused rollouts were. */
  readonly #paused = new Map<string, number>();
  /** Detached instances that are out of traffic. */
  readonly #left = new Set<string>();
  #hasFaults = true;
  #broken: string | null = null;

  constructor(seed: number, coverage: Coverage) {
    const random = new SeededRandom(seed);
    this.#random = random;
    this.#coverage = coverage;
    const world = new ControlWorld({ seed: seed + 1, gatewayCount: 1 + random.below(2) });
    this.#world = world;
    this.#mood = random.pick(MOODS);
    this.#hasBrokenVersions = random.chance(0.7);
    const laws = new ReplacementLaws(world, coverage);
    this.#laws = laws;
    this.#traffic = new TrafficLaws(world, laws, coverage, (broken) => this.#note(broken));
    this.#victim = {
      world,
      random,
      laws,
      traffic: this.#traffic,
      coverage,
      tell: (text) => this.#tell(text),
    };
    coverage.watch(world);
  }

  /** All that happened, the same each time the seed is lived through. */
  async run(): Promise<readonly string[]> {
    const { runtime, fleet, store } = this.#world;
    runtime.behaviour = (spec) => this.#behaviour(spec.version);
    runtime.isHintLost = () => this.#isFault(0.1, "hint lost");
    runtime.isHintDoubled = () => this.#isFault(0.1, "hint twice");
    runtime.onStop = (id, graceMs) => {
      this.#tell(`stop ${id} within ${graceMs} ms`);
      this.#note(stoppedWhileUsed(this.#world, id, graceMs) ?? this.#traffic.stopped(id, graceMs));
      this.#note(this.#laws.stopped(id));
    };
    runtime.onStart = (spec) => {
      this.#tell(`start ${spec.id}`);
      this.#countStart(spec);
      this.#note(this.#laws.started(spec));
    };
    runtime.onLaunched = (id) => this.#laws.launched(id);
    fleet.timing = () => ({
      startMs: this.#random.below(200),
      tableMs: this.#random.below(this.#isFault(0.2, "slow table") ? 2_000 : 10),
      lingerMs: this.#random.chance(0.5) ? this.#random.below(this.#random.chance(0.1) ? 40_000 : 3_000) : 0,
    });
    fleet.onTable = (table) => {
      this.#note(namesStoppedInstance(this.#world, table));
      this.#note(namesUnprovenInstance(this.#world, table));
    };
    store.onWrite = () => this.#write();
    store.latency = () => this.#late(0.3, this.#random.pick([20, 20, 400]), "slow store");
    runtime.latency = () => this.#late(0.3, 50, "slow list");
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
    const isHarm = this.#random.chance(this.#mood);
    if (dice < 0.55) void this.#command();
    else if (dice < 0.7 && isHarm) harmInstance(this.#victim);
    else if (dice >= 0.7 && dice < 0.77 && isHarm) restartControl(this.#victim);
    else if (dice >= 0.77 && dice < 0.83 && isHarm) harmGateway(this.#victim);
    else if (dice >= 0.83 && dice < 0.86) jumpClock(this.#victim);
    if (this.#random.chance(0.1 * this.#mood)) harmFiles(this.#victim);
    if (this.#random.chance(0.04)) changeCapacity(this.#victim);
    const ms = this.#random.chance(0.7) ? this.#random.below(100) : this.#random.below(5_000);
    await clock.advance(ms);
  }

  /** A write fails, or the control process is killed just before or just after it. */
  #write(): void {
    if (this.#isFault(0.05, "write failed")) {
      this.#laws.harmed();
      this.#traffic.unsure();
      throw new Error("the write failed");
    }
    if (this.#isFault(0.003, "control killed before a write")) {
      restartControl(this.#victim);
      throw new Error("killed before it was written");
    }
    if (this.#isFault(0.003, "control killed after a write"))
      queueMicrotask(() => restartControl(this.#victim));
  }

  #countStart({ service, id, version, epoch }: InstanceSpec): void {
    const record = this.#world.store.state.services.get(service);
    const from = record?.updatingFrom;
    const isOf = (part: { readonly version: number; readonly epoch: number } | null | undefined) =>
      part?.version === version && part.epoch === epoch;
    const isAgain = this.#world.runtime.provenIds.has(id);
    const how = isOf(record) ? (isAgain ? "again" : "new") : isOf(from) ? "base" : "stand-in";
    this.#coverage.count("action", `start ${how}`);
  }

  /** A command as a user would give it; a refusal is a right answer, and so is a failed write. */
  async #command(): Promise<void> {
    const r = this.#random;
    const present = [...this.#world.store.state.services.keys()];
    // Mostly of what is there: else most commands of a life would be refused, and nothing would be updated.
    const other = r.pick(present.length === 0 || r.chance(0.05) ? SERVICES : present);
    const isCreated = present.length === 0 || r.chance(0.12);
    const name = isCreated ? r.pick(SERVICES) : other;
    const count = r.below(5);
    const commands = commandsOn(this.#world, r, { name, count });
    const verb = isCreated ? "create" : r.pick([...LIKELY_VERBS, ...Object.keys(commands)]);
    this.#tell(`${verb} ${name} (${count})`);
    try {
      const answer = await commands[verb]!();
      this.#coverage.count("accepted", verb);
      this.#note(this.#laws.answered(answer));
    } catch (error) {
      if (error instanceof ServingError) this.#coverage.count("refused", error.code);
      const isRight = error instanceof ServingError || (error as Error).message === "the write failed";
      if (!isRight) this.#note(`${verb} failed: ${(error as Error).stack}`);
    }
  }

  /** In most lives a third of the versions is broken as long as there are faults. */
  #behaviour(version: number): Behaviour {
    const r = this.#random;
    if (!this.#hasFaults) return { ...WELL_BEHAVED, loadMs: 1 + r.below(200), drainMs: r.below(100) };
    const isBroken = this.#hasBrokenVersions && version % 3 === 2;
    const isCrashing = isBroken || this.#isFault(0.1, "crash while loading");
    return {
      launchMs: r.below(this.#isFault(0.1, "slow start") ? 3_000 : 20),
      loadMs: this.#isFault(0.03, "load without end") ? null : r.below(400),
      isCrashing,
      failedMs: isCrashing && this.#isFault(0.3, "failed before its end") ? r.below(3_000) : 0,
      isStartFailing: this.#isFault(0.05, "start failed"),
      drainMs: r.below(this.#isFault(0.1, "slow stop") ? 20_000 : 50),
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
    await this.#letCrashed();
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

  /** What crashed is no longer kept for inspection. */
  async #letCrashed(): Promise<void> {
    for (const { name, document } of [...this.#world.store.state.services.values()]) {
      if (parseSpec(document).spec.isCrashBlocked !== true) continue;
      await this.#insist(() => this.#world.control.setSafetyLock(name, "none"));
      const change = { runtime: { enable_crash_block: false } };
      await this.#insist(() => this.#world.control.updateService(name, change, "merge"));
    }
  }

  /** Nothing is held back any more: every update comes to its end. */
  async #letGo(): Promise<void> {
    for (const name of SERVICES) {
      await this.#insist(() => this.#world.control.setSafetyLock(name, "none"));
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

  async #late(chance: number, msMax: number, what: string): Promise<void> {
    if (this.#isFault(chance, what)) await this.#world.clock.sleep(this.#random.below(msMax));
  }

  #isFault(chance: number, what: string): boolean {
    const isSo = this.#hasFaults && this.#random.chance(chance * this.#mood);
    if (isSo) this.#coverage.count("fault", what);
    return isSo;
  }

  #checkAlways(): void {
    for (const [name, law] of Object.entries(ALWAYS)) {
      const broken = law(this.#world);
      if (broken !== null) this.#note(`${name}: ${broken}`);
    }
    this.#note(pausedStaysPaused(this.#world, this.#paused));
    this.#note(ordersAreKept(this.#world, this.#left));
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

/** Lives one seed through, tells all that happened, and counts it. @throws BrokenLaw with the command that repeats it */
export async function simulate(seed: number, coverage = new Coverage()): Promise<readonly string[]> {
  try {
    return await new Simulation(seed, coverage).run();
  } catch (error) {
    if (error instanceof BrokenLaw) error.message += `\nrepeat with: npm run sim -- --seed ${seed}`;
    throw error;
  }
}
