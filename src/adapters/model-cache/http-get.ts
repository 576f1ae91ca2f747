import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as requestHttp,
  STATUS_CODES,
} from "node:http";
import { request as requestHttps } from "node:https";
import { FetchError } from "../../ports/files.ts";
import { Body } from "./body.ts";
import type { CacheLimits } from "./limits.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Statuses that may be others next time. */
const RETRIABLE = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What answered; to be destroyed in the end. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Body;
  readonly destroy: () => void;
}

/** What is fetched by HTTP. */
export interface Remote {
  readonly url: string;
  /** For people: no name, password or query. */
  readonly place: string;
  /** Headers that show who asks; only for this address, never for one that it redirects to. */
  readonly sign?: (url: URL) => OutgoingHttpHeaders;
}

/** An answer with another status than was asked for. */
export class StatusError extends FetchError {
  readonly status: number;

  constructor(place: string, status: number) {
    const text = `${place} answered ${status} ${STATUS_CODES[status] ?? ""}`.trimEnd();
    super(text, RETRIABLE.has(status));
    this.status = status;
  }
}

/**
 * The answer to a GET, with its body still to be read; redirects are followed.
 * @throws StatusError for a status that is not among `statuses`; FetchError; the signal's reason
 */
export async function httpGet(
  remote: Remote,
  headers: OutgoingHttpHeaders,
  statuses: readonly number[],
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<Answer> {
  let at = new URL(remote.url);
  for (let i = 0; i <= limits.redirectsMax; i++) {
    const place = i === 0 ? remote.place : publicUrl(at.href);
    const signed = i === 0 ? remote.sign?.(at) : undefined;
    const response = await get(at, place, { ...headers, ...signed }, limits, signal);
    const { status } = response;
    if (statuses.includes(status)) return response;
    response.destroy();
    const { location } = response.headers;
    if (!REDIRECTS.has(status) || location === undefined) throw new StatusError(place, status);
    at = redirect(at, location);
  }
  throw new FetchError(`${remote.place} redirects more than ${limits.redirectsMax} times`, false);
}

/** A URL for people: without name, password, query and fragment, which may hold secrets. */
export function publicUrl(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?…"}`;
}

/** What went wrong on the network, for people. */
export function networkError(place: string, error: Error): FetchError {
  if (error instanceof FetchError) return error;
  // Node leaves the message of several failed addresses empty.
  const text = error.message || (error as NodeJS.ErrnoException).code || "no connection";
  return new FetchError(`${place} cannot be fetched: ${text}`, true, { cause: error });
}

function redirect(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  const isAllowed = to?.protocol === "https:" || (to?.protocol === "http:" && from.protocol === "http:");
  if (to !== null && isAllowed) return to;
  const target = to === null ? "an invalid address" : `${to.protocol}//${to.host}`;
  throw new FetchError(`${publicUrl(from.href)} redirects to ${target}, which is not followed`, false);
}

function get(
  url: URL,
  place: string,
  given: OutgoingHttpHeaders,
  limits: CacheLimits,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === "https:" ? requestHttps : requestHttp;
    // identity: the hash is of the file, not of one packing of it. No agent: the connection is not kept.
    const headers = { "accept-encoding": "identity", "user-agent": "sluice", ...given };
    const request = send(url, { agent: false, headers, signal, timeout: limits.idleMs });
    let response: IncomingMessage | null = null;
    request.on("timeout", () => {
      const error = new FetchError(`${place} was silent for ${limits.idleMs} ms`, true);
      response?.destroy(error); // first, or its reader would only learn that it was cut
      request.destroy(error);
    });
    request.on("response", (begun) => {
      response = begun;
      resolve({
        status: begun.statusCode ?? 0,
        headers: begun.headers,
        body: new Body(begun),
        destroy: () => void begun.destroy(),
      });
    });
    request.on("error", (error) => reject(signal.aborted ? signal.reason : networkError(place, error)));
    request.end();
  });
}
