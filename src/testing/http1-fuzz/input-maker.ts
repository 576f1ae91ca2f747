import type { Dice } from "./dice.ts";
import { CHUNK_ENDS, FIELD_LINES, REQUEST_LINES, SCRAPS, STATUS_LINES, TRAILERS } from "./grammar.ts";

/** Longest input; sometimes above the largest head, mostly far below. */
export const INPUT_BYTES_MAX = 48 * 1024;
/** Inputs of new outcomes that are kept to be changed further. */
const POOL_MAX = 4096;
/** How often an input is made so large that limits of size are met. */
const LARGE_ONCE_IN = 5000;

const HOST = Buffer.from("Host: h\r\n", "latin1");
const CHUNKED = Buffer.from("Transfer-Encoding: chunked\r\n", "latin1");
const LENGTH = Buffer.from("Content-Length: ", "latin1");
const END = Buffer.from("\r\n", "latin1");
const LAST_CHUNK = Buffer.from("0\r\n", "latin1");
const CONTENT = Buffer.from(
  "hello, GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n0\r\n\r\n and more of it",
  "latin1",
);
const NEXT = Buffer.from("GET /next HTTP/1.1\r\nHost: h\r\n\r\n", "latin1");

/**
 * Makes inputs, one after the other, in one buffer: a message by the grammar, or one that had a new outcome before, with up to
 * four changes anywhere in it.
 */
export class InputMaker {
  readonly bytes = Buffer.alloc(INPUT_BYTES_MAX);
  length = 0;
  readonly #dice: Dice;
  readonly #pool: Buffer[] = [];
  readonly #startLines: readonly Buffer[];

  constructor(dice: Dice, kind: "request" | "response") {
    this.#dice = dice;
    this.#startLines = kind === "request" ? REQUEST_LINES : STATUS_LINES;
  }

  /** Makes the next input. */
  make(): void {
    const dice = this.#dice;
    if (this.#pool.length > 0 && dice.once(3)) {
      this.length = 0;
      this.#add(dice.of(this.#pool));
    } else this.#message();
    for (let changes = Math.max(0, dice.below(7) - 2); changes > 0; changes--) this.#change();
    if (dice.once(LARGE_ONCE_IN)) this.#blowUp();
  }

  /** The present input had an outcome that none had before. */
  keep(): void {
    if (this.length > 2048) return;
    const kept = Buffer.from(this.bytes.subarray(0, this.length));
    if (this.#pool.length < POOL_MAX) this.#pool.push(kept);
    else this.#pool[this.#dice.below(POOL_MAX)] = kept;
  }

  #add(piece: Uint8Array): void {
    const taken = Math.min(piece.length, INPUT_BYTES_MAX - this.length);
    this.bytes.set(taken === piece.length ? piece : piece.subarray(0, taken), this.length);
    this.length += taken;
  }

  #message(): void {
    const dice = this.#dice;
    this.length = 0;
    this.#add(dice.of(this.#startLines));
    if (!dice.once(16)) this.#add(HOST);
    for (let fields = dice.below(6); fields > 0; fields--) this.#add(dice.of(FIELD_LINES));
    const framing = dice.below(4);
    const size = dice.below(CONTENT.length);
    if (framing === 1) {
      this.#add(LENGTH);
      this.length += this.bytes.write(String(size), this.length, "latin1");
      this.#add(END);
    } else if (framing === 2) this.#add(CHUNKED);
    this.#add(END);
    if (framing === 1) this.#add(CONTENT.subarray(0, size));
    else if (framing === 2) this.#chunks();
    if (dice.once(3)) this.#add(NEXT);
  }

  #chunks(): void {
    const dice = this.#dice;
    for (let chunks = dice.below(4); chunks > 0; chunks--) {
      const size = 1 + dice.below(20);
      if (dice.once(8)) this.#add(SCRAPS[14]!);
      this.length += this.bytes.write(size.toString(16), this.length, "latin1");
      this.#add(dice.of(CHUNK_ENDS));
      this.#add(CONTENT.subarray(0, size));
      this.#add(END);
    }
    this.#add(LAST_CHUNK);
    this.#add(dice.of(TRAILERS));
  }

  /** One change: a byte, a scrap put in or put over, a part left out or doubled. */
  #change(): void {
    const dice = this.#dice;
    const { bytes } = this;
    if (this.length === 0) return;
    const at = dice.below(this.length);
    switch (dice.below(6)) {
      case 0:
        bytes[at] = dice.below(256);
        return;
      case 1:
        bytes[at] = bytes[at]! ^ (1 << dice.below(8));
        return;
      case 2: {
        const piece = dice.of(SCRAPS);
        this.#putIn(at, piece);
        return;
      }
      case 3: {
        const piece = dice.of(SCRAPS);
        if (at + piece.length <= this.length) bytes.set(piece, at);
        return;
      }
      case 4: {
        const to = Math.min(this.length, at + 1 + dice.below(8));
        bytes.copyWithin(at, to, this.length);
        this.length -= to - at;
        return;
      }
      default: {
        const to = Math.min(this.length, at + 1 + dice.below(24));
        this.#putIn(dice.below(this.length), Buffer.from(bytes.subarray(at, to)));
      }
    }
  }

  #putIn(at: number, piece: Uint8Array): void {
    if (this.length + piece.length > INPUT_BYTES_MAX) return;
    this.bytes.copyWithin(at + piece.length, at, this.length);
    this.bytes.set(piece, at);
    this.length += piece.length;
  }

  /** Doubles a part until the input is as large as a head may be, or larger, or has too many fields. */
  #blowUp(): void {
    const from = this.#dice.below(this.length + 1);
    const piece = Buffer.from(
      this.bytes.subarray(from, Math.min(this.length, from + 1 + this.#dice.below(64))),
    );
    if (piece.length === 0) return;
    const count = this.#dice.below(Math.ceil(INPUT_BYTES_MAX / piece.length));
    const large = Buffer.alloc(Math.min(count * piece.length, INPUT_BYTES_MAX - this.length), piece);
    this.#putIn(from, large);
  }
}
