import type pg from "pg";
import type { Clock } from "../../ports/clock.ts";
import type { Leadership, Standing, Term } from "../../ports/leadership.ts";
import type { PostgresAddress } from "./address.ts";
import { checkLayout, LOCK_CLASS, LOCKS, lay } from "./migrations.ts";
import { isLasting } from "./postgres-error.ts";
import { openSession, type Session } from "./sessions.ts";
import { StaleWatch } from "./stale-watch.ts";
import { PostgresTerm } from "./term.ts";

/** How often one that waits tries. */
const TRY_MS = 150;
/**
 * A leader whose beat stands still for so long is put off. More than LEASE_MS of its own, by which it has stopped before, if it runs at all.
 */
export const STALE_MS = 2_500;
/** Between two attempts to reach the database, doubling. The most is short, since it is added to the time in which nobody leads. */
const AGAIN_MS_MIN = 100;
const AGAIN_MS_MAX = 1_000;

export interface PostgresLeadershipOptions {
  readonly address: PostgresAddress;
  readonly clock: Clock;
  /**
   * Machine and home of this process. One at another place may lead only when the leader has stopped: it finds no instances of it, and starts
   * all anew.
   */
  readonly place: string;
}

/** This process stands at another place than the one who leads. */
export class LedElsewhere extends Error {
  override readonly name = "LedElsewhere";
  constructor(place: string, own: string, database: string) {
    super(
      `another control process leads the installation in ${database} from ${place}, and this one is at ${own}: instances and gateways are processes of one machine and home, so a standby must be there too`,
    );
  }
}

interface Look {
  readonly got: boolean;
  readonly term: string;
  readonly place: string;
  readonly beat: string;
  readonly address: string | null;
}

/**
 * Leadership by a session lock of PostgreSQL: whose session ends, however, has lost it at once. A process that is stopped or cut off keeps its
 * session, so the one who leads also beats, and one that waits ends the session of a leader whose beat stands still.
 */
export class PostgresLeadership implements Leadership {
  readonly #options: PostgresLeadershipOptions;
  #wasReached = false;

  constructor(options: PostgresLeadershipOptions) {
    this.#options = options;
  }

  async lead(onStanding: (standing: Standing) => void, signal: AbortSignal): Promise<Term> {
    const { clock, address } = this.#options;
    let waitMs = AGAIN_MS_MIN;
    for (;;) {
      signal.throwIfAborted();
      let session: Session | null = null;
      try {
        session = await openSession(address);
        return await this.#wait(session, onStanding, signal, () => {
          this.#wasReached = true;
          waitMs = AGAIN_MS_MIN;
        });
      } catch (error) {
        session?.cut();
        signal.throwIfAborted();
        if (error instanceof LedElsewhere || error instanceof WrittenByNewer) throw error;
        // A database that once was good may be without its rights for a while, e.g. while it is restored.
        if (isLasting(error) && !this.#wasReached) throw error;
        onStanding({ leader: null, trouble: (error as Error).message });
      }
      await clock.sleep(waitMs, signal);
      waitMs = Math.min(AGAIN_MS_MAX, waitMs * 2);
    }
  }

  /** Tries in one session until it has the lock. */
  async #wait(
    session: Session,
    onStanding: (standing: Standing) => void,
    signal: AbortSignal,
    onReached: () => void,
  ): Promise<Term> {
    const { clock, place, address } = this.#options;
    const { client } = session;
    await lay(client);
    await checkLayout(client).catch((error: Error) => {
      throw new WrittenByNewer(error.message, { cause: error });
    });
    const watch = new StaleWatch(STALE_MS);
    let isSaid = false;
    for (;;) {
      signal.throwIfAborted();
      const askedAt = clock.monotonic();
      const look = await lookAt(client);
      onReached();
      if (look.got) return PostgresTerm.begin({ session, clock, place });
      const leader = watch.look(`${look.term}/${look.beat}`, askedAt, clock.monotonic());
      const isElsewhere = look.place !== place;
      if (isElsewhere && leader === "alive") throw new LedElsewhere(look.place, place, String(address));
      if (!isSaid && !isElsewhere) {
        await client.query(`SELECT pg_advisory_lock_shared(${LOCK_CLASS}, ${LOCKS.standby})`);
        isSaid = true;
      }
      onStanding({ leader: look.address, trouble: null });
      if (leader === "stale") await putOff(client);
      await clock.sleep(TRY_MS, signal);
    }
  }
}

/** The layout is one that this program does not know. */
class WrittenByNewer extends Error {}

async function lookAt(client: pg.ClientBase): Promise<Look> {
  const { rows } = await client.query<Look>(
    `SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${LOCKS.leader}) AS got, term::text, place, beat::text, address
    FROM sluice.leadership, sluice.heartbeat`,
  );
  return rows[0]!;
}

/** Ends the session that holds the lock. PostgreSQL lets every user do that to sessions of its own. */
async function putOff(client: pg.ClientBase): Promise<void> {
  await client.query(
    `SELECT pg_terminate_backend(pid) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = ${LOCK_CLASS} AND objid = ${LOCKS.leader} AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid()`,
  );
}
