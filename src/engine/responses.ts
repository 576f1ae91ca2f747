import type { DataPathReason } from "../core/errors.ts";
import { DATA_PATH_REASONS } from "../core/errors.ts";
import {
  CHUNKED_BODY,
  endHead,
  isFieldName,
  isFieldValue,
  NO_BODY,
  RESPONSE_HEAD_BYTES_MAX,
  writeResponseHead,
} from "../http1/response-writer.ts";

/** Head texts remembered; a processor that makes a new one for each answer only loses the gain. */
const HEADS_MAX = 256;
/** A body up to this size is copied behind its head, for one write. */
const COPY_BYTES_MAX = 64 * 1024;

/** Framing and connection are the engine's own affair; a processor's words on them are dropped. */
const OWN_FIELDS = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-sluice-queue-us",
]);

/** The fields of answers, as bytes, made once per different head that a processor gives. */
export class ResponseHeads {
  readonly #defaultType: string;
  readonly #known = new Map<string, Buffer>();

  /** `defaultType` is the Content-Type of an answer whose processor names none. */
  constructor(defaultType: string) {
    this.#defaultType = defaultType;
  }

  /** Field lines for a worker's head text, each ended by CR LF. What is no valid field is left out. */
  fields(head: string): Buffer {
    const known = this.#known.get(head);
    if (known !== undefined) return known;
    const made = this.#make(head);
    if (this.#known.size >= HEADS_MAX) this.#known.clear();
    this.#known.set(head, made);
    return made;
  }

  #make(head: string): Buffer {
    let text = "";
    let hasType = false;
    for (const line of head.split("\n")) {
      const colon = line.indexOf(": ");
      const name = line.slice(0, colon);
      const value = line.slice(colon + 2);
      if (colon < 1 || !isFieldName(name) || !isFieldValue(value)) continue;
      const lower = name.toLowerCase();
      if (OWN_FIELDS.has(lower)) continue;
      if (lower === "content-type") hasType = true;
      text += `${name}: ${value}\r\n`;
    }
    if (!hasType) text = `Content-Type: ${this.#defaultType}\r\n${text}`;
    return Buffer.from(text, "latin1");
  }
}

/** One whole answer, or head and body apart when the body is too long to be copied. */
export function composeResponse(
  status: number,
  fields: Buffer,
  body: Buffer,
  from: number,
  to: number,
  isHead: boolean,
  isKeepAlive: boolean,
  nowMs: number,
): { readonly head: Buffer; readonly body: Buffer | null } {
  const hasNoBody = status === 204 || status === 304;
  const bodyBytes = hasNoBody || isHead ? 0 : to - from;
  const isCopied = bodyBytes <= COPY_BYTES_MAX;
  const out = Buffer.allocUnsafe(RESPONSE_HEAD_BYTES_MAX + fields.length + 2 + (isCopied ? bodyBytes : 0));
  let at = writeResponseHead(out, 0, status, hasNoBody ? NO_BODY : to - from, isKeepAlive, nowMs);
  out.set(fields, at);
  at = endHead(out, at + fields.length);
  if (!isCopied) return { head: out.subarray(0, at), body: body.subarray(from, to) };
  if (bodyBytes > 0) at += body.copy(out, at, from, to);
  return { head: out.subarray(0, at), body: null };
}

/**
 * The head of an answer whose body comes in parts: chunked (RFC 9112 §7.1), or framed by the end of the connection for HTTP/1.0, where
 * `isChunked` is false.
 */
export function composeHead(
  status: number,
  fields: Buffer,
  isChunked: boolean,
  isKeepAlive: boolean,
  nowMs: number,
): Buffer {
  const out = Buffer.allocUnsafe(RESPONSE_HEAD_BYTES_MAX + fields.length + 2);
  const framing = isChunked ? CHUNKED_BODY : NO_BODY;
  const at = writeResponseHead(out, 0, status, framing, isKeepAlive, nowMs);
  out.set(fields, at);
  return out.subarray(0, endHead(out, at + fields.length));
}

/** The fields, and how long the request waited in the queue: a gateway counts it and does not pass it on (protocols.md). */
export function withQueueTime(fields: Buffer, us: number): Buffer {
  return Buffer.concat([fields, Buffer.from(`X-Sluice-Queue-Us: ${us}\r\n`, "latin1")]);
}

const refusalFields = new Map<DataPathReason, Buffer>();

/** Fields of an answer that the engine gives itself: a client can tell it from the processor's. */
export function reasonFields(reason: DataPathReason): Buffer {
  let fields = refusalFields.get(reason);
  if (fields === undefined) {
    fields = Buffer.from(
      `Content-Type: text/plain; charset=utf-8\r\nX-Sluice-Reason: ${reason}\r\n`,
      "latin1",
    );
    refusalFields.set(reason, fields);
  }
  return fields;
}

/** Fields of RATE_LIMITED: the client is told when a try can succeed (RFC 9110 §10.2.3, whole seconds). */
export function rateLimitedFields(waitMs: number): Buffer {
  const retryAfter = `Retry-After: ${Math.max(1, Math.ceil(waitMs / 1000))}\r\n`;
  return Buffer.concat([reasonFields("RATE_LIMITED"), Buffer.from(retryAfter, "latin1")]);
}

/** Body of such an answer; `detail` says more. */
export function reasonText(reason: DataPathReason, detail?: string): Buffer {
  const { text } = DATA_PATH_REASONS[reason];
  return Buffer.from(detail === undefined ? `${text}\n` : `${text}: ${detail}\n`);
}
