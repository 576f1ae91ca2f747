import type pg from "pg";
import type { Clock } from "../../ports/clock.ts";
import type { Term } from "../../ports/leadership.ts";
import { LOCK_CLASS, LOCKS } from "./migrations.ts";
import type { Session } from "./sessions.ts";

/** How often the one who leads says that it lives. */
const BEAT_MS = 400;
/** So long after a beat was sent that was answered, nobody else can lead. Then this process stops by itself. */
export const LEASE_MS = 2_000;
/** Between two looks whether another has taken over. */
const LOOK_MS = 50;
/** The server may be out of reach when a session is to be ended. */
const END_MS_MAX = 1_000;

/** Those that wait to lead. */
const STANDBYS = `SELECT count(*)::int AS count FROM pg_locks
  WHERE locktype = 'advisory' AND classid = ${LOCK_CLASS} AND objid = ${LOCKS.standby} AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()`;

interface TermDeps {
  /** Holds the lock of the leader. */
  readonly session: Session;
  readonly clock: Clock;
  readonly place: string;
}

interface BegunRow {
  readonly term: string;
  readonly installation: string;
}

/** A term that holds for as long as its session has the lock and its beats are answered. */
export class PostgresTerm implements Term {
  readonly number: number;
  readonly installation: string;
  readonly #deps: TermDeps;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  #leaseUntilMs: number;
  #address: string | null = null;
  #beating: Promise<void> = Promise.resolve();
  #watchdog: NodeJS.Timeout | null = null;
  /** Stops the beat. */
  #rests = new AbortController();

  private constructor(begun: BegunRow, leaseUntilMs: number, deps: TermDeps) {
    this.number = Number(begun.term);
    this.installation = begun.installation;
    this.#leaseUntilMs = leaseUntilMs;
    this.#deps = deps;
    deps.session.client.on("end", () => this.lose("the connection to the store was lost"));
    this.#resume();
  }

  /** Begins the term after the last one: from now on nothing of that one is written any more. */
  static async begin(deps: TermDeps): Promise<PostgresTerm> {
    const { session, clock, place } = deps;
    await session.client.query(`SELECT pg_advisory_unlock_shared(${LOCK_CLASS}, ${LOCKS.standby})`);
    const askedAt = clock.monotonic();
    // It waits for writes of the term before that are under way; the server ends those of a paused process.
    const { rows } = await session.client.query<BegunRow>(
      "UPDATE sluice.leadership SET term = term + 1, place = $1 RETURNING term::text, installation",
      [place],
    );
    // Beats need not survive the server: a sync of the disk for each would be for nothing.
    await session.client.query(
      "SET synchronous_commit = off; UPDATE sluice.heartbeat SET beat = beat + 1, address = NULL",
    );
    return new PostgresTerm(rows[0]!, askedAt + LEASE_MS, deps);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  mayAct(): boolean {
    return (
      !this.#lost.signal.aborted &&
      !this.#ended.signal.aborted &&
      this.#deps.clock.monotonic() < this.#leaseUntilMs
    );
  }

  announce(address: string): void {
    this.#address = address; // the next beat says it
  }

  lose(reason: string): void {
    if (this.#lost.signal.aborted || this.#ended.signal.aborted) return;
    this.#rest();
    this.#lost.abort(new Error(reason));
    this.#deps.session.cut();
  }

  async handOver(patienceMs: number): Promise<boolean> {
    this.#leaseUntilMs = 0;
    this.#rest();
    await this.#beating;
    try {
      return await this.#offer(patienceMs);
    } catch (error) {
      // Who leads is not known any more; it may well be another.
      this.lose(`the store does not answer: ${(error as Error).message}`);
      return true;
    }
  }

  async #offer(patienceMs: number): Promise<boolean> {
    const { session, clock } = this.#deps;
    const end = clock.monotonic() + patienceMs;
    const { rows } = await session.client.query<{ count: number }>(STANDBYS);
    if (rows[0]!.count === 0) return this.#goOn(clock.monotonic());
    await session.client.query(`SELECT pg_advisory_unlock(${LOCK_CLASS}, ${LOCKS.leader})`);
    while (clock.monotonic() < end) {
      if ((await this.#termNow()) > this.number) return true;
      await clock.sleep(LOOK_MS);
    }
    const askedAt = clock.monotonic();
    const again = await session.client.query<{ got: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${LOCKS.leader}) AS got`,
    );
    if (!again.rows[0]!.got || (await this.#termNow()) > this.number) return true;
    return this.#goOn(askedAt);
  }

  #goOn(sinceMs: number): false {
    this.#leaseUntilMs = sinceMs + LEASE_MS;
    this.#resume();
    return false;
  }

  async end(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#rest();
    this.#ended.abort();
    const { session } = this.#deps;
    const patience = new AbortController();
    await Promise.race([
      session.client.end().catch(() => {}),
      this.#deps.clock.sleep(END_MS_MAX, patience.signal).catch(() => {}),
    ]);
    patience.abort();
    session.cut();
  }

  async #termNow(): Promise<number> {
    const { rows } = await this.#deps.session.client.query<{ term: string }>(
      "SELECT term::text FROM sluice.leadership",
    );
    return Number(rows[0]!.term);
  }

  #resume(): void {
    this.#rests = new AbortController();
    this.#beating = this.#beat(this.#deps.session.client, this.#rests.signal);
    this.#watch();
  }

  #rest(): void {
    this.#rests.abort();
    if (this.#watchdog !== null) clearTimeout(this.#watchdog);
    this.#watchdog = null;
  }

  async #beat(client: pg.Client, rests: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    while (!rests.aborted) {
      const askedAt = clock.monotonic();
      try {
        const { rows } = await client.query(
          `UPDATE sluice.heartbeat SET beat = beat + 1, address = $2
          WHERE (SELECT term FROM sluice.leadership) = $1 RETURNING beat`,
          [this.number, this.#address],
        );
        if (rests.aborted) return;
        if (rows[0] === undefined) return this.lose("another control process has taken over");
        this.#leaseUntilMs = askedAt + LEASE_MS;
        await clock.sleep(BEAT_MS, rests);
      } catch (error) {
        if (rests.aborted) return;
        return this.lose(`the store does not answer: ${(error as Error).message}`);
      }
    }
  }

  /** The beat may hang: the time is looked at beside it. */
  #watch(): void {
    const leftMs = this.#leaseUntilMs - this.#deps.clock.monotonic();
    if (leftMs <= 0) this.lose(`the store has not answered for ${LEASE_MS} ms`);
    else this.#watchdog = setTimeout(() => this.#watch(), leftMs);
  }
}
