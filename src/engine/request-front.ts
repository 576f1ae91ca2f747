import { FIELD } from "../http1/field-names.ts";
import { HEAD_BYTES_MAX } from "../http1/limits.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";

const SLASH = 0x2f;
const QUESTION = 0x3f;
const NEWLINE = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;

const PREDICT = Buffer.from("/api/predict/");

/** Fields that a processor does not get: those of this connection, and the caller's token. Indexed by `FIELD`. */
const IS_DROPPED = new Uint8Array(64);
for (const field of [
  FIELD.CONNECTION,
  FIELD.CONTENT_LENGTH,
  FIELD.TRANSFER_ENCODING,
  FIELD.EXPECT,
  FIELD.AUTHORIZATION,
  FIELD.KEEP_ALIVE,
  FIELD.PROXY_CONNECTION,
  FIELD.TE,
  FIELD.UPGRADE,
  FIELD.PROXY_AUTHENTICATE,
  FIELD.PROXY_AUTHORIZATION,
  FIELD.TRAILER,
]) {
  IS_DROPPED[field] = 1;
}
/** Where bodies are decompressed, what a client says of their encoding is not so any more. */
const IS_DROPPED_DECODED = IS_DROPPED.slice();
IS_DROPPED_DECODED[FIELD.CONTENT_ENCODING] = 1;

/**
 * Where {@link writeFront} writes; one for the process, as its content is copied before the next request is looked at. A front is
 * never longer than the head it is made of, but for the two bytes of its length and a slash.
 */
export const FRONT = Buffer.allocUnsafeSlow(HEAD_BYTES_MAX + 16);

/** Paths of one instance: the prefix of its own service, or of its group, is taken off. */
export class RequestPaths {
  readonly #own: readonly Buffer[];
  readonly #group: Buffer | null;
  /** The last path was that of the group. */
  isGroups = false;

  constructor(service: string, group?: string) {
    const names = group === undefined ? [service] : [service, `${group}.${service}`];
    this.#own = names.map(prefixOf);
    this.#group = group === undefined ? null : prefixOf(group);
  }

  /** Index in `buf` where the path behind `/api/predict/{name}` starts; `from` for a bare path; -1 for another service's. */
  strip(buf: Buffer, from: number, to: number): number {
    this.isGroups = false;
    if (!startsWith(buf, from, to, PREDICT)) return from;
    for (let i = 0; i < this.#own.length; i++) {
      const rest = behind(buf, from, to, this.#own[i]!);
      if (rest !== -1) return rest;
    }
    if (this.#group === null) return -1;
    const rest = behind(buf, from, to, this.#group);
    this.isGroups = rest !== -1;
    return rest;
  }
}

const prefixOf = (name: string) => Buffer.from(`/api/predict/${name}`);

/** Where the path behind this prefix starts; -1: it has another one. */
function behind(buf: Buffer, from: number, to: number, prefix: Buffer): number {
  const rest = from + prefix.length;
  if (!startsWith(buf, from, to, prefix)) return -1;
  return rest === to || buf[rest] === SLASH || buf[rest] === QUESTION ? rest : -1;
}

function startsWith(buf: Buffer, from: number, to: number, text: Buffer): boolean {
  if (to - from < text.length) return false;
  for (let i = 0; i < text.length; i++) if (buf[from + i] !== text[i]) return false;
  return true;
}

/** True for `/`, or nothing, with or without a query: where the description of the model is. */
export function isRoot(buf: Buffer, pathFrom: number, to: number): boolean {
  const at = pathFrom < to && buf[pathFrom] === SLASH ? pathFrom + 1 : pathFrom;
  return at === to || buf[at] === QUESTION;
}

/**
 * Writes the part of a REQUEST payload before its body into {@link FRONT}: u16 length, `METHOD path` and the fields
 * as lines. `pathFrom` is where the path to hand on starts; `isDecoded`: the body is decompressed. Returns the bytes written.
 */
export function writeFront(head: MessageHead, buf: Buffer, pathFrom: number, isDecoded = false): number {
  const dropped = isDecoded ? IS_DROPPED_DECODED : IS_DROPPED;
  let at = copy(buf, head.methodFrom, head.methodTo, 2);
  FRONT[at++] = SPACE;
  if (pathFrom === head.targetTo || buf[pathFrom] !== SLASH) FRONT[at++] = SLASH;
  at = copy(buf, pathFrom, head.targetTo, at);
  FRONT[at++] = NEWLINE;
  const { fields, fieldCount } = head;
  for (let slot = 0; slot < fieldCount * FIELD_STRIDE; slot += FIELD_STRIDE) {
    if (dropped[fields[slot + 4]!] === 1) continue;
    const nameTo = fields[slot + 1]!;
    const valueFrom = fields[slot + 2]!;
    if (valueFrom === nameTo + 2 && buf[nameTo + 1] === SPACE) {
      at = copy(buf, fields[slot]!, fields[slot + 3]!, at);
    } else {
      at = copy(buf, fields[slot]!, nameTo, at);
      FRONT[at++] = COLON;
      FRONT[at++] = SPACE;
      at = copy(buf, valueFrom, fields[slot + 3]!, at);
    }
    FRONT[at++] = NEWLINE;
  }
  FRONT.writeUInt16LE(at - 2, 0);
  return at;
}

/** Header lines are short: a loop here is faster than a call into native code. */
function copy(buf: Buffer, from: number, to: number, at: number): number {
  let out = at;
  for (let i = from; i < to; i++) FRONT[out++] = buf[i]!;
  return out;
}
