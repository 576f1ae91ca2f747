import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../adapters/system/random.ts";
import { wholeNumber } from "../base/settings.ts";
import { type CliIo, EXIT, type ExitCode, Failure, Misuse } from "../cli/cli-io.ts";
import { readData } from "../cli/data.ts";
import { readDocument } from "../cli/document.ts";
import { problemsText } from "../cli/error-text.ts";
import { reportError } from "../cli/main.ts";
import { readHeaders, showAnswer } from "../cli/request.ts";
import { Session } from "../cli/session.ts";
import { listOption, textOption, type VerbOptions } from "../cli/verb.ts";
import { waitOptions } from "../cli/wait.ts";
import { ServingError } from "../core/errors.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { parseJson } from "../core/spec/parse-json.ts";
import type { ParsedSpec } from "../core/spec/service-spec.ts";
import { FetchError } from "../ports/files.ts";
import { BadStoreSettings } from "./object-stores.ts";
import { claimPort, PortTaken } from "./ports.ts";
import { prepareTest } from "./test-files.ts";
import { type Serving, TestInstance } from "./test-instance.ts";

const PORT_MAX = 65_535;
/** Enough to be nobody else's by chance; it opens a port of this machine for as long as the command runs. */
const TOKEN_BYTES = 12;

/** What the command line asks for. */
interface TestOrder {
  /** Null: a free one. */
  readonly port: number | null;
  readonly timeoutSeconds: number;
  /** Requests to send before it ends, in order; null: it serves until it is told to end. */
  readonly requests: readonly (Uint8Array | undefined)[] | null;
  readonly headers: Record<string, string>;
  readonly path: string;
}

/**
 * `sluice test`: one instance of a service in the foreground, without a control process, and an end that leaves nothing. Resolves to the
 * exit code: 0 ended as asked, or every request was answered 2xx; 1 it did not come up, failed, or a request was refused.
 */
export async function runTestRole(file: string, options: VerbOptions, io: CliIo): Promise<number> {
  const isSending = options.request !== undefined || options.data !== undefined || options.get === true;
  // Then standard output has the answers and nothing else.
  const session = new Session(io, {});
  const steps = isSending ? new Session({ ...io, out: (text) => io.err(String(text)) }, {}) : session;
  const ends = followSignals(steps);
  const folder = mkdtempSync(join(tmpdir(), "sluice-test-"));
  try {
    const order = await readOrder(options, io, isSending);
    const parsed = parseSpec(readJson(file, io));
    for (const path of parsed.notEffective) steps.warn(`${path} has no effect here yet`);
    return await test(parsed, order, { session, steps, folder, env: io.env, ...ends });
  } catch (error) {
    return reportTestError(steps, error, ends.stop);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    ends.forget();
  }
}

/** The document of a file. @throws Failure, naming the file, for one that cannot be read or is not JSON */
function readJson(file: string, io: CliIo): unknown {
  try {
    return parseJson(readDocument(file, "http://127.0.0.1", io));
  } catch (error) {
    if (!(error instanceof ServingError) || error.code !== "INVALID_JSON") throw error;
    const { detail } = error.facts as { detail: string };
    throw new Failure(`${file} is not JSON: ${detail}`, { cause: error });
  }
}

interface Surroundings {
  /** What answers are shown by. */
  readonly session: Session;
  /** What everything else is. */
  readonly steps: Session;
  /** Of everything that this run writes. */
  readonly folder: string;
  readonly env: CliIo["env"];
  /** Ctrl-C. */
  readonly stop: AbortSignal;
  /** Ctrl-C again. */
  readonly hurry: AbortSignal;
}

async function test({ spec }: ParsedSpec, order: TestOrder, around: Surroundings): Promise<ExitCode> {
  const { steps, session, folder, env, stop, hurry } = around;
  if (order.port !== null) await claimPort("the service", "127.0.0.1", order.port, "--port");
  const shown = new Set<string>();
  const say = (line: string) => {
    if (!shown.has(line)) steps.ok(line);
    shown.add(line);
  };
  const files = await prepareTest(spec, { folder, env, say, signal: stop });
  const token = spec.token ?? systemRandom.hex(TOKEN_BYTES);
  const instance = new TestInstance({ spec, files, token, folder, port: order.port });
  const logs = instance.showLogs((line) =>
    (order.requests === null ? session.io.out : session.io.err)(`${line}\n`),
  );
  let code: ExitCode = EXIT.failed;
  try {
    const serving = await instance.start(say, order.timeoutSeconds * 1000, stop);
    sayServing(steps, serving);
    if (order.requests === null) code = await instance.untilEnd(stop);
    else code = await sendAll(session, serving, order, stop);
  } finally {
    await instance.end(spec.terminationGraceMs, hurry);
    await logs;
  }
  if (!stop.aborted || order.requests !== null) return code;
  steps.ok(hurry.aborted ? "Service was ended" : "Service has drained and ended");
  return hurry.aborted ? EXIT.failed : code;
}

function sayServing(steps: Session, { url, token, facts }: Serving): void {
  for (const fact of facts) steps.ok(fact);
  steps.ok(`Serving at: [${url}]`);
  if (token !== null) steps.ok(`Token: ${token}`);
  steps.ok(`Try it: curl ${token === null ? "" : `-H 'Authorization: ${token}' -d 'YOUR DATA' `}${url}`);
}

/** Each in its turn; the first that is refused ends it. */
async function sendAll(
  session: Session,
  { url, token }: Serving,
  { requests, headers, path }: TestOrder,
  signal: AbortSignal,
): Promise<ExitCode> {
  const target = { address: url.replace(/\/$/, ""), token: token ?? "" };
  for (const body of requests ?? []) {
    const code = await showAnswer(session, target, path, headers, body, signal);
    if (code !== EXIT.done) return code;
    // Several answers stand below each other.
    if ((requests ?? []).length > 1) session.io.out("\n");
  }
  return EXIT.done;
}

async function readOrder(options: VerbOptions, io: CliIo, isSending: boolean): Promise<TestOrder> {
  const headers = readHeaders(listOption(options, "header"));
  const path = (textOption(options, "path") ?? "").replace(/^\/*(?=.)/, "/");
  if (!isSending && (path !== "" || Object.keys(headers).length > 0))
    throw new Misuse("--path and -H are of a request: name one with -d, --request or --get");
  const port = textOption(options, "port");
  const read = port === undefined ? null : wholeNumber(0, PORT_MAX)(port);
  if (read !== null && typeof read !== "number") throw new Misuse(`--port ${port}: ${read.allowed}`);
  const files = listOption(options, "request").map((name) => `@${name}`);
  const data = textOption(options, "data");
  const bodies = [...files, ...(data === undefined ? [] : [data])];
  const requests: (Uint8Array | undefined)[] = options.get === true ? [undefined] : [];
  for (const body of bodies) requests.push(await readData(body, io));
  return {
    port: read === 0 ? null : read,
    timeoutSeconds: waitOptions(options)!.timeoutSeconds,
    requests: isSending ? requests : null,
    headers,
    path,
  };
}

/** First signal: drain. Second: end now. A terminal that closes asks for both. */
function followSignals(steps: Session) {
  const [stop, hurry] = [new AbortController(), new AbortController()];
  const asked = () => {
    if (stop.signal.aborted) return hurry.abort(new Error("ended"));
    steps.io.err("draining; once more ends it at once\n");
    stop.abort(new Error("asked to end"));
  };
  const hungUp = () => {
    stop.abort(new Error("the terminal has gone"));
    hurry.abort(new Error("the terminal has gone"));
  };
  process.on("SIGINT", asked);
  process.on("SIGTERM", asked);
  process.on("SIGHUP", hungUp);
  return {
    stop: stop.signal,
    hurry: hurry.signal,
    forget: () => {
      process.off("SIGINT", asked);
      process.off("SIGTERM", asked);
      process.off("SIGHUP", hungUp);
    },
  };
}

/** As `create` tells it, so that what is mended for one is mended for both. */
function reportTestError(steps: Session, error: unknown, stop: AbortSignal): number {
  if (error instanceof ServingError) {
    const { problems } = error.facts as { problems?: { path: string; found: string; allowed: string }[] };
    const all = (problems ?? []).map(({ path, found, allowed }) => ({
      Path: path,
      Found: found,
      Allowed: allowed,
    }));
    steps.error(`${error.code}: ${all.length > 1 ? problemsText(all) : error.message}`);
    return EXIT.failed;
  }
  if (stop.aborted && error === stop.reason) {
    steps.warn("Ended before the service was ready");
    return EXIT.failed;
  }
  if ([FetchError, PortTaken, BadStoreSettings].some((expected) => error instanceof expected))
    return reportError(steps, new Failure((error as Error).message, { cause: error }));
  return reportError(steps, error);
}
