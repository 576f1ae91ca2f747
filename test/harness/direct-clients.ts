import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { ROOT } from "./installation.ts";
import { sdkPython } from "./python-sdk.ts";

export interface DirectClient {
  /** `host:port` of the gateway. */
  readonly endpoint: string;
  /** What stands behind `/api/predict/`. */
  readonly service: string;
  readonly token: string;
  readonly threads: number;
}

/** What a client came to since the last look. */
export interface DirectCounts {
  /** Instances that the SDK chose: one for each request, and one for each try after the first. */
  readonly tries: number;
  readonly right: number;
  /** Right answers, by their text. */
  readonly members: Readonly<Record<string, number>>;
  /** What the SDK raised, after all its tries. */
  readonly failures: Readonly<Record<string, number>>;
}

/** The SDK calls instances in a way that urllib3 warns of. */
const QUIET = { PYTHONWARNINGS: "ignore" };

/** A process of the real Python SDK whose clients call instances themselves, without a pause, until it is stopped. */
export class DirectClients {
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  stderr = "";

  constructor(clients: readonly DirectClient[], env: NodeJS.ProcessEnv = {}) {
    const script = join(ROOT, "test", "fixtures", "sdk", "direct.py");
    this.#child = spawn(sdkPython(), [script, JSON.stringify(clients)], {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...QUIET, ...env },
    });
    this.#child.stderr!.on("data", (chunk: Buffer) => (this.stderr += chunk.toString()));
    this.#lines = createInterface({ input: this.#child.stdout! });
  }

  /** What each client came to since the last look. */
  async take(): Promise<readonly DirectCounts[]> {
    return this.#say("take");
  }

  /** Ends all calls, and gives the rest of the counts. */
  async stop(): Promise<readonly DirectCounts[]> {
    return this.#say("stop");
  }

  async #say(word: string): Promise<readonly DirectCounts[]> {
    const answer = once(this.#lines, "line");
    const ended = once(this.#lines, "close").then((): never => {
      throw new Error(`the client has ended: ${this.stderr}`);
    });
    this.#child.stdin!.write(`${word}\n`);
    const [line] = await Promise.race([answer, ended]);
    return JSON.parse(line as string) as readonly DirectCounts[];
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
