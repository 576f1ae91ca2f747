import { spawn } from "node:child_process";
import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { connect } from "node:net";
import { FOLDER_VARIABLE } from "../../base/command-processes.ts";
import { isStartedWith, livingProcesses } from "../../base/process-identity.ts";
import type { Probe, ProbeAction, ProbeResult } from "../../core/health/probe.ts";
import type { CommandLine } from "./command-line.ts";

/** What one probe saw. */
export type Look = Pick<ProbeResult, "isGood" | "message">;

/** Where something listens on this machine. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

export interface ProbeTools {
  /** Where the program listens now; null: nowhere. */
  readonly own: () => Place | null;
  /** A command of a check, in the folder and with the environment and limits of the program. */
  readonly commandLine: (words: readonly string[]) => CommandLine;
  /** The instance's folder, which marks all its processes. */
  readonly folder: string;
}

/** More of an answer is not read: its status has told already. */
const BODY_BYTES_MAX = 64 * 1024;
/** Characters of a command's output that are shown. */
const OUTPUT_CHARS = 300;
/** After a command has failed, its output is read for so long, in ms. */
const OUTPUT_MS_MAX = 200;
const LOOPBACK = "127.0.0.1";
const STOPPED: Look = { isGood: false, message: "the instance is ended" };
const GOOD: Look = { isGood: true, message: "" };
const bad = (message: string): Look => ({ isGood: false, message });

/** Does one probe. It never takes longer than its timeout, and leaves neither connection nor process behind. */
export function lookOnce(
  { action, timeoutMs }: Probe,
  tools: ProbeTools,
  signal: AbortSignal,
): Promise<Look> {
  if (action.kind === "exec") return within(timeoutMs, signal, (end) => execute(action.command, tools, end));
  const place = action.port === null ? tools.own() : { host: LOOPBACK, port: action.port };
  // Whoever else has the port of the file must not be taken for this instance.
  if (place === null) return Promise.resolve(bad("the command does not listen yet"));
  if (action.kind === "tcp") return within(timeoutMs, signal, (end) => knock(place, end));
  return within(timeoutMs, signal, (end) => ask(action, place, end));
}

/** How to end what was begun; it may be done when all is over already. */
interface Begun {
  readonly close: () => void;
  /** What is known when the time is over; null: nothing, so the probe is bad. */
  readonly known: () => Look | null;
}

/** The first end counts: what was begun says it, the time is over, or the instance is. */
function within(
  timeoutMs: number,
  signal: AbortSignal,
  begin: (end: (look: Look) => void) => Begun,
): Promise<Look> {
  return new Promise((resolve) => {
    let isOver = false;
    const end = (look: Look) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
      queueMicrotask(() => begun?.close()); // it may say its end while it begins
      resolve(look);
    };
    const stop = () => end(STOPPED);
    const late = () => end(begun?.known() ?? bad(`no answer within ${timeoutMs / 1000} s`));
    // A process that stood still itself reads what has arrived meanwhile before it calls that late.
    const timer = setTimeout(() => setImmediate(late), timeoutMs);
    signal.addEventListener("abort", stop, { once: true });
    let begun: Begun | null = null;
    try {
      begun = begin(end);
    } catch (error) {
      end(bad((error as Error).message));
    }
    if (signal.aborted) stop();
  });
}

function knock(place: Place, end: (look: Look) => void): Begun {
  const socket = connect(place);
  socket.once("connect", () => end(GOOD));
  socket.on("error", (error) => end(bad(`${placeText(place)}: ${error.message}`)));
  return { close: () => socket.destroy(), known: () => null };
}

function ask(
  { scheme, path }: Extract<ProbeAction, { kind: "http" }>,
  place: Place,
  end: (look: Look) => void,
): Begun {
  let known: Look | null = null;
  const headers = { "user-agent": "sluice-probe", accept: "*/*" };
  const options = { ...place, path, headers, agent: false } as const;
  const request = scheme === "https" ? getHttps({ ...options, rejectUnauthorized: false }) : getHttp(options);
  request.once("response", (response) => {
    const { statusCode = 0 } = response;
    const look =
      statusCode >= 200 && statusCode <= 399 ? GOOD : bad(`GET ${path} was answered with ${statusCode}`);
    known = look;
    // Read to its end, so that a server does not find its answer cut off.
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > BODY_BYTES_MAX) end(look);
    });
    response.once("close", () => end(look));
    response.on("error", () => end(look));
  });
  request.on("error", (error) => end(known ?? bad(`GET ${path} on ${placeText(place)}: ${error.message}`)));
  return { close: () => request.destroy(), known: () => known };
}

function execute(words: readonly string[], tools: ProbeTools, end: (look: Look) => void): Begun {
  const { file, args, env, cwd } = tools.commandLine(words);
  // A session of its own, so that all that it starts can be ended with it.
  const child = spawn(file, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let failure: string | null = null;
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString("utf8")).slice(-OUTPUT_CHARS);
    });
    stream.on("error", () => {});
  }
  const seen = () => {
    const text = output.trim();
    return failure === null ? null : bad(text === "" ? failure : `${failure}: ${text}`);
  };
  let lastWords: NodeJS.Timeout | null = null;
  child.once("error", (error) => end(bad(`the command cannot be started: ${error.message}`)));
  child.once("exit", (code, signal) => {
    if (code === 0) return end(GOOD);
    failure =
      signal === null ? `the command ended with exit code ${code}` : `the command was ended by ${signal}`;
    lastWords = setTimeout(() => end(seen()!), OUTPUT_MS_MAX);
    child.once("close", () => end(seen()!));
  });
  const close = () => {
    if (lastWords !== null) clearTimeout(lastWords);
    child.stdout.destroy();
    child.stderr.destroy();
    if (child.pid === undefined) return;
    if (child.exitCode === null && child.signalCode === null) kill(-child.pid);
    else killGroup(child.pid, tools.folder);
  };
  return { close, known: seen };
}

/** What a command that has ended left in its group. Its number may be another's by now: only marked processes are ours. */
function killGroup(group: number, folder: string): void {
  const mark = `${FOLDER_VARIABLE}=${folder}`;
  for (const { pid, processGroup } of livingProcesses())
    if (processGroup === group && isStartedWith(pid, mark)) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone meanwhile.
  }
}

const placeText = ({ host, port }: Place) => `${host.includes(":") ? `[${host}]` : host}:${port}`;
