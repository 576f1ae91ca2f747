import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Installation, ROOT } from "./installation.ts";
import { until } from "./until.ts";

const BLOCK_MS_MAX = 120_000;
/** A look is tried until it shows what the guide shows: counts, for one, come with the next second's report. */
const LOOK_MS_MAX = 60_000;

/** How a document begins that is read in two terminals: the installation of the test stands for the first one. */
const FIRST_TERMINAL = /^(make setup|(bin\/)?sluice serve( .*)?)$/;

/** One block of commands in a document. */
export interface ShellBlock {
  readonly heading: string;
  readonly script: string;
  /** What it prints, from the `text` block right behind it; null: the document does not say. */
  readonly shown: string | null;
}

/** The `sh` blocks of a document in the repository, in order, without those of the first terminal. */
export function shellBlocks(path: string): ShellBlock[] {
  const found: ShellBlock[] = [];
  const pattern = /^#+ (.+)$|^```sh\n([\s\S]*?)^```$(?:\n+```text\n([\s\S]*?)^```$)?/gm;
  let heading = "";
  for (const match of readFileSync(join(ROOT, path), "utf8").matchAll(pattern)) {
    if (match[1] !== undefined) heading = match[1];
    else if (
      !match[2]!
        .trimEnd()
        .split("\n")
        .every((line) => FIRST_TERMINAL.test(line))
    )
      found.push({ heading, script: match[2]!, shown: match[3] ?? null });
  }
  return found;
}

/**
 * A terminal of a reader: runs blocks one after the other in one shell, in a folder of its own, against a real installation. Addresses
 * in the text are the default ones and stand for the installation's. A block of which the document shows no output sets things up: it is run once
 * and has to succeed. One whose output is shown is a look at things, changes nothing, and is repeated until it prints that, where
 * `…` stands for anything in a line, and as a line of its own for any lines.
 */
export class GuideShell {
  readonly folder = mkdtempSync(join(tmpdir(), "sluice-guide-"));
  readonly #shell: ChildProcess;
  readonly #stands: [string, string][];
  #said = "";
  #count = 0;

  constructor(sluice: Installation) {
    const { gateway, address } = sluice.clientConfig();
    this.#stands = [
      ["PATH_TO_SLUICE", ROOT],
      ["127.0.0.1:8080", new URL(gateway).host],
      ["127.0.0.1:8081", new URL(address).host],
    ];
    const env = { ...sluice.env(), PATH: `${join(ROOT, "bin")}:${process.env.PATH}` };
    // A group of its own: what the blocks leave in the background ends with it.
    this.#shell = spawn("sh", [], {
      cwd: this.folder,
      env,
      stdio: ["pipe", "pipe", "inherit"],
      detached: true,
    });
    this.#shell.stdin!.on("error", () => {}); // it has ended: its exit code is looked at
    this.#shell.stdout!.on("data", (chunk) => (this.#said += String(chunk)));
  }

  /** From now on `text` of the document means `here`. */
  stand(text: string, here: string): void {
    this.#stands.push([text, here]);
  }

  /** Runs one block as its kind asks for; its output. */
  async run(block: ShellBlock): Promise<string> {
    const { shown, script } = block;
    if (shown === null) {
      const { code, output } = await this.#once(`set -eu\n${script}\nset +eu`);
      assert.equal(code, 0, `under "${block.heading}":\n${script}\n${output}`);
      return output;
    }
    const wanted = patternOf(this.#meant(shown));
    let last = "";
    await until(
      async () => {
        last = (await this.#once(`(set -eu\n${script}\n)`)).output;
        return wanted.test(`${trimLines(last)}\n`);
      },
      `the guide's output under "${block.heading}"`,
      LOOK_MS_MAX,
      () => `\n${script}\nshown:\n${shown}\nprinted:\n${last}`,
    );
    return last;
  }

  #meant(text: string): string {
    return this.#stands.reduce((meant, [from, to]) => meant.replaceAll(from, to), text);
  }

  /** One script in the shell, which a failing command of a block that sets things up ends. */
  async #once(script: string): Promise<{ readonly code: number; readonly output: string }> {
    const number = ++this.#count;
    const file = join(this.folder, `.block-${number}`);
    writeFileSync(`${file}.sh`, this.#meant(script));
    this.#shell.stdin!.write(`. ${file}.sh </dev/null >${file}.out 2>&1; echo "${number}: $?"\n`);
    const mark = new RegExp(`^${number}: (\\d+)$`, "m");
    await until(
      () => mark.test(this.#said) || this.#shell.exitCode !== null,
      "a block of commands to end",
      BLOCK_MS_MAX,
      () => `\n${script}\n${readFileSync(`${file}.out`, "utf8")}`,
    );
    return {
      code: Number(mark.exec(this.#said)?.[1] ?? this.#shell.exitCode),
      output: readFileSync(`${file}.out`, "utf8"),
    };
  }

  close(): void {
    try {
      process.kill(-this.#shell.pid!, "SIGKILL");
    } catch {
      // it ended with its last command
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const trimLines = (text: string) => text.replace(/[ \t]+$/gm, "").trimEnd();

function patternOf(shown: string): RegExp {
  const lines = trimLines(shown)
    .split("\n")
    .map((line) => {
      if (line.trim() === "…") return "(?:.*\n)*?";
      return `${line
        .split("…")
        .map((text) => RegExp.escape(text))
        .join(".*")}\n`;
    });
  return new RegExp(`^${lines.join("")}$`);
}
