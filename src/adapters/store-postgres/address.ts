import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";

/** Parameters that an address may have behind its `?`; the names are those of libpq (postgresql.org/docs, "Connection Strings"). */
const PARAMETERS = ["host", "port", "user", "sslmode", "sslrootcert", "sslcert", "sslkey"] as const;
type Parameter = (typeof PARAMETERS)[number];
const SSL_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
type SslMode = (typeof SSL_MODES)[number];
const PORT = 5432;

/** Where a database is, how it is reached, and with what. Its password is shown by nothing that prints it. */
export class PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** False: no TLS. */
  readonly ssl: ConnectionOptions | false;
  readonly #password: string;

  /**
   * `text`: `postgres://user:password@host:port/database?sslmode=verify-full&sslrootcert=/ca.pem`. A unix socket is reached by its folder:
   * `postgres:///database?host=/var/run/postgresql&user=sluice`.
   * `passwordElse` stands for a password where the text has none.
   * @throws Error that says what is wrong and never what was given, which may hold a password
   */
  constructor(text: string, passwordElse = "") {
    const url = parse(text);
    const given = parameters(url.searchParams);
    this.host = given.host ?? decoded(url.hostname.replace(/^\[(.*)\]$/, "$1"));
    this.port = portOf(given.port ?? (url.port === "" ? String(PORT) : url.port));
    this.user = given.user ?? decoded(url.username);
    this.database = decoded(url.pathname.slice(1));
    this.#password = decoded(url.password) || passwordElse;
    if (this.host === "") throw new Error("the address of the database names no host");
    if (this.user === "") throw new Error("the address of the database names no user");
    if (this.database === "" || this.database.includes("/"))
      throw new Error("the address of the database must end with /<name of the database>");
    this.ssl = sslOf(this.host, given);
  }

  /** Empty: none was given. */
  get password(): string {
    return this.#password;
  }

  /** For people and logs. */
  toString(): string {
    const isFolder = this.host.startsWith("/");
    const host = this.host.includes(":") ? `[${this.host}]` : this.host;
    return isFolder
      ? `postgres:///${this.database} at ${this.host}`
      : `postgres://${this.user}@${host}:${this.port}/${this.database}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function parse(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol))
    throw new Error(
      "the address of the database must be postgres://user:password@host:port/database; special characters of a password are written as %XX",
    );
  return url;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error("the address of the database has a % that is not followed by two hex digits");
  }
}

function parameters(query: URLSearchParams): Partial<Record<Parameter, string>> {
  for (const name of query.keys()) {
    if (!(PARAMETERS as readonly string[]).includes(name))
      throw new Error(
        `the address of the database has the parameter ${JSON.stringify(name.slice(0, 40))}; there are ${PARAMETERS.join(", ")}`,
      );
  }
  return Object.fromEntries(query) as Partial<Record<Parameter, string>>;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new Error("the port of the database must be a whole number from 1 to 65535");
  return port;
}

/**
 * As libpq reads the same words: `require` encrypts, and checks the certificate only when `sslrootcert` says against what; `verify-ca` checks
 * who signed it, `verify-full` the name too. There is no mode that falls back to plain text, and none is chosen silently for another machine.
 */
function sslOf(host: string, given: Partial<Record<Parameter, string>>): ConnectionOptions | false {
  const isHere = host.startsWith("/") || ["localhost", "127.0.0.1", "::1"].includes(host);
  const mode = given.sslmode ?? (isHere ? "disable" : undefined);
  if (mode === undefined || !(SSL_MODES as readonly string[]).includes(mode))
    throw new Error(
      `${mode === undefined ? "a database on another machine needs the parameter sslmode" : "sslmode is not known"}: ${SSL_MODES.join(", ")}`,
    );
  if (mode === "disable") return false;
  if (host.startsWith("/")) throw new Error("PostgreSQL speaks no TLS on a unix socket: leave sslmode out");
  const read = (name: "sslrootcert" | "sslcert" | "sslkey", as: "ca" | "cert" | "key") =>
    given[name] === undefined ? {} : { [as]: fileOf(name, given[name]) };
  const isChecked = (mode as SslMode) !== "require" || given.sslrootcert !== undefined;
  return {
    ...read("sslrootcert", "ca"),
    ...read("sslcert", "cert"),
    ...read("sslkey", "key"),
    rejectUnauthorized: isChecked,
    ...(mode === "verify-full" ? {} : { checkServerIdentity: () => undefined }),
  };
}

function fileOf(name: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${name} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
