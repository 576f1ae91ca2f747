import { homedir } from "node:os";
import { type CliIo, EXIT } from "./cli-io.ts";

/** The CLI's surroundings in a real process. What costs time to load is loaded when it is used. */
export function processIo(): CliIo {
  // `sluice ls | head -3`: the reader has what it wanted, and that is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
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
    monotonic: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    interruptible: async (work) => {
      const controller = new AbortController();
      const interrupt = () => controller.abort(new Error("interrupted"));
      process.once("SIGINT", interrupt);
      try {
        return await work(controller.signal);
      } finally {
        process.off("SIGINT", interrupt);
      }
    },
  };
}
