import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "../api/client.ts";
import { runDemo } from "../cli/demo/demo.ts";
import type { ClientConfig } from "./access-key.ts";
import { claimPort, PortTaken } from "./ports.ts";
import { homeLayout, SERVE_SETTINGS } from "./settings.ts";

const ROOT = dirname(dirname(import.meta.dirname));
/** A start takes about a second; a machine that is busy with its first compilation takes several. */
const START_MS_MAX = 60_000;
const POLL_MS = 50;

/**
 * `sluice demo`: a Sluice of its own in a temporary home, the canary example on it, and an end that leaves nothing.
 * Resolves to the exit code.
 */
export async function runDemoRole(options: { readonly exitWhenDone: boolean }): Promise<number> {
  const home = mkdtempSync(join(tmpdir(), "sluice-demo-"));
  const stop = new AbortController();
  const interrupt = () => stop.abort(new Error("interrupted"));
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  let serve: ChildProcess | null = null;
  try {
    const host = SERVE_SETTINGS.host.defaultValue;
    const port = await portOrFree(host, SERVE_SETTINGS.port.defaultValue);
    const apiPort = await portOrFree(host, SERVE_SETTINGS.apiPort.defaultValue);
    // A process group of its own: Ctrl-C in the terminal reaches only us, and we end it in order.
    serve = spawn(
      process.execPath,
      [
        ...process.execArgv,
        join(ROOT, "src", "main.ts"),
        "serve",
        "--home",
        home,
        "--port",
        String(port),
        "--api-port",
        String(apiPort),
      ],
      { stdio: ["ignore", "ignore", "inherit"], detached: true },
    );
    const config = await untilReady(serve, home, stop.signal);
    return await runDemo({
      api: createClient({ address: config.address, key: config.key }),
      gatewayUrl: config.gateway,
      exampleDir: join(ROOT, "examples", "pmml-canary"),
      command: `SLUICE_HOME=${home} bin/sluice`,
      io: { write: (text) => void process.stdout.write(text), isTerminal: process.stdout.isTTY === true },
      exitWhenDone: options.exitWhenDone,
      signal: stop.signal,
    });
  } finally {
    if (serve !== null) await end(serve);
    rmSync(home, { recursive: true, force: true });
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
  }
}

/** The port people expect, or a free one when somebody has it. */
async function portOrFree(host: string, port: number): Promise<number> {
  try {
    return await claimPort("the demo", host, port, "--port");
  } catch (error) {
    if (error instanceof PortTaken) return 0;
    throw error;
  }
}

async function untilReady(serve: ChildProcess, home: string, signal: AbortSignal): Promise<ClientConfig> {
  const file = homeLayout(home).clientConfig;
  const end = performance.now() + START_MS_MAX;
  while (performance.now() < end) {
    signal.throwIfAborted();
    if (serve.exitCode !== null) throw new Error(`sluice serve ended with code ${serve.exitCode}`);
    if (existsSync(file)) {
      const config = JSON.parse(readFileSync(file, "utf8")) as ClientConfig;
      const answer = await fetch(`${config.address}/healthz`, { signal }).catch(() => null);
      if (answer?.ok === true) return config;
    }
    await pause(POLL_MS);
  }
  throw new Error(`sluice serve was not ready after ${START_MS_MAX} ms`);
}

async function end(serve: ChildProcess): Promise<void> {
  if (serve.exitCode !== null || serve.signalCode !== null) return;
  const ended = once(serve, "exit");
  serve.kill("SIGTERM");
  await ended;
}
