import { FIELD } from "../http1/field-names.ts";
import { FIELD_STRIDE, type MessageHead } from "../http1/message-head.ts";
import { findField } from "../http1/request-head.ts";
import { REQUEST_ID_BYTES_MAX } from "./limits.ts";

/** Letters of an id that may be taken over: enough for UUIDs, ULIDs, trace ids and base64; nothing that a log line or a shell would trip on. */
const ALLOWED = Uint8Array.from({ length: 256 }, (_, b) =>
  /[A-Za-z0-9._:+/=-]/.test(String.fromCharCode(b)) ? 1 : 0,
);
const HEX_DIGITS = Buffer.from("0123456789abcdef", "latin1");
const PREFIX_BYTES = 16;
const COUNTER_DIGITS = 8;

/**
 * Makes request ids: 16 random hexadecimal digits of this worker and a counter of 8. Unique among workers by chance, within one by counting;
 * the bytes of the last id are changed in place, so an id costs a few stores.
 */
export class RequestIds {
  readonly #last: Buffer;
  #counter = 0;

  /** `prefix` is 16 hexadecimal digits, random per process. */
  constructor(prefix: string) {
    this.#last = Buffer.from(
      prefix.slice(0, PREFIX_BYTES).padEnd(PREFIX_BYTES, "0") + "0".repeat(COUNTER_DIGITS),
      "latin1",
    );
  }

  /** Writes the id of the request in `buf` to `out`: its own X-Request-Id when there is exactly one good one, else a new id. Returns its length. */
  write(head: MessageHead, buf: Buffer, out: Buffer): number {
    const index = findField(head, FIELD.X_REQUEST_ID);
    if (index !== -1 && findField(head, FIELD.X_REQUEST_ID, index + 1) === -1) {
      const from = head.fields[index * FIELD_STRIDE + 2]!;
      const to = head.fields[index * FIELD_STRIDE + 3]!;
      if (isGood(buf, from, to)) return buf.copy(out, 0, from, to);
    }
    return this.writeNew(out);
  }

  /** Writes a new id to `out` and returns its length. */
  writeNew(out: Buffer): number {
    const last = this.#last;
    this.#counter = (this.#counter + 1) >>> 0;
    let rest = this.#counter;
    for (let i = last.length - 1; i >= PREFIX_BYTES; i--) {
      last[i] = HEX_DIGITS[rest & 15]!;
      rest >>>= 4;
    }
    out.set(last, 0);
    return last.length;
  }
}

function isGood(buf: Buffer, from: number, to: number): boolean {
  if (to === from || to - from > REQUEST_ID_BYTES_MAX) return false;
  for (let i = from; i < to; i++) if (ALLOWED[buf[i]!] !== 1) return false;
  return true;
}
