/** What goes wrong in a simulated life, as things that happen to the world between commands. */
import type { GatewayId } from "../src/core/names.ts";
import type { ControlWorld } from "../src/testing/control-world.ts";
import type { SeededRandom } from "../src/testing/seeded-random.ts";
import { PLACES } from "./commands.ts";
import type { Coverage } from "./coverage.ts";
import type { ReplacementLaws } from "./replacement-laws.ts";
import type { TrafficLaws } from "./traffic-laws.ts";

export interface Victim {
  readonly world: ControlWorld;
  readonly random: SeededRandom;
  readonly laws: ReplacementLaws;
  readonly traffic: TrafficLaws;
  readonly coverage: Coverage;
  readonly tell: (text: string) => void;
}

/** An instance dies, its readiness check turns, or a worker of it is started again. */
export function harmInstance({ world, random, laws, coverage, tell }: Victim): void {
  const { runtime } = world;
  if (runtime.engines.size === 0) return;
  const id = random.pick([...runtime.engines.keys()]);
  if (random.chance(0.1)) {
    coverage.count("fault", "worker restarted");
    tell(`${id} starts a worker again`);
    runtime.restartWorker(id);
    return;
  }
  laws.harmed();
  if (random.chance(0.4)) {
    const to = runtime.engines.get(id)?.phase === "unready" ? "ready" : "unready";
    coverage.count("fault", to === "ready" ? "instance ready again" : "instance not ready");
    tell(`${id} turns ${to}`);
    runtime.turn(id, to);
    return;
  }
  coverage.count("fault", "instance killed");
  tell(`kill ${id}`);
  runtime.kill(id);
}

/** `kill -9`, and the next life begins at once. */
export function restartControl({ world, laws, traffic, coverage, tell }: Victim): void {
  coverage.count("fault", "control killed");
  tell("kill the control process");
  world.kill();
  laws.killed();
  traffic.killed();
  world.begin();
}

/** A gateway dies, or only its link breaks. */
export function harmGateway({ world, random, coverage, tell }: Victim): void {
  const ids = world.fleet.live.map((g) => g.launch.id);
  if (ids.length === 0) return;
  const id: GatewayId = random.pick(ids);
  if (random.chance(0.5)) {
    coverage.count("fault", "link broken");
    tell(`break the link of ${id}`);
    world.fleet.breakLink(id);
    return;
  }
  coverage.count("fault", "gateway killed");
  tell(`kill ${id}`);
  world.fleet.kill(id);
}

/** Up to an hour either way. */
export function jumpClock({ world, random, coverage, tell }: Victim): void {
  const ms = random.below(7_200_000) - 3_600_000;
  coverage.count("fault", ms < 0 ? "clock back" : "clock forward");
  tell(`the wall clock jumps by ${ms} ms`);
  world.clock.jump(ms);
}

/** The processor's files at one place are slow to come, or cannot be brought; all others are well again. */
export function harmFiles({ world, random, coverage, tell }: Victim): void {
  const { files } = world;
  files.slowMs.clear();
  files.broken.clear();
  const place = random.pick(PLACES);
  if (random.chance(0.4)) {
    files.slowMs.set(place, random.below(5_000));
    coverage.count("fault", "files slow");
  }
  const isRetriable = random.chance(0.5);
  if (random.chance(0.3)) {
    files.broken.set(place, { message: "no files", isRetriable });
    coverage.count("fault", `files broken for ${isRetriable ? "now" : "good"}`);
  }
  tell(`files at ${place}: slow ${files.slowMs.size}, broken ${files.broken.size}`);
}

/** The node has room for few instances, for many, or nobody knows. */
export function changeCapacity({ world, random, laws, coverage, tell }: Victim): void {
  const cpu = random.pick([null, 2, 5, 10, 20]);
  world.capacity = cpu === null ? null : { cpu, memoryMb: 1_000_000 };
  laws.capacityChanged();
  coverage.count("fault", "capacity changed");
  tell(`the node has ${cpu ?? "unknown"} cores`);
}
