import type { PostgresInstallation } from "../adapters/store-postgres/open.ts";
import { openSqliteStore } from "../adapters/store-sqlite/open.ts";
import { systemRandom } from "../adapters/system/random.ts";
import type { ProcessIdentity } from "../base/process-identity.ts";
import type { Standing, Term } from "../ports/leadership.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { createStandbyApp } from "../server/standby.ts";
import { releaseControl, seizeControl, takeControl } from "./control-lock.ts";
import { BadDatabase, openDatabase } from "./database.ts";
import type { ApiPlace } from "./listening.ts";
import type { HomeLayout, ServeSettings } from "./settings.ts";

/** The right of this process to act on its home, and the store that it acts by. */
export interface Lead {
  readonly term: Term;
  /** What the store is, for people. */
  readonly store: string;
  openStore(): Promise<Store>;
  /** Gives the home free. */
  release(): void;
  /** The same, and ends the term and whatever of the store is still open. */
  end(): Promise<void>;
}

/** Waits to lead; null: asked to stop before. */
export type Leading = (signal: AbortSignal) => Promise<Lead | null>;

/** One that nobody follows. */
const ALONE: Term = {
  number: 0,
  installation: "",
  lost: new AbortController().signal,
  mayAct: () => true,
  announce: () => {},
  lose: () => {},
  handOver: async () => false,
  end: async () => {},
};

/**
 * How this process comes to lead. By a SQLite store at once or not at all: the home has one control process. By a database when no other does.
 * @throws BadDatabase when the database is not named as it should be
 */
export async function openLeading(
  settings: ServeSettings,
  layout: HomeLayout,
  api: ApiPlace,
  log: Log,
): Promise<Leading> {
  const { controlFile, home } = layout;
  if (settings.store === null) {
    return async () => {
      const lock = takeControl(controlFile, home);
      const release = () => releaseControl(controlFile, lock);
      return {
        term: ALONE,
        store: layout.database,
        openStore: async () => openSqliteStore(layout.database),
        release,
        end: async () => release(),
      };
    };
  }
  const database = await openDatabase(settings.store, home, process.env);
  return (signal) => leadBy(database, layout, api, log, signal);
}

async function leadBy(
  database: PostgresInstallation,
  layout: HomeLayout,
  api: ApiPlace,
  log: Log,
  signal: AbortSignal,
): Promise<Lead | null> {
  const term = await waitFor(database, api, log, signal);
  if (term === null) return null;
  const { controlFile, home } = layout;
  let lock: ProcessIdentity;
  try {
    lock = await seizeControl(controlFile, home, { installation: term.installation, term: term.number });
  } catch (error) {
    await term.end();
    throw error;
  }
  log.info({ term: term.number, store: database.shown }, "leads");
  const release = () => releaseControl(controlFile, lock);
  let store: Store | null = null;
  return {
    term,
    store: database.shown,
    openStore: async () => {
      store = await database.openStore(term);
      return store;
    },
    release,
    end: async () => {
      release();
      await store?.close();
      await term.end();
    },
  };
}

/** Answers as a standby meanwhile. */
async function waitFor(
  database: PostgresInstallation,
  api: ApiPlace,
  log: Log,
  signal: AbortSignal,
): Promise<Term | null> {
  let last: Standing = { leader: null, trouble: null };
  let opening: Promise<Standby> | null = null;
  const failed = new AbortController();
  const onStanding = (standing: Standing) => {
    const isNews = standing.leader !== last.leader || standing.trouble !== last.trouble;
    last = standing;
    if (opening !== null && !isNews) return;
    opening ??= openStandby(api, () => last.leader);
    log.info({ ...standing, store: database.shown }, "stands by");
    opening.then(
      ({ address }) => {
        if (standing.trouble !== null) say(`[WARNING] ${standing.trouble}; trying again`);
        else
          say(
            `Sluice stands by\n  control API  ${address} (refuses until it leads)\n  leader       ${standing.leader ?? "none that has said where it is"}`,
          );
      },
      (error: unknown) => failed.abort(error),
    );
  };
  try {
    return await database.leadership.lead(onStanding, AbortSignal.any([signal, failed.signal]));
  } catch (error) {
    if (failed.signal.aborted) throw failed.signal.reason;
    if (signal.aborted) return null;
    throw new BadDatabase((error as Error).message, { cause: error });
  } finally {
    const standby = await (opening as Promise<Standby> | null)?.catch(() => null);
    await standby?.close();
  }
}

interface Standby {
  readonly address: string;
  close(): Promise<void>;
}

async function openStandby(api: ApiPlace, leader: () => string | null): Promise<Standby> {
  const app = createStandbyApp({ random: systemRandom, leader });
  return { address: await api.listen(app), close: () => app.close() };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
