/**
 * A load that keeps a ledger, in a process of its own. Requests are due by the clock, at a constant rate, whatever became of those before;
 * one in so many asks for a stream, one in so many comes on a new connection. node:http is the client, so that what the gateway sends is
 * read by somebody else's parser. Says `{entries}` ten times a second, and `null` when it was told to end and the last answer is there.
 */
import { SeededRandom } from "../../src/testing/seeded-random.ts";
import { LedgerClient, type Received } from "./ledger-client.ts";
import { type Entry, isGood, monotonicMs } from "./ledger-entry.ts";
import { loadOptions, tell } from "./talk.ts";
import { pickWeighted } from "./weighted-pick.ts";

/** A way to the services. */
export interface Route {
  readonly name: string;
  readonly path: string;
  readonly token: string;
  /** Relative share of the requests of its kind. */
  readonly weight: number;
  /** The one that answers, where the answer does not say so. */
  readonly service: string;
}

export interface LedgerOptions {
  readonly port: number;
  readonly seed: number;
  /** Requests a second. */
  readonly perS: number;
  /** Of all requests, those that ask for a stream; those that come on a connection of their own; and those that are a kept one's last. */
  readonly streamShare: number;
  readonly newConnectionShare: number;
  readonly lastOfConnectionShare: number;
  readonly plain: readonly Route[];
  readonly streams: readonly Route[];
}

/** Most streams are short; a few are long, so that instances which go have to wait for them. */
const STREAM_CHUNKS = 8;
const LONG_STREAM_CHUNKS = 50;
const LONG_STREAM_SHARE = 0.05;
const CHUNK_EVERY_MS = 40;
const TELL_EVERY_MS = 100;

const options = loadOptions<LedgerOptions>();
const random = new SeededRandom(options.seed);
const client = new LedgerClient(options.port);
const stepMs = 1000 / options.perS;
let entries: Entry[] = [];
let number = 0;
let inFlight = 0;
let dueAtMs = monotonicMs();
let isEnding = false;

async function ask(dueAtMs: number): Promise<void> {
  const isStream = random.chance(options.streamShare);
  const route = pickWeighted(random, isStream ? options.streams : options.plain);
  const chunksWanted = !isStream ? 0 : random.chance(LONG_STREAM_SHARE) ? LONG_STREAM_CHUNKS : STREAM_CHUNKS;
  const isNew = random.chance(options.newConnectionShare);
  const isLast = random.chance(options.lastOfConnectionShare);
  const path = isStream ? `${route.path}?chunks=${chunksWanted}&everyMs=${CHUNK_EVERY_MS}` : route.path;
  const call = { path, token: route.token, chunksWanted };
  number++;
  const own = number;
  inFlight++;
  let received = await client.ask(call, isNew ? "new" : isLast ? "last" : "kept");
  const attempts = [received.attempt];
  // As every HTTP client does that finds a kept connection dead. The ledger's reader judges whether it was allowed to be dead.
  const { attempt } = received;
  const isDead = attempt.isReused && attempt.status === 0 && attempt.bytes === 0;
  if (isDead && !isGood(attempt)) {
    received = await client.ask(call, "new");
    attempts.push(received.attempt);
  }
  inFlight--;
  entries.push(entryOf(own, route, isStream ? "stream" : "plain", dueAtMs, attempts, received, chunksWanted));
}

function entryOf(
  own: number,
  route: Route,
  kind: Entry["kind"],
  dueAtMs: number,
  attempts: Entry["attempts"],
  { service, version, chunks }: Received,
  chunksWanted: number,
): Entry {
  return {
    number: own,
    route: route.name,
    kind,
    dueAtMs,
    attempts,
    service: version === 0 ? "" : service || route.service,
    version,
    chunks,
    chunksWanted,
  };
}

/** Sends what is due. */
function turn(): void {
  if (isEnding) return;
  for (const nowMs = monotonicMs(); dueAtMs <= nowMs; dueAtMs += stepMs) void ask(dueAtMs);
}

function say(): void {
  if (entries.length > 0) tell({ entries });
  entries = [];
  if (!isEnding || inFlight > 0) return;
  clearInterval(ticks);
  clearInterval(tells);
  client.close();
  process.stdin.destroy();
  process.stdout.write("null\n");
}

process.stdin.once("data", () => {
  isEnding = true;
});
// Whoever started it is gone.
process.stdin.once("end", () => process.exit());
const ticks = setInterval(turn, 1);
const tells = setInterval(say, TELL_EVERY_MS);
