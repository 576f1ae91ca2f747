import { UnreachableError } from "../api/client.ts";
import { EXIT, type ExitCode, Misuse } from "./cli-io.ts";
import type { Session } from "./session.ts";

/** What a request goes to. */
export interface Target {
  readonly address: string;
  readonly token: string;
}

/** Sends one request and shows what it led to: the answer's body on standard output, or why there is none on standard error. */
export async function showAnswer(
  session: Session,
  target: Target,
  rest: string,
  headers: Record<string, string>,
  body: Uint8Array | undefined,
  signal?: AbortSignal,
): Promise<ExitCode> {
  const { status, text, answer } = await send(target, rest, headers, body, signal);
  if (status >= 200 && status <= 299) {
    session.io.out(answer);
    // A prompt right behind a body without a line break is hard to read.
    if (session.io.isTerminal && answer.at(-1) !== 0x0a) session.io.out("\n");
    return EXIT.done;
  }
  session.error(text);
  if (answer.length > 0) session.io.err(`${new TextDecoder().decode(answer).trimEnd()}\n`);
  return EXIT.failed;
}

async function send(
  target: Target,
  rest: string,
  headers: Record<string, string>,
  body: Uint8Array | undefined,
  signal: AbortSignal | undefined,
) {
  const init: RequestInit = { headers: { authorization: target.token, ...headers } };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) Object.assign(init, { method: "POST", body });
  try {
    const response = await fetch(target.address + rest, init);
    const reason = response.headers.get("x-sluice-reason");
    const who = reason === null ? ", answered by the processor" : ` (${reason})`;
    const text = `HTTP ${`${response.status} ${response.statusText}`.trim()}${who}`;
    return { status: response.status, text, answer: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    const cause = (error as Error).cause;
    throw new UnreachableError(target.address, cause instanceof Error ? cause.message : String(error), {
      cause: error,
    });
  }
}

/** Headers as they are given on the command line: `name: value`. */
export function readHeaders(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*(.*)$/.exec(text);
      if (!match) throw new Misuse(`-H ${text}: write it as name: value`);
      return [match[1]!, match[2]!];
    }),
  );
}
