import type { Clock } from "../../ports/clock.ts";
import type { Leadership, Term } from "../../ports/leadership.ts";
import { PostgresAddress } from "./address.ts";
import { PostgresLeadership } from "./leadership.ts";
import { migrate } from "./migrations.ts";
import { Sessions } from "./sessions.ts";
import { PostgresStore } from "./store.ts";

/** A database that several control processes share. */
export interface PostgresInstallation {
  /** Where it is, for people: without the password. */
  readonly shown: string;
  readonly leadership: Leadership;
  /** The store for as long as a term lasts; abandoned with it. The layout is brought up to date. */
  openStore(term: Term): Promise<PostgresStore>;
}

/**
 * Nothing is asked of the database yet.
 * @throws Error when the address is not one; it never shows what was given
 */
export function postgresInstallation(options: {
  /** See {@link PostgresAddress}. */
  readonly url: string;
  /** Where the address has none; empty: none. */
  readonly password: string;
  readonly clock: Clock;
  /** Machine and home of this process. */
  readonly place: string;
}): PostgresInstallation {
  const address = new PostgresAddress(options.url, options.password);
  const { clock, place } = options;
  return {
    shown: String(address),
    leadership: new PostgresLeadership({ address, clock, place }),
    async openStore(term) {
      const sessions = new Sessions(address);
      const store = new PostgresStore({
        sessions,
        place: String(address),
        term: term.number,
        onDoubt: () => term.lose("the answer to a write was lost, and nobody knows whether it is done"),
      });
      term.lost.addEventListener("abort", () => store.abandon());
      try {
        await sessions.use(migrate);
        term.lost.throwIfAborted();
        return store;
      } catch (error) {
        store.abandon();
        throw error;
      }
    },
  };
}
