import { Socket } from "node:net";
import pg from "pg";
import type { PostgresAddress } from "./address.ts";
import { translatePostgresError } from "./postgres-error.ts";

/** Sessions of the store at once: as many as loops run at a time; requests of the API wait their turn. PostgreSQL has 100 unless told. */
const SESSIONS_MAX = 8;
/** Longest wait for a new session, and for a free one of the pool. */
const CONNECT_MS_MAX = 3_000;
/** The server gives a statement up after this long; ours are of some ms. */
const STATEMENT_MS_MAX = 5_000;
/** The driver gives up after this long, when the server says nothing at all. */
const ANSWER_MS_MAX = 6_000;
/** A process that is paused within a transaction holds its locks no longer than this, so that another can take over. */
const IDLE_IN_TRANSACTION_MS_MAX = 2_000;
/** A session that nobody used for so long is closed. */
const IDLE_MS_MAX = 30_000;
/** First keep-alive packet on a silent connection. */
const KEEP_ALIVE_MS = 2_000;

/** A client of the driver whose socket can be cut: an orderly end waits for the server, which may be unreachable. */
export interface Session {
  readonly client: pg.Client;
  cut(): void;
}

function configOf(address: PostgresAddress, socket: () => Socket): pg.ClientConfig {
  return {
    host: address.host,
    port: address.port,
    user: address.user,
    database: address.database,
    ...(address.password === "" ? {} : { password: address.password }),
    ssl: address.ssl === false ? false : { ...address.ssl },
    application_name: "sluice",
    connectionTimeoutMillis: CONNECT_MS_MAX,
    statement_timeout: STATEMENT_MS_MAX,
    query_timeout: ANSWER_MS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    stream: socket,
  };
}

/**
 * One session for itself, connected; the caller ends it.
 * @throws ServingError STORE_UNAVAILABLE; Error for what waiting does not mend
 */
export async function openSession(address: PostgresAddress): Promise<Session> {
  const socket = new Socket();
  const client = new pg.Client(configOf(address, () => socket));
  client.on("error", () => {}); // 'end' follows, and whoever waits for an answer is told
  try {
    await client.connect();
    return { client, cut: () => socket.destroy() };
  } catch (error) {
    socket.destroy();
    throw translatePostgresError(error, String(address));
  }
}

/** A bounded number of sessions, made when they are needed and again when they were lost. */
export class Sessions {
  readonly #pool: pg.Pool;
  readonly #place: string;
  readonly #sockets = new Set<Socket>();
  #isClosed = false;

  constructor(address: PostgresAddress) {
    this.#place = String(address);
    const socket = () => {
      const made = new Socket();
      this.#sockets.add(made);
      made.once("close", () => this.#sockets.delete(made));
      return made;
    };
    const config = configOf(address, socket);
    this.#pool = new pg.Pool({ ...config, max: SESSIONS_MAX, idleTimeoutMillis: IDLE_MS_MAX });
    this.#pool.on("error", () => {}); // an idle one was lost: the pool has let go of it
  }

  /** Does `work` in a session. One in which something failed is not used again: it may be in the middle of a transaction. */
  async use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw translatePostgresError(error, this.#place);
    }
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw translatePostgresError(error, this.#place);
    }
  }

  /** Cuts all sessions; whoever waits for an answer has an error at once. */
  abandon(): void {
    void this.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
  }
}
