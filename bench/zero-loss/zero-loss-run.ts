import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import type { Installation } from "../../test/harness/installation.ts";
import type { Stage } from "../harness/stage.ts";
import type { LedgerOptions, Route } from "../load/ledger.ts";
import type { Entry } from "../load/ledger-entry.ts";
import type { GatewayKill } from "./accounting.ts";
import { LedgerBook } from "./ledger-book.ts";
import { planOperations, type Step } from "./operation-plan.ts";
import { Performer, type UpdateTimes } from "./performer.ts";
import { type Played, playSteps } from "./play.ts";
import { GROUP, MEMBERS, SERVICES, STREAMS, specOf } from "./services.ts";

export interface ZeroLossOptions {
  /** What is done, and by which ways requests go, follows from it. */
  readonly seed: number;
  readonly operations: number;
  /** Requests a second. */
  readonly perS: number;
}

/** All that was seen in a run. */
export interface ZeroLossRun {
  readonly steps: readonly Step[];
  readonly played: readonly Played[];
  readonly entries: readonly Entry[];
  readonly kills: readonly GatewayKill[];
  readonly updates: readonly UpdateTimes[];
  /** From the first operation to the last one's effect. */
  readonly lengthMs: number;
  /** Living instances that none of the services has, by id, at the end. */
  readonly orphans: readonly string[];
}

const STREAM_SHARE = 0.05;
const NEW_CONNECTION_SHARE = 0.05;
/** Connections do not grow old, so that a gateway that was started again soon has its part of them. */
const LAST_OF_CONNECTION_SHARE = 0.05;
/** Traffic before the first operation and after the last, in seconds' worth. */
const AROUND_S = 1;
const TRAFFIC_MS_MAX = 120_000;

/** Creates the services on a running Sluice, and plays a seed's operations under load. */
export async function runZeroLoss(
  stage: Stage,
  sluice: Installation,
  { seed, operations, perS }: ZeroLossOptions,
  seen: (played: Played) => void = () => {},
): Promise<ZeroLossRun> {
  for (const service of SERVICES) {
    const file = join(sluice.home, `${service}.json`);
    writeFileSync(file, JSON.stringify(specOf(service)));
    await sluice.ok("create", file);
  }
  const book = new LedgerBook(stage, {
    port: Number(new URL(sluice.clientConfig().gateway).port),
    seed,
    perS,
    streamShare: STREAM_SHARE,
    newConnectionShare: NEW_CONNECTION_SHARE,
    lastOfConnectionShare: LAST_OF_CONNECTION_SHARE,
    ...(await routes(sluice)),
  });
  const performer = new Performer(sluice, book);
  const steps = planOperations(new SeededRandom(seed), operations);
  await book.more(perS * AROUND_S, TRAFFIC_MS_MAX);
  const beganAtMs = performance.now();
  const played = await playSteps(steps, (step) => performer.perform(step), seen);
  const lengthMs = performance.now() - beganAtMs;
  await book.more(perS * AROUND_S, TRAFFIC_MS_MAX);
  const entries = await book.end();
  const { kills, updates } = performer;
  return { steps, played, entries, kills, updates, lengthMs, orphans: await orphans(sluice) };
}

async function orphans(sluice: Installation): Promise<string[]> {
  const owned = new Set<string>();
  for (const service of SERVICES) {
    const { Instances } = await sluice.json("GET", `/api/v2/services/local/${service}/instances`);
    for (const { InstanceName } of Instances) owned.add(InstanceName);
  }
  return sluice
    .processes()
    .filter(({ kind, id }) => kind === "instance" && !owned.has(id))
    .map(({ id }) => id);
}

/** Most requests go by the group; some to one member, by both of its addresses, so that every way is used. */
async function routes(sluice: Installation): Promise<Pick<LedgerOptions, "plain" | "streams">> {
  const tokenOf = async (service: string) => (await sluice.service(service)).AccessToken as string;
  const [first] = MEMBERS;
  const groupToken = (await sluice.json("GET", `/api/v2/groups/local/${GROUP}`)).AccessToken as string;
  const route = (name: string, path: string, token: string, weight: number, service: string): Route => ({
    name,
    path: `/api/predict/${path}`,
    token,
    weight,
    service,
  });
  return {
    plain: [
      route("group", GROUP, groupToken, 85, ""),
      route("member", `${GROUP}.${first}`, groupToken, 8, first),
      route("service", first, await tokenOf(first), 7, first),
    ],
    streams: [route("streams", `${STREAMS}/stream`, await tokenOf(STREAMS), 1, STREAMS)],
  };
}
