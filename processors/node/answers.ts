import { FRAME_BYTES_MAX } from "./frames.ts";
import type { Parts } from "./processor.d.ts";

/** A processor gave something that cannot be sent; the text says what is allowed. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

/** What goes to the client. `head`: `name: value` lines, each ended by `\n`. */
export interface Sendable {
  readonly status: number;
  readonly head: string;
  readonly body: Uint8Array | Parts;
}

const BODY_BYTES_MAX = FRAME_BYTES_MAX - 65536;
export const TEXT = "content-type: text/plain; charset=utf-8\n";
export const JSON_TYPE = "content-type: application/json\n";
const ALLOWED =
  "bytes, a string, an object or list, an async iterable, or { status, body, headers } with a status from 200 to 599";
/** RFC 9110 §5.1: a token. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

export function isParts(value: unknown): value is Parts {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** The answer that a processor's result stands for. Throws BadAnswer. */
export function answerOf(result: unknown): Sendable {
  if (Buffer.isBuffer(result)) return sized({ status: 200, head: "", body: result });
  if (!isFull(result)) return contentOf(result);
  const { status, body, headers } = result;
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new BadAnswer(
      `process returned the status ${String(status)}; allowed: a whole number from 200 to 599`,
    );
  }
  const content = contentOf(body);
  return { ...content, status, head: withHeaders(content.head, headers ?? {}) };
}

interface Full {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** Exactly the keys of an answer with a status: any other object is JSON. */
function isFull(value: unknown): value is Full {
  if (typeof value !== "object" || value === null || !("status" in value) || !("body" in value)) return false;
  if (typeof value.status !== "number") return false;
  return Object.keys(value).every((key) => key === "status" || key === "body" || key === "headers");
}

function contentOf(value: unknown): Sendable {
  if (typeof value === "string") return sized({ status: 200, head: TEXT, body: Buffer.from(value) });
  if (value instanceof Uint8Array) return sized({ status: 200, head: "", body: value });
  if (value instanceof ArrayBuffer) return sized({ status: 200, head: "", body: new Uint8Array(value) });
  if (isParts(value)) return { status: 200, head: "", body: value };
  if (typeof value !== "object" || value === null || value instanceof Error) {
    throw new BadAnswer(`process returned ${nameOf(value)}; allowed: ${ALLOWED}`);
  }
  const text = jsonOf(value);
  if (text === undefined) throw new BadAnswer(`process returned ${nameOf(value)}, which has no JSON`);
  return sized({ status: 200, head: JSON_TYPE, body: Buffer.from(text) });
}

/** What cannot be written is the processor's fault, not its caller's. */
function jsonOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    const words = error instanceof Error ? error.message.replace(/\s*\n\s*/g, " ") : String(error);
    throw new BadAnswer(`process returned ${nameOf(value)}, which cannot be sent as JSON: ${words}`);
  }
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "an object") : `a ${typeof value}`;
}

function sized(answer: Sendable & { readonly body: Uint8Array }): Sendable {
  if (answer.body.length > BODY_BYTES_MAX) {
    throw new BadAnswer(`process returned ${answer.body.length} bytes; the limit is ${BODY_BYTES_MAX}`);
  }
  return answer;
}

function withHeaders(head: string, headers: Readonly<Record<string, unknown>>): string {
  let own = "";
  let hasType = false;
  // A list stands for a name that comes more than once, such as Set-Cookie.
  const fields = Object.entries(headers).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, String(one)] as const),
  );
  for (const [name, text] of fields) {
    // What latin1 cannot say would be cut to other characters; a line of its own would be another header.
    if (!NAME.test(name) || /[^\t\x20-\xff]|\x7f/.test(text)) {
      throw new BadAnswer(
        `process returned a response header that is not a name and one line of latin1: ${name.slice(0, 100)}`,
      );
    }
    hasType ||= name.toLowerCase() === "content-type";
    own += `${name}: ${text}\n`;
  }
  return hasType ? own : head + own;
}
