import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { FetchError } from "../../ports/files.ts";
import type { CacheLimits } from "./limits.ts";

/** Where files are in a git repository. */
interface GitPlace {
  /** Without name and password. */
  readonly url: string;
  readonly scheme: string;
  /** Branch, tag or commit; `HEAD`: what the repository names as its default. */
  readonly ref: string;
  /** Of a URL that has name and password; they are given in the environment, since arguments can be seen by all. */
  readonly authorization: string | null;
  /** For people. */
  readonly place: string;
}

/** Reads `git+https://host/repository.git@ref`; the form was checked with the spec. */
export function gitPlace(url: string): GitPlace {
  const at = new URL(url.slice("git+".length));
  const found = /^(.*?)(?:@([^@]+))?$/.exec(at.pathname);
  const ref = found?.[2] === undefined ? "HEAD" : decodeURIComponent(found[2]);
  const { username, password } = at;
  const isHttp = at.protocol === "http:" || at.protocol === "https:";
  const hasName = isHttp && username !== "";
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = hasName ? `Authorization: Basic ${Buffer.from(pair).toString("base64")}` : null;
  const who = isHttp || username === "" ? "" : `${username}@`;
  const bare = `${at.protocol}//${who}${at.host}${found?.[1] ?? at.pathname}`;
  const place = `git+${at.protocol}//${at.host}${at.pathname}`;
  return { url: bare, scheme: at.protocol.slice(0, -1), ref, authorization, place };
}

/**
 * Brings one commit, without its history, as a tar file. Nothing of the repository is run: no hooks, no filters, no submodules; and
 * nobody is asked for a password.
 * @returns the commit
 * @throws FetchError; the signal's reason
 */
export async function fetchGit(
  url: string,
  folder: string,
  file: string,
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<string> {
  const at = gitPlace(url);
  await mkdir(folder, { mode: 0o700 });
  const run = (...args: string[]) => git(at, folder, args, limits, signal);
  await run("init", "--quiet", "--bare");
  await run("fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", at.url, at.ref);
  const commit = (await run("rev-parse", "--verify", "FETCH_HEAD^{commit}")).trim();
  await archive(at, folder, commit, file, limits, signal);
  return commit;
}

/** Longest text of git that is kept; its messages are short. */
const SAID_CHARS_MAX = 4000;

/** Of our environment, git gets the ways to the network and nothing else. */
const INHERITED = [
  "PATH",
  "HOME",
  "SSH_AUTH_SOCK",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "https_proxy",
  "http_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "GIT_SSL_CAINFO",
];

/** Settings of the machine and of the user are left out, so that no filter, alias, hook or rewrite of theirs takes part. */
function environmentOf(at: GitPlace, limits: CacheLimits): NodeJS.ProcessEnv {
  const config = [
    ["core.hooksPath", "/dev/null"],
    ["protocol.allow", "never"],
    [`protocol.${at.scheme}.allow`, "always"],
    ["credential.helper", ""],
    ["http.followRedirects", "initial"],
    ["http.lowSpeedLimit", "1"],
    ["http.lowSpeedTime", String(Math.ceil(limits.idleMs / 1000))],
    ["safe.directory", "*"],
    ["gc.auto", "0"],
    ...(at.authorization === null ? [] : [[`http.${at.url}.extraHeader`, at.authorization]]),
  ];
  return {
    ...Object.fromEntries(INHERITED.map((name) => [name, process.env[name]])),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "false",
    GIT_SSH_COMMAND: `ssh -oBatchMode=yes -oConnectTimeout=${Math.ceil(limits.idleMs / 1000)}`,
    GIT_CONFIG_COUNT: String(config.length),
    ...Object.fromEntries(
      config.flatMap(([key, value], i) => [
        [`GIT_CONFIG_KEY_${i}`, key],
        [`GIT_CONFIG_VALUE_${i}`, value],
      ]),
    ),
  };
}

async function git(
  at: GitPlace,
  folder: string,
  args: readonly string[],
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<string> {
  const child = start(at, folder, args, limits, signal);
  let out = "";
  child.stdout.on("data", (text) => (out = (out + text).slice(0, SAID_CHARS_MAX)));
  await ended(child, at, signal);
  return out;
}

async function archive(
  at: GitPlace,
  folder: string,
  commit: string,
  file: string,
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<void> {
  const child = start(at, folder, ["archive", "--format=tar", commit], limits, signal);
  let bytes = 0;
  const bounded = new Transform({
    transform(chunk: Buffer, _, done) {
      bytes += chunk.length;
      if (bytes <= limits.archiveBytesMax) return done(null, chunk);
      done(new FetchError(`${at.place} is larger than ${limits.archiveBytesMax} bytes`, false));
    },
  });
  const end = ended(child, at, signal);
  end.catch(() => {});
  try {
    await pipeline(child.stdout, bounded, createWriteStream(file, { mode: 0o600, flags: "wx", flush: true }));
  } catch (error) {
    child.kill("SIGKILL");
    await end.catch(() => {});
    throw error;
  }
  await end;
}

function start(
  at: GitPlace,
  folder: string,
  args: readonly string[],
  limits: CacheLimits,
  signal: AbortSignal,
) {
  signal.throwIfAborted();
  // Of its own group, so that its helpers (ssh, git-remote-https) end with it.
  return spawn("git", ["--git-dir", join(folder), ...args], {
    cwd: folder,
    env: environmentOf(at, limits),
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
}

function ended(child: ReturnType<typeof start>, at: GitPlace, signal: AbortSignal): Promise<void> {
  let said = "";
  child.stderr.on("data", (text) => (said = (said + text).slice(-SAID_CHARS_MAX)));
  const stop = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  };
  signal.addEventListener("abort", stop);
  return new Promise<void>((resolve, reject) => {
    child.on("error", (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === "ENOENT";
      const text = isMissing
        ? "git is not installed on this machine"
        : `git cannot be started: ${error.message}`;
      reject(new FetchError(`${at.place}: ${text}`, true, { cause: error }));
    });
    child.on("close", (code) => {
      if (signal.aborted) return reject(signal.reason);
      if (code === 0) return resolve();
      reject(new FetchError(`${at.place}: ${reasonOf(said)}`, true));
    });
  }).finally(() => signal.removeEventListener("abort", stop));
}

/** What git says of a failure; addresses in it have no password, as it was given none in them. */
function reasonOf(said: string): string {
  const lines = said.split("\n").filter((line) => /^(fatal|error|remote):/.test(line));
  return lines.slice(-2).join("; ") || said.trim().slice(-200) || "git failed and said nothing";
}
