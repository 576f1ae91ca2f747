import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { CliIo } from "../cli/cli-io.ts";
import { type CliParts, runCli } from "../cli/main.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "./api-app.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  /** Lines that somebody at a terminal types; without it there is no terminal. */
  readonly answers?: readonly string[];
  /** Called instead of each pause between two looks. */
  readonly onSleep?: (interrupt: () => void) => void;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Width of the terminal; without it there is none. */
  readonly columns?: number;
  readonly parts?: Partial<CliParts>;
}

/**
 * A Sluice API over a control plane in memory, on a real port, a home with its `config.json`, and the CLI to run
 * against it in this process. Time stands still but for pauses, which take none.
 */
export async function cliBench(t: TestContext, place: { readonly gatewayAddress?: string } = {}) {
  const { app, control } = apiApp({}, place.gatewayAddress);
  const address = await app.listen({ host: "127.0.0.1", port: 0 });
  const home = mkdtempSync(join(tmpdir(), "sluice-cli-"));
  t.after(async () => {
    await app.close();
    rmSync(home, { recursive: true, force: true });
  });
  const write = (name: string, content: unknown): string => {
    const path = join(home, name);
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    return path;
  };
  const config = { address, key: TEST_KEY, region: "local", gateway: "http://127.0.0.1:8080" };
  chmodSync(write("config.json", config), 0o600);

  async function run(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
    let out = "";
    let err = "";
    let nowMs = 0;
    const answers = [...(options.answers ?? [])];
    const stop = new AbortController();
    const io: CliIo = {
      out: (text) => {
        out += typeof text === "string" ? text : new TextDecoder().decode(text);
      },
      err: (text) => {
        err += text;
      },
      isTerminal: options.answers !== undefined,
      columns: options.columns ?? null,
      ask: async (question) => {
        const answer = answers.shift() ?? "";
        out += `${question}${answer}\n`;
        return answer;
      },
      readInput: async () => new TextEncoder().encode(options.stdin ?? ""),
      env: { SLUICE_HOME: home, NO_COLOR: "1", ...options.env },
      cwd: home,
      homeDir: home,
      now: () => control.nowMs,
      monotonic: () => nowMs,
      sleep: async (ms) => {
        nowMs += ms;
        (options.onSleep ?? (() => control.settle()))(() => stop.abort());
        // A turn of the loop, so that an interrupt is seen before the next look.
        await new Promise((resolve) => setImmediate(resolve));
      },
      interruptible: (work) => work(stop.signal),
    };
    const code = await runCli(argv, io, { version: "9.8.7", node: ">=26.0.0", locals: [], ...options.parts });
    return { code, out, err };
  }
  return { app, control, address, home, write, run };
}

/** The seeds' two services, running. */
export async function withPair(t: TestContext) {
  const bench = await cliBench(t);
  await bench.control.createService(pmmlDocument("pmml_prod", 4));
  bench.control.nowMs += 49_000;
  await bench.control.createService(pmmlDocument("pmml_grey", 1));
  bench.control.settle();
  return bench;
}

/** RequestIds count up in the test server. */
export const masked = (text: string) => text.replace(/[0-9A-F]{8}-[0-9A-F-]{27}/g, "<id>");
