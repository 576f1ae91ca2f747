import { CommanderError } from "commander";
import { ApiError, UnreachableError } from "../api/client.ts";
import { type CliIo, EXIT, Failure, Misuse } from "./cli-io.ts";
import { buildProgram } from "./program.ts";
import { type GlobalOptions, Session } from "./session.ts";
import type { LocalVerb } from "./verb.ts";

/** What the composition root adds to the command line. */
export interface CliParts {
  /** Version of Sluice. */
  readonly version: string;
  /** Verbs that run in this process: `serve`, `test` and `demo`. */
  readonly locals: readonly LocalVerb[];
}

/**
 * Runs one command line, `argv` without node and script, and resolves to the exit code: 0 done, 1 failed, 2 misuse.
 * A wait that Ctrl-C ends is 1: nobody knows yet whether what was asked for comes true.
 */
export async function runCli(argv: readonly string[], io: CliIo, parts: CliParts): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = buildProgram(parts.version, parts.locals, {
    runVerb: async (verb, args, options, globals) => {
      const session = new Session(io, globals as GlobalOptions);
      try {
        const { run } = await verb.load();
        exitCode = await run(session, args, options);
      } catch (error) {
        exitCode = reportError(session, error);
      }
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
    if (error.requestId !== "") session.io.err(`[RequestId]: ${error.requestId}\n`);
    return EXIT.failed;
  }
  if (error instanceof Misuse || error instanceof Failure) {
    session.error(error.message);
    return error instanceof Misuse ? EXIT.misuse : EXIT.failed;
  }
  throw error;
}

/** One problem of a document, as the API tells it. */
export interface Problem {
  readonly Path: string;
  readonly Found: string;
  readonly Allowed: string;
}

/** Several problems of one document stand below each other. */
export function problemsText(problems: readonly Problem[]): string {
  const lines = problems.map(({ Path, Found, Allowed }) => `  ${Path}: found ${Found}, allowed: ${Allowed}`);
  return [`${problems.length} problems`, ...lines].join("\n");
}

function messageOf(error: ApiError): string {
  const problems = error.body.Problems;
  if (!Array.isArray(problems) || problems.length < 2) return error.message;
  return problemsText(problems as readonly Problem[]);
}
