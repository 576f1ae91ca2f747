import { type ApiClient, createClient } from "../api/client.ts";
import { type CliIo, EXIT, type ExitCode, Failure, Misuse } from "./cli-io.ts";
import {
  asAddress,
  configPath,
  DEFAULT_PROFILE,
  isOpenToOthers,
  type Place,
  placeOf,
  profilesOf,
  readConfig,
} from "./client-config.ts";
import { readData } from "./data.ts";
import { type Column, keyTable, listTable } from "./table.ts";

/** The options that stand before or after every verb. */
export interface GlobalOptions {
  readonly config?: string;
  readonly profile?: string;
  readonly endpoint?: string;
  readonly keyId?: string;
  readonly key?: string;
  readonly stsToken?: string;
  readonly output?: "table" | "json";
  readonly yes?: boolean;
}

const COLOURS = { OK: 32, WARNING: 33, ERROR: 31 } as const;

/** What is known of this program beside its verbs. */
export interface About {
  readonly version: string;
  /** Versions of Node that it runs on, as package.json has them: `>=26.10.0`. */
  readonly node: string;
}

/** One call of the CLI: where it speaks to, and how it shows what it hears. */
export class Session {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  readonly about: About;
  #client: ApiClient | null = null;
  #region: string | null = null;
  /** Whom a line is about when several services are worked on at once; empty: nobody has to ask. */
  #subject = "";

  constructor(io: CliIo, options: GlobalOptions, about: About = { version: "", node: "" }) {
    this.io = io;
    this.options = options;
    this.about = about;
  }

  /**
   * Reads the key where `-k` says that it is: `-` standard input, `@file` a file; else the environment's. A key on the command line
   * itself can be seen by everybody on the machine.
   */
  static async open(io: CliIo, given: GlobalOptions, about: About): Promise<Session> {
    const { key } = given;
    const fromEnv = io.env.SLUICE_KEY;
    if (key === undefined) {
      return new Session(io, fromEnv ? { ...given, key: fromEnv } : given, about);
    }
    if (key !== "-" && !key.startsWith("@")) return new Session(io, given, about);
    const text = new TextDecoder().decode(await readData(key === "-" ? "@-" : key, io)).trim();
    if (text === "") throw new Failure(`-k ${key}: there is no key in it`);
    return new Session(io, { ...given, key: text }, about);
  }

  /** The same call, with lines that begin with the name of what they are about. */
  concerning(subject: string): Session {
    const session = new Session(this.io, this.options, this.about);
    session.#client = this.#client;
    session.#region = this.#region;
    session.#subject = `[${subject}] `;
    return session;
  }

  get isJson(): boolean {
    return this.options.output === "json";
  }

  /** Where the client's file is, or would be. */
  get configPath(): string {
    return configPath(this.options.config, this.io);
  }

  /** @throws Failure when nothing says where the control API is */
  get client(): ApiClient {
    this.#client ??= this.#connect();
    return this.#client;
  }

  /** Name of the profile in use: `--profile`, else SLUICE_PROFILE, else what the file says. */
  profileName(inFile: string | undefined): string {
    return this.options.profile ?? (this.io.env.SLUICE_PROFILE || inFile || DEFAULT_PROFILE);
  }

  /** What the client's file says about the profile in use; null when there is no file, and nobody named a profile. */
  place(): Place | null {
    const config = readConfig(this.configPath);
    const name = this.profileName(config?.profile);
    if (config === null) {
      if (name === DEFAULT_PROFILE) return null;
      throw new Failure(`there is no ${this.configPath} with a profile ${name}`);
    }
    const place = placeOf(config, name);
    if (place !== null || name === DEFAULT_PROFILE) return place;
    const known = profilesOf(config).map((p) => p.name);
    throw new Failure(`${this.configPath} has no profile ${name}; it has ${known.join(", ") || "none"}`);
  }

  #connect(): ApiClient {
    const { endpoint, key, config, profile } = this.options;
    const isWhole = endpoint !== undefined && key !== undefined;
    const place = isWhole && config === undefined && profile === undefined ? null : this.place();
    const address = endpoint === undefined ? place?.address : asAddress(endpoint);
    const secret = key ?? place?.key;
    if (address === undefined || secret === undefined) {
      throw new Failure(
        `there is no ${this.configPath}; start a server with: sluice serve, or name one with: sluice config -k <key> -e <address>`,
      );
    }
    if (place !== null && key === undefined && isOpenToOthers(this.configPath))
      this.warn(
        `${this.configPath} holds a key and can be read by others; mend it with: chmod 600 ${this.configPath}`,
      );
    if (this.options.stsToken !== undefined) this.warn("-t has no effect here: there are no STS tokens");
    if (endpoint === undefined) this.#region = place?.region ?? null;
    return createClient({ address, key: secret });
  }

  /** The region of the server, which is ClusterId in paths. */
  async region(): Promise<string> {
    const { client } = this;
    this.#region ??= (await client.call("DescribeRegions", {})).Regions[0]!.RegionId;
    return this.#region;
  }

  /** Path of an operation on one service; `region/name` is accepted too (eas-reference §2.0). */
  async service(text: string): Promise<{ ClusterId: string; ServiceName: string }> {
    const at = text.indexOf("/");
    if (at >= 0) return { ClusterId: text.slice(0, at), ServiceName: text.slice(at + 1) };
    return { ClusterId: await this.region(), ServiceName: text };
  }

  /** A step that went well. With JSON output it goes to standard error, for standard output is one JSON document then. */
  ok(text: string): void {
    this.#line("OK", text, this.isJson ? this.io.err : this.io.out);
  }

  warn(text: string): void {
    this.#line("WARNING", text, this.io.err);
  }

  error(text: string): void {
    this.#line("ERROR", text, this.io.err);
  }

  #line(tag: keyof typeof COLOURS, text: string, write: (text: string) => void): void {
    write(`${this.coloured(`[${tag}]`, COLOURS[tag])} ${this.#subject}${text}\n`);
  }

  /** Text in a colour (of ECMA-48, SGR), on a terminal whose user has not said NO_COLOR. */
  coloured(text: string, colour: number): string {
    const isColoured = this.io.isTerminal && !this.io.env.NO_COLOR;
    return isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text;
  }

  /** A list as wide as this terminal bears. */
  list<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
    return listTable(columns, rows, this.io.columns);
  }

  /** Keys and values as wide as this terminal bears. */
  keys(rows: readonly (readonly [key: string, value: string | number])[]): string {
    return keyTable(rows, this.io.columns);
  }

  /** Shows an answer: as it is in JSON, else by RequestId and what `human` adds. */
  show(answer: { readonly RequestId: string }, human: () => string = () => ""): void {
    if (this.isJson) this.io.out(`${JSON.stringify(answer, null, 2)}\n`);
    else this.io.out(`[RequestId]: ${answer.RequestId}\n${human()}`);
  }

  /** Shows what is known without the API: as JSON, or for people. */
  tell(facts: object, human: () => string): void {
    this.io.out(this.isJson ? `${JSON.stringify(facts, null, 2)}\n` : human());
  }

  /** Names what was asked for and does nothing there. */
  warnOf(answer: { readonly NotEffective?: readonly string[] }): void {
    for (const path of answer.NotEffective ?? []) this.warn(`${path} has no effect here yet`);
  }

  /**
   * Asks before something is taken away; `-y` answers for everybody.
   * @throws Misuse when there is nobody to ask
   */
  async confirm(question: string): Promise<boolean> {
    if (this.options.yes) return true;
    if (!this.io.isTerminal)
      throw new Misuse(`this needs a yes, and there is no terminal to ask at; add -y: ${question}`);
    return /^(y|yes)$/i.test((await this.io.ask(question)).trim());
  }

  /** What a verb ends with when the answer was no. */
  declined(): ExitCode {
    this.io.err("Nothing was changed.\n");
    return EXIT.failed;
  }
}
