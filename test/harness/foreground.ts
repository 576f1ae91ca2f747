import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { ROOT } from "./installation.ts";
import { until } from "./until.ts";

/** A `sluice` in the foreground, in a place of its own for whatever it leaves behind. */
export class Foreground {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly #ended: Promise<string>;

  constructor(place: Place, argv: readonly string[]) {
    this.child = spawn(join(ROOT, "bin", "sluice"), argv, {
      cwd: place.folder,
      env: { ...process.env, TMPDIR: place.temporary, SLUICE_HOME: place.home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stdout!.on("data", (chunk) => (this.out += String(chunk)));
    this.child.stderr!.on("data", (chunk) => (this.err += String(chunk)));
    this.#ended = new Promise((done) =>
      this.child.on("close", (code, signal) => done(String(code ?? signal))),
    );
  }

  /** Exit code or signal, once all it printed has come. */
  ended(): Promise<string> {
    return this.#ended;
  }

  async untilPrinted(pattern: RegExp): Promise<string> {
    const text = () => this.out + this.err;
    const isOver = () => this.child.exitCode !== null;
    await until(() => pattern.test(text()) || isOver(), `${pattern} to be printed`, 60_000, text);
    const match = pattern.exec(text());
    if (match === null) throw new Error(`it ended without ${pattern}:\n${text()}`);
    return match[1] ?? match[0];
  }
}

/** A folder, a home that is not there, and an empty folder for temporary files; nothing of it is left after the test. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-place-"));
  readonly home = join(this.folder, "home");
  readonly temporary = mkdtempSync(join(tmpdir(), "sluice-t-"));
  readonly #started: Foreground[] = [];

  constructor(t: TestContext) {
    t.after(async () => {
      for (const { child } of this.#started) child.kill("SIGKILL");
      await Promise.all(this.#started.map((f) => f.ended()));
      for (const path of [this.folder, this.temporary])
        rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    });
  }

  run(...argv: string[]): Foreground {
    const started = new Foreground(this, argv);
    this.#started.push(started);
    return started;
  }

  /** What is left of temporary files. */
  leftOver(): string[] {
    return readdirSync(this.temporary);
  }
}
