import { CommanderError } from "commander";
import { ApiError, UnreachableError } from "../api/client.ts";
import { type CliIo, EXIT, Failure, Misuse } from "./cli-io.ts";
import { messageOf } from "./error-text.ts";
import { buildProgram } from "./program.ts";
import { type GlobalOptions, Session } from "./session.ts";
import type { LocalVerb } from "./verb.ts";

/** What the composition root adds to the command line. */
export interface CliParts {
  /** Version of Sluice. */
  readonly version: string;
  /** Versions of Node that it runs on. */
  readonly node: string;
  /** Verbs that run in this process: `serve`, `test` and `demo`. */
  readonly locals: readonly LocalVerb[];
}

/**
 * Runs one command line, `argv` without node and script, and resolves to the exit code (EXIT).
 * A wait that Ctrl-C ends is 1: nobody knows yet whether what was asked for comes true.
 */
export async function runCli(argv: readonly string[], io: CliIo, parts: CliParts): Promise<number> {
  if (argv[0] === "completion" && argv[1] === "words") {
    const { printCandidates } = await import("./completion/print.ts");
    await printCandidates(argv.slice(argv[2] === "--" ? 3 : 2), io, parts.locals);
    return EXIT.done;
  }
  let exitCode: number = EXIT.done;
  const program = buildProgram(parts.version, parts.locals, {
    runVerb: async (verb, args, options, globals) => {
      let session = new Session(io, globals as GlobalOptions);
      try {
        const { run } = await verb.load();
        session = await Session.open(io, globals as GlobalOptions, parts);
        exitCode = await run(session, args, options);
      } catch (error) {
        const code = reportError(session, error);
        exitCode = code === EXIT.failed ? (verb.failureCode ?? code) : code;
      }
    },
    runAbsent: (verb, globals) => {
      const session = new Session(io, globals as GlobalOptions);
      const Message = `${verb.name} is not in this version: ${verb.what}. Meanwhile: ${verb.instead}`;
      if (session.isJson) io.err(`${JSON.stringify({ Code: "NotImplemented", Message }, null, 2)}\n`);
      else session.error(Message);
      exitCode = EXIT.absent;
    },
    runLocal: async (verb, args, options) => {
      exitCode = await verb.run(options, args);
    },
  });
  const settle = (command: typeof program): void => {
    command
      .exitOverride()
      .configureOutput({ writeOut: io.out, writeErr: io.err, outputError: (text, write) => write(text) });
    command.commands.forEach((child) => void settle(child as typeof program));
  };
  settle(program);
  try {
    await program.parseAsync([...argv], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.code === "commander.helpDisplayed" || error.code === "commander.version";
    return isHelp ? EXIT.done : EXIT.misuse;
  }
  return exitCode;
}

/** Tells what went wrong, once, on standard error. Anything unknown is a bug and keeps its stack. */
export function reportError(session: Session, error: unknown): number {
  if (error instanceof ApiError) {
    if (session.isJson) session.io.err(`${JSON.stringify(error.body, null, 2)}\n`);
    else {
      session.error(`${error.code}: ${messageOf(error)}`);
      if (error.requestId !== "") session.io.err(`[RequestId]: ${error.requestId}\n`);
    }
    return EXIT.failed;
  }
  if (error instanceof UnreachableError) {
    session.error(`${error.message}. Is the server running? Start it with: sluice serve`);
    return EXIT.failed;
  }
  if (error instanceof Misuse || error instanceof Failure) {
    session.error(error.message);
    return error instanceof Misuse ? EXIT.misuse : EXIT.failed;
  }
  throw error;
}
