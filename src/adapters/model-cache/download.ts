import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { type IncomingMessage, request as requestHttp, STATUS_CODES } from "node:http";
import { request as requestHttps } from "node:https";
import { FetchError } from "../../ports/files.ts";
import type { CacheLimits } from "./limits.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Statuses that may be others next time. */
const RETRIABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

export interface Download {
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Streams what is behind a URL into a new file, and to the disk.
 * @throws FetchError; errors of the disk as they are; the signal's reason. The file may be there then, unfinished
 */
export async function download(
  url: string,
  file: string,
  limits: CacheLimits,
  onProgress: (line: string) => void,
  signal: AbortSignal,
): Promise<Download> {
  const response = await follow(url, limits, signal);
  const bytesTotal = readLength(response);
  try {
    if (bytesTotal !== null && bytesTotal > limits.archiveBytesMax) throw tooLarge(url, limits);
    return await write(response, { url, file, bytesTotal, limits, onProgress, signal });
  } finally {
    response.destroy();
  }
}

/** A URL for people: without name, password and query, which may hold secrets. */
export function publicUrl(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?…"}`;
}

async function follow(url: string, limits: CacheLimits, signal: AbortSignal): Promise<IncomingMessage> {
  let at = new URL(url);
  for (let i = 0; i <= limits.redirectsMax; i++) {
    const response = await get(at, limits, signal);
    const status = response.statusCode ?? 0;
    if (status === 200) return response;
    response.destroy();
    const { location } = response.headers;
    if (!REDIRECTS.has(status) || location === undefined) {
      const text = `${publicUrl(at.href)} answered ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
      throw new FetchError(text, RETRIABLE.has(status));
    }
    at = redirect(at, location);
  }
  throw new FetchError(`${publicUrl(url)} redirects more than ${limits.redirectsMax} times`, false);
}

function redirect(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  const isAllowed = to?.protocol === "https:" || (to?.protocol === "http:" && from.protocol === "http:");
  if (to !== null && isAllowed) return to;
  const target = to === null ? "an invalid address" : `${to.protocol}//${to.host}`;
  throw new FetchError(`${publicUrl(from.href)} redirects to ${target}, which is not followed`, false);
}

function get(url: URL, limits: CacheLimits, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    // identity: the hash is of the file, not of one packing of it. No agent: the connection is not kept.
    const headers = { "accept-encoding": "identity", "user-agent": "sluice" };
    const request = send(url, { agent: false, headers, signal, timeout: limits.idleMs });
    let response: IncomingMessage | null = null;
    request.on("timeout", () => {
      const error = new FetchError(`${publicUrl(url.href)} was silent for ${limits.idleMs} ms`, true);
      response?.destroy(error); // first, or its reader would only learn that it was cut
      request.destroy(error);
    });
    request.on("response", (begun) => {
      response = begun;
      resolve(begun);
    });
    request.on("error", (error) => reject(signal.aborted ? signal.reason : networkError(url.href, error)));
    request.end();
  });
}

function networkError(url: string, error: Error): FetchError {
  if (error instanceof FetchError) return error;
  // Node leaves the message of several failed addresses empty.
  const text = error.message || (error as NodeJS.ErrnoException).code || "no connection";
  return new FetchError(`${publicUrl(url)} cannot be fetched: ${text}`, true, { cause: error });
}

function tooLarge(url: string, limits: CacheLimits): FetchError {
  return new FetchError(`${publicUrl(url)} is larger than ${limits.archiveBytesMax} bytes`, false);
}

function readLength(response: IncomingMessage): number | null {
  const length = response.headers["content-length"];
  return length === undefined ? null : Number(length);
}

interface Writing {
  readonly url: string;
  readonly file: string;
  readonly bytesTotal: number | null;
  readonly limits: CacheLimits;
  readonly onProgress: (line: string) => void;
  readonly signal: AbortSignal;
}

async function write(response: IncomingMessage, writing: Writing): Promise<Download> {
  const { url, limits, bytesTotal } = writing;
  const hash = createHash("sha256");
  const say = progressLines(writing);
  const file = await open(writing.file, "wx", 0o600);
  let bytes = 0;
  try {
    say(0);
    for await (const chunk of readBody(response, writing)) {
      bytes += chunk.length;
      if (bytes > limits.archiveBytesMax) throw tooLarge(url, limits);
      hash.update(chunk);
      await file.writeFile(chunk);
      say(bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (bytesTotal !== null && bytes !== bytesTotal) {
    throw new FetchError(`${publicUrl(url)} ended after ${bytes} of ${bytesTotal} bytes`, true);
  }
  return { sha256: hash.digest("hex"), bytes };
}

/** The body; errors of the network are told from those of the disk here, where they come from. */
async function* readBody(response: IncomingMessage, writing: Writing): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    writing.signal.throwIfAborted();
    throw networkError(writing.url, error as Error);
  }
}

/** `Downloading http file [43%]`, or so many MB when the server does not say how long it is. */
function progressLines({ bytesTotal, limits, onProgress }: Writing): (bytes: number) => void {
  let [lastLine, lastMs] = ["", Number.NEGATIVE_INFINITY];
  return (bytes) => {
    const now = performance.now();
    const isEnd = bytes === bytesTotal;
    if (!isEnd && now - lastMs < limits.progressMs) return;
    const done = bytesTotal === null ? `${Math.floor(bytes / 1e6)} MB` : `${percent(bytes, bytesTotal)}%`;
    const line = `Downloading http file [${done}]`;
    if (line === lastLine) return;
    [lastLine, lastMs] = [line, now];
    onProgress(line);
  };
}

function percent(bytes: number, bytesTotal: number): number {
  return bytesTotal === 0 ? 100 : Math.floor((bytes * 100) / bytesTotal);
}
