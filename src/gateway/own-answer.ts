import { DATA_PATH_REASONS, type DataPathReason } from "../core/errors.ts";
import { endHead, writeField, writeResponseHead } from "../http1/response-writer.ts";

/** What an answer of the gateway itself depends on, besides its reason. */
export interface OwnAnswer extends DocumentAnswer {
  /** `X-Sluice-Service` line of the member that was picked; null when none was. */
  readonly member: Buffer | null;
  /** Said with every 429 (RFC 9110 §10.2.3). */
  readonly retryAfterS: number;
}

/** What any answer of the gateway itself depends on. */
export interface DocumentAnswer {
  /** Wall time. */
  readonly nowMs: number;
  readonly requestId: string;
  readonly isClosing: boolean;
  readonly isKeepAliveSaid: boolean;
  /** The request was HEAD: the answer says how long its body would be, and sends none. */
  readonly isHead: boolean;
}

/** Room for a head of our own. */
const DOCUMENT_HEAD_BYTES_MAX = 1024;

/** Statuses whose body is empty: SDKs take exactly that for "not routed yet" (eas-reference §3.3). */
const EMPTY_STATUS = 404;

/**
 * Writes an answer of our own to `out` and returns its end: status of the reason, its text (or the given one) as body, and
 * `X-Sluice-Reason`, so that nobody takes it for the processor's.
 */
export function writeOwnAnswer(
  out: Buffer,
  reason: DataPathReason,
  text: string | undefined,
  how: OwnAnswer,
): number {
  const { status, text: usual } = DATA_PATH_REASONS[reason];
  const body = status === EMPTY_STATUS ? "" : (text ?? usual);
  let to = writeResponseHead(out, 0, status, body.length, !how.isClosing, how.nowMs);
  if (body !== "") to = writeField(out, to, "Content-Type", "text/plain; charset=utf-8");
  to = writeField(out, to, "X-Sluice-Reason", reason);
  to = writeField(out, to, "X-Request-Id", how.requestId);
  // RFC 9110 §11.6.1 asks for it with every 401.
  if (status === 401) to = writeField(out, to, "WWW-Authenticate", "Bearer");
  if (status === 429) to = writeField(out, to, "Retry-After", String(how.retryAfterS));
  if (how.isKeepAliveSaid) to = writeField(out, to, "Connection", "keep-alive");
  if (how.member !== null) to += how.member.copy(out, to);
  to = endHead(out, to);
  return how.isHead ? to : to + out.write(body, to, "latin1");
}

/** A 200 with JSON in ASCII. */
export function documentAnswer(json: string, how: DocumentAnswer): Buffer {
  const out = Buffer.allocUnsafe(DOCUMENT_HEAD_BYTES_MAX + json.length);
  let to = writeResponseHead(out, 0, 200, json.length, !how.isClosing, how.nowMs);
  to = writeField(out, to, "Content-Type", "application/json");
  to = writeField(out, to, "Cache-Control", "no-store");
  to = writeField(out, to, "X-Request-Id", how.requestId);
  if (how.isKeepAliveSaid) to = writeField(out, to, "Connection", "keep-alive");
  to = endHead(out, to);
  return out.subarray(0, how.isHead ? to : to + out.write(json, to, "latin1"));
}
