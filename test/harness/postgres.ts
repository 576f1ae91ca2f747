import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestCertificate } from "./certificates.ts";
import { until } from "./until.ts";

/** Debian keeps the programs of each version out of the path. */
const DEBIAN = "/usr/lib/postgresql";
const START_MS_MAX = 60_000;
export const POSTGRES_PASSWORD = "of-the-test";

export interface PostgresOptions {
  /** Listens on 127.0.0.1 too, for clients that have the password and speak TLS with this certificate; else on a unix socket only. */
  readonly tls?: TestCertificate;
}

/** A PostgreSQL server of a test's own: in a temporary folder, without the network unless told, gone with {@link PostgresServer.stop}. */
export class PostgresServer {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-pg-"));
  readonly #options: PostgresOptions;
  #server: ChildProcess | null = null;
  #said = "";
  #port = 5432;
  #databases = 0;

  constructor(options: PostgresOptions = {}) {
    this.#options = options;
  }

  /** Makes the cluster and starts the server; about two seconds. */
  async start(): Promise<void> {
    const owner = this.#owner();
    const passwordFile = join(this.folder, "password");
    writeFileSync(passwordFile, POSTGRES_PASSWORD);
    const { tls } = this.#options;
    if (tls !== undefined) {
      writeFileSync(join(this.folder, "server.crt"), tls.cert);
      writeFileSync(join(this.folder, "server.key"), tls.key);
      chmodSync(join(this.folder, "server.key"), 0o600);
    }
    if (owner !== null)
      for (const name of [".", ...readdirSync(this.folder)])
        chownSync(join(this.folder, name), owner.uid, owner.gid);
    const auth = ["--auth-local=trust", "--auth-host=scram-sha-256", `--pwfile=${passwordFile}`];
    const how = ["-U", "sluice", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"];
    const made = spawnSync(program("initdb"), ["-D", join(this.folder, "data"), ...how, ...auth], {
      ...owner,
      cwd: this.folder,
      encoding: "utf8",
    });
    assert.equal(made.status, 0, `initdb: ${made.error ?? ""}${made.stdout}${made.stderr}`);
    await this.startAgain();
  }

  /** The server of a cluster that is made. */
  async startAgain(): Promise<void> {
    const { tls } = this.#options;
    if (tls !== undefined) this.#port = await freePort();
    const set = {
      unix_socket_directories: this.folder,
      listen_addresses: tls === undefined ? "" : "127.0.0.1",
      port: String(this.#port),
      // Nothing of it outlives the test.
      fsync: "off",
      full_page_writes: "off",
      max_connections: "60",
      shared_buffers: "16MB",
      ...(tls === undefined
        ? {}
        : {
            ssl: "on",
            ssl_cert_file: join(this.folder, "server.crt"),
            ssl_key_file: join(this.folder, "server.key"),
          }),
    };
    const flags = Object.entries(set).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const server = spawn(program("postgres"), ["-D", join(this.folder, "data"), ...flags], {
      ...this.#owner(),
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#server = server;
    this.#said = "";
    for (const stream of [server.stdout, server.stderr])
      stream.on("data", (chunk) => (this.#said += String(chunk)));
    await until(
      () => {
        assert.equal(server.exitCode, null, `postgres ended: ${this.#said}`);
        return this.#said.includes("ready to accept connections");
      },
      "PostgreSQL to be ready",
      START_MS_MAX,
      () => this.#said,
    );
  }

  /** Ends the server; its clients are cut. What it holds is there again after {@link startAgain}. */
  async halt(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    const isGone = () => server.exitCode !== null || server.signalCode !== null;
    if (!isGone()) server.kill("SIGINT");
    await until(isGone, "PostgreSQL to end", 20_000, () => this.#said).catch((error: unknown) => {
      server.kill("SIGQUIT");
      throw error;
    });
    this.#server = null;
  }

  async stop(): Promise<void> {
    try {
      await this.halt();
    } finally {
      rmSync(this.folder, { recursive: true, force: true });
    }
  }

  /** A new empty database; its URL, by the unix socket. */
  newDatabase(): string {
    const name = `t${++this.#databases}`;
    this.sql("postgres", `CREATE DATABASE ${name}`);
    return this.url(name);
  }

  url(database: string): string {
    return `postgres:///${database}?user=sluice&host=${encodeURIComponent(this.folder)}&port=${this.#port}`;
  }

  /** Where a TCP proxy of a test finds the server. */
  get socketPath(): string {
    return join(this.folder, `.s.PGSQL.${this.#port}`);
  }

  get port(): number {
    return this.#port;
  }

  /** Runs statements as the owner of everything; what they print, unadorned. */
  sql(database: string, statements: string): string {
    const args = ["-h", this.folder, "-p", String(this.#port), "-U", "sluice", "-d", database];
    return execFileSync(program("psql"), [...args, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statements], {
      encoding: "utf8",
    }).trim();
  }

  /** PostgreSQL refuses to run as root: then as its own user, or as nobody. */
  #owner(): { readonly uid: number; readonly gid: number } | null {
    if (process.getuid?.() !== 0) return null;
    for (const user of ["postgres", "nobody"]) {
      const id = (flag: string) => spawnSync("id", [flag, user], { encoding: "utf8" }).stdout.trim();
      if (/^\d+$/.test(id("-u"))) return { uid: Number(id("-u")), gid: Number(id("-g")) };
    }
    throw new Error("there is no user postgres or nobody to run PostgreSQL as");
  }
}

/** The name of a database in a URL of {@link PostgresServer.newDatabase}. */
export function databaseOf(url: string): string {
  return new URL(url).pathname.slice(1);
}

function program(name: string): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((v) => join(DEBIAN, v, "bin", name)).find((path) => existsSync(path));
  return found ?? name;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
