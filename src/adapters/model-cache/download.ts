import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { FetchError } from "../../ports/files.ts";
import { type Expected, expectedOf, Sums } from "./checksums.ts";
import { type Answer, httpGet, networkError, type Remote, StatusError } from "./http-get.ts";
import type { CacheLimits } from "./limits.ts";
import type { Partial, PartialNote } from "./partial.ts";

const [OK, PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE] = [200, 206, 416];

export interface Download {
  readonly remote: Remote;
  /** Where it goes, and what of it is there already. */
  readonly partial: Partial;
  /** What the user says of it. */
  readonly expected: Expected;
  /** What it must be, when that is known before (an entry of a list); null: it is not. */
  readonly etag: string | null;
  readonly limits: CacheLimits;
  /** So many bytes are about to come. May refuse. */
  readonly onLength: (bytes: number) => Promise<void>;
  /** So many bytes are here; `bytesTotal` is null when nobody said. */
  readonly onBytes: (bytes: number, bytesTotal: number | null) => void;
  readonly signal: AbortSignal;
}

/** The whole file, at the place of its partial. */
export interface Downloaded {
  /** Of the bytes, lower-case hex. */
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Streams what is behind a URL to the disk. What was brought before, by this process or one that was killed, is continued by
 * `Range` with `If-Range` (RFC 9110 §13.1.5, §14.2), so bytes of two different files are never put together: a server that has
 * another one now answers 200 with the whole of it. A cut that still brought something is gone on with at once. After a
 * failure the part stays when it can be gone on with; the rest is removed.
 * @throws FetchError; errors of the disk as they are; the signal's reason
 */
export async function download(job: Download): Promise<Downloaded> {
  for (let cuts = 0; ; cuts++) {
    const before = (await job.partial.read())?.bytes ?? 0;
    try {
      return await bring(job);
    } catch (error) {
      const kept = await job.partial.read();
      const isNetwork = error instanceof FetchError || job.signal.aborted;
      if (kept === null || !isNetwork) await job.partial.remove();
      job.signal.throwIfAborted();
      const isCut = error instanceof FetchError && error.isRetriable && !(error instanceof StatusError);
      const isFurther = kept !== null && kept.bytes > before;
      if (!isCut || !isFurther || cuts >= job.limits.cutsMax) throw error;
    }
  }
}

async function bring(job: Download): Promise<Downloaded> {
  const here = await job.partial.read();
  const isStale = here !== null && job.etag !== null && here.note.validator !== job.etag;
  if (here === null || isStale) {
    await job.partial.remove();
    return bringAnew(job);
  }
  // The end was reached, but the process did not come to using it.
  if (here.bytes === here.note.bytesTotal)
    return finish(job, here.note, await sumsOf(job, here.note, here.bytes), here.bytes, true);
  const headers = { range: `bytes=${here.bytes}-`, "if-range": here.note.validator };
  const statuses = [OK, PARTIAL_CONTENT, RANGE_NOT_SATISFIABLE];
  const response = await httpGet(job.remote, headers, statuses, job.limits, job.signal);
  try {
    if (response.status === OK) return await takeWhole(job, response);
    if (response.status === PARTIAL_CONTENT && isRest(response.headers, here.note, here.bytes)) {
      const sums = await sumsOf(job, here.note, here.bytes);
      return await take(job, response, here.note, sums, here.bytes);
    }
  } finally {
    response.destroy();
  }
  await job.partial.remove();
  return bringAnew(job);
}

async function bringAnew(job: Download): Promise<Downloaded> {
  const response = await httpGet(job.remote, {}, [OK], job.limits, job.signal);
  try {
    return await takeWhole(job, response);
  } finally {
    response.destroy();
  }
}

async function takeWhole(job: Download, response: Answer): Promise<Downloaded> {
  const { headers } = response;
  const bytesTotal = headers["content-length"] === undefined ? null : Number(headers["content-length"]);
  if (bytesTotal !== null && bytesTotal > job.limits.archiveBytesMax) throw tooLarge(job);
  if (bytesTotal !== null) await job.onLength(bytesTotal);
  const validator = validatorOf(headers);
  const note = { validator: validator ?? "", bytesTotal, expected: expectedOf(headers) };
  await job.partial.remove();
  if (validator !== null && headers["accept-ranges"] !== "none") await job.partial.note(note);
  return take(job, response, note, new Sums([job.expected, note.expected]), 0);
}

async function take(
  job: Download,
  response: Answer,
  note: PartialNote,
  sums: Sums,
  from: number,
): Promise<Downloaded> {
  const file = await open(job.partial.path, from === 0 ? "wx" : "a", 0o600);
  let bytes = from;
  try {
    job.onBytes(bytes, note.bytesTotal);
    for await (const chunk of readBody(response, job)) {
      bytes += chunk.length;
      if (bytes > job.limits.archiveBytesMax) throw await useless(job, tooLarge(job));
      sums.update(chunk);
      await file.writeFile(chunk);
      job.onBytes(bytes, note.bytesTotal);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return finish(job, note, sums, bytes, from > 0);
}

/** `isContinued`: bytes of an earlier try are among them. */
async function finish(
  job: Download,
  note: PartialNote,
  sums: Sums,
  bytes: number,
  isContinued: boolean,
): Promise<Downloaded> {
  const { place } = job.remote;
  if (note.bytesTotal !== null && bytes < note.bytesTotal)
    throw new FetchError(`${place} ended after ${bytes} of ${note.bytesTotal} bytes`, true);
  if (note.bytesTotal !== null && bytes > note.bytesTotal)
    throw await useless(
      job,
      new FetchError(`${place} sent more than the ${note.bytesTotal} bytes it announced`, true),
    );
  const { sha256, wrong } = sums.finish();
  if (wrong === null) return { sha256, bytes };
  // Damaged on its way, or on the disk. Only what the user says of a file that came whole does not mend itself.
  const isTheirs = job.expected.sha256 !== undefined && job.expected.sha256 !== sha256;
  throw await useless(
    job,
    new FetchError(`${place} is not what it should be: ${wrong}`, isContinued || !isTheirs),
  );
}

/** What is here cannot be gone on with. */
async function useless(job: Download, error: FetchError): Promise<FetchError> {
  await job.partial.remove();
  return error;
}

/** The sums of what is here already. */
async function sumsOf(job: Download, note: PartialNote, bytes: number): Promise<Sums> {
  const sums = new Sums([job.expected, note.expected]);
  const stream = createReadStream(job.partial.path, { end: bytes - 1, signal: job.signal });
  for await (const chunk of stream) sums.update(chunk as Buffer);
  return sums;
}

/** That an answer 206 goes on where the part ends, and is of the same file. */
function isRest(headers: IncomingHttpHeaders, note: PartialNote, from: number): boolean {
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(headers["content-range"] ?? "");
  if (range === null || Number(range[1]) !== from) return false;
  const isSameLength = range[3] === "*" || note.bytesTotal === null || Number(range[3]) === note.bytesTotal;
  const isSameFile =
    headers.etag === undefined || !note.validator.startsWith('"') || headers.etag === note.validator;
  return isSameLength && isSameFile;
}

/** Null: nothing that would tell one state of the file from another, as `W/"…"` does not. */
function validatorOf(headers: IncomingHttpHeaders): string | null {
  const { etag, date } = headers;
  if (etag?.startsWith('"')) return etag;
  if (etag !== undefined) return null;
  const modified = headers["last-modified"];
  // A date names one state only when it is old enough (RFC 9110 §8.8.2.2).
  const isStrong =
    modified !== undefined && date !== undefined && Date.parse(date) - Date.parse(modified) >= 60_000;
  return isStrong ? modified : null;
}

function tooLarge({ remote, limits }: Download): FetchError {
  return new FetchError(`${remote.place} is larger than ${limits.archiveBytesMax} bytes`, false);
}

/** The body; errors of the network are told from those of the disk here, where they come from. */
async function* readBody({ body }: Answer, job: Download): AsyncGenerator<Buffer> {
  try {
    yield* body.read();
  } catch (error) {
    job.signal.throwIfAborted();
    throw networkError(job.remote.place, error as Error);
  }
}
