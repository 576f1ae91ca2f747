import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Longest wait for something that was started. */
const START_MS_MAX = 30_000;

/** What a benchmark starts: processes and files. It is their one owner, and ends them. */
export class Stage {
  readonly dir = mkdtempSync(join(tmpdir(), "sluice-bench-"));
  readonly #children = new Set<ChildProcess>();
  readonly #ends: (() => void)[] = [];
  #folders = 0;
  /** Ctrl-C does not reach children in groups of their own. */
  readonly #interrupted = () => {
    this.end();
    process.exit(130);
  };

  constructor() {
    process.once("SIGINT", this.#interrupted);
  }

  /** A new folder; a word of its purpose is in its name. Short, as sockets are in it. */
  folder(purpose: string): string {
    const path = join(this.dir, `${purpose.replaceAll(/\W+/g, "-").slice(0, 20)}-${++this.#folders}`);
    mkdirSync(path);
    return path;
  }

  /** Starts a program with as many open files as the machine lets it have; what it says as an error is shown. */
  start(command: string, args: readonly string[]): ChildProcess {
    return this.#spawn(command, args, ["ignore", "ignore", "inherit"]);
  }

  /** The same, with its standard input and output as pipes. */
  startTalking(command: string, args: readonly string[]): ChildProcess {
    return this.#spawn(command, args, ["pipe", "pipe", "inherit"]);
  }

  /** To be called at the end, the last one first. */
  atEnd(end: () => void): void {
    this.#ends.push(end);
  }

  end(): void {
    process.off("SIGINT", this.#interrupted);
    for (const end of this.#ends.toReversed()) end();
    for (const child of this.#children) {
      // The whole group: workers of an nginx that is killed would live on, and hold open what they inherited.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  #spawn(command: string, args: readonly string[], stdio: ("ignore" | "inherit" | "pipe")[]): ChildProcess {
    const script = 'ulimit -n "$(ulimit -Hn)" 2>/dev/null; exec "$0" "$@"';
    const child = spawn("sh", ["-c", script, command, ...args], { stdio, detached: true });
    this.#children.add(child);
    child.once("exit", () => this.#children.delete(child));
    return child;
  }
}

/** A port of the loopback that nobody uses now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

/** Tries until it works, at most {@link START_MS_MAX}. */
export async function eventually<T>(attempt: () => Promise<T>, what: string): Promise<T> {
  const giveUpAt = performance.now() + START_MS_MAX;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > giveUpAt)
        throw new Error(`waited ${START_MS_MAX / 1000} s for ${what}`, { cause: error });
      await pause(20);
    }
  }
}

/** A benchmark measures over time, so it does wait for time to pass. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Ends the program with the command that installs them when programs are missing. */
export function requirePrograms(...programs: readonly string[]): void {
  process.env.PATH = `${process.env.PATH}:/usr/sbin`;
  const missing = programs.filter((program) => spawnSync("which", [program]).status !== 0);
  if (missing.length === 0) return;
  const packages = missing.map((program) => (program === "nginx" ? "nginx-light" : program)).join(" ");
  console.error(
    `missing: ${missing.join(", ")}. On Debian and Ubuntu: sudo apt-get install -y --no-install-recommends ${packages}`,
  );
  process.exit(1);
}
