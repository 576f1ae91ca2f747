import { homedir } from "node:os";
import { type CliIo, EXIT } from "./cli-io.ts";

/** What goes on and can be interrupted: `apply` waits for many services at once. */
const running = new Set<AbortController>();

/** Ctrl-C ends all of it; a second one, with nobody listening any more, ends the process. */
function interruptAll(): void {
  for (const controller of running) controller.abort(new Error("interrupted"));
}

/** The CLI's surroundings in a real process. What costs time to load is loaded when it is used. */
export function processIo(): CliIo {
  // `sluice ls | head -3`: the reader has what it wanted, and that is no failure.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(EXIT.done);
    });
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isTerminal: process.stdin.isTTY === true && process.stdout.isTTY === true,
    columns: process.stdout.isTTY === true ? process.stdout.columns : null,
    ask: async (question) => {
      const { createInterface } = await import("node:readline/promises");
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      try {
        // Ctrl-C and the end of input answer nothing, which is not yes.
        const ended = new Promise<null>((resolve) => lines.once("close", () => resolve(null)));
        const answer = await Promise.race([lines.question(question), ended]);
        if (answer === null) process.stdout.write("\n");
        return answer ?? "";
      } finally {
        lines.close();
      }
    },
    readInput: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    },
    env: process.env,
    cwd: process.cwd(),
    homeDir: homedir(),
    now: () => Date.now(),
    monotonic: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    interruptible: async (work) => {
      const controller = new AbortController();
      if (running.size === 0) process.once("SIGINT", interruptAll);
      running.add(controller);
      try {
        return await work(controller.signal);
      } finally {
        running.delete(controller);
        if (running.size === 0) process.off("SIGINT", interruptAll);
      }
    },
  };
}
