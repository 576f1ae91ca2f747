import { type ApiClient, createClient } from "../api/client.ts";
import { type CliIo, EXIT, type ExitCode, Failure, Misuse } from "./cli-io.ts";
import { asAddress, configPath, readConfig } from "./client-config.ts";
import { makeRequestId } from "./request-id.ts";

/** The options that stand before or after every verb. */
export interface GlobalOptions {
  readonly config?: string;
  readonly endpoint?: string;
  readonly key?: string;
  readonly output?: "table" | "json";
  readonly yes?: boolean;
}

const COLOURS = { OK: 32, WARNING: 33, ERROR: 31 } as const;

/** One call of the CLI: where it speaks to, and how it shows what it hears. */
export class Session {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  #client: ApiClient | null = null;
  #region: string | null = null;

  constructor(io: CliIo, options: GlobalOptions) {
    this.io = io;
    this.options = options;
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

  #connect(): ApiClient {
    const { endpoint, key } = this.options;
    const isWhole = endpoint !== undefined && key !== undefined;
    const config = isWhole && this.options.config === undefined ? null : readConfig(this.configPath);
    const address = endpoint === undefined ? config?.address : asAddress(endpoint);
    const secret = key ?? config?.key;
    if (address === undefined || secret === undefined) {
      throw new Failure(
        `there is no ${this.configPath}; start a server with: sluice serve, or name one with: sluice config -k <key> -e <address>`,
      );
    }
    if (endpoint === undefined) this.#region = config?.region ?? null;
    return createClient({ address, key: secret, makeRequestId });
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
    const isColoured = this.io.isTerminal && this.io.env.NO_COLOR === undefined;
    write(`${isColoured ? `\u001b[${COLOURS[tag]}m[${tag}]\u001b[0m` : `[${tag}]`} ${text}\n`);
  }

  /** Shows an answer: as it is in JSON, else by RequestId and what `human` adds. */
  show(answer: { readonly RequestId: string }, human: () => string = () => ""): void {
    if (this.isJson) this.io.out(`${JSON.stringify(answer, null, 2)}\n`);
    else this.io.out(`[RequestId]: ${answer.RequestId}\n${human()}`);
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
