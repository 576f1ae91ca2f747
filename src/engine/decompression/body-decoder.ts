import { createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import type { DataPathReason } from "../../core/errors.ts";
import type { Decompressor } from "../../core/instance-spec.ts";
import { ContentCollector } from "../../http1/content-collector.ts";
import type { BodyAllowance } from "../held-body.ts";
import { type Allocate, CorruptBody, type Decoding } from "./block.ts";
import { decodeLz4 } from "./lz4.ts";
import { decodeSnappy } from "./snappy.ts";

/** The formats that Node's zlib decodes, on threads of its own, piece by piece. */
const STREAMS = { zlib: createInflate, gzip: createGunzip, zstd: createZstdDecompress };
/** Those decoded here. */
const BLOCKS = { snappy: decodeSnappy, lz4: decodeLz4 };

/** One piece that a stream of zlib gives out. */
const CHUNK_BYTES = 64 * 1024;

/** Why a body is not decoded. */
export interface Undecoded {
  readonly reason: DataPathReason;
  readonly detail: string;
}

export interface BodyLimits {
  /** Longest decoded body; a longer one is BODY_TOO_LARGE. */
  readonly bodyBytesMax: number;
  /** Shared by all bodies of the engine; when it is used up, QUEUE_FULL. */
  readonly allowance: BodyAllowance;
}

class OverLimit extends Error {
  readonly undecoded: Undecoded;

  constructor(undecoded: Undecoded) {
    super(undecoded.detail);
    this.undecoded = undecoded;
  }
}

/**
 * Decodes the body of one request after the other (`metadata.rpc.decompressor`). What a body becomes is counted before memory is taken
 * for it, against its own limit and the allowance of all, so that a small body that stands for a huge one is refused and not made.
 */
export class BodyDecoder {
  readonly #format: Decompressor;
  readonly #limits: BodyLimits;
  #heldBytes = 0;
  /** Ends what goes on; null: nothing does. */
  #stop: (() => void) | null = null;

  constructor(format: Decompressor, limits: BodyLimits) {
    this.#format = format;
    this.#limits = limits;
  }

  /**
   * Decodes `body`, which must not change meanwhile; `done` is called once, at the soonest in a later turn, and never after `release`.
   * The result stays counted until then.
   */
  start(body: Uint8Array, done: (result: Buffer | Undecoded) => void): void {
    const end = (result: Buffer | Undecoded) => {
      this.#stop = null;
      done(result);
    };
    const fail = (error: unknown) => end(this.#undecoded(error));
    if (this.#format === "snappy" || this.#format === "lz4") {
      this.#runBlock(BLOCKS[this.#format](body, this.#allocate), end, fail);
    } else {
      this.#runStream(STREAMS[this.#format], body, end, fail);
    }
  }

  /** Nobody needs the body any more, or waits for it. */
  release(): void {
    this.#stop?.();
    this.#stop = null;
    if (this.#heldBytes > 0) this.#limits.allowance.giveBack(this.#heldBytes);
    this.#heldBytes = 0;
  }

  #runBlock(decoding: Decoding, end: (body: Buffer) => void, fail: (error: unknown) => void): void {
    const turn = () => {
      let made: Uint8Array;
      try {
        const step = decoding.next();
        if (step.done !== true) {
          due = setImmediate(turn);
          return;
        }
        made = step.value;
      } catch (error) {
        fail(error);
        return;
      }
      end(Buffer.from(made.buffer, made.byteOffset, made.byteLength));
    };
    let due = setImmediate(turn);
    this.#stop = () => clearImmediate(due);
  }

  #runStream(
    make: (options: { chunkSize: number }) => ReturnType<typeof createGunzip>,
    body: Uint8Array,
    end: (body: Buffer) => void,
    fail: (error: unknown) => void,
  ): void {
    const stream = make({ chunkSize: CHUNK_BYTES });
    const collector = new ContentCollector(this.#limits.bodyBytesMax, -1);
    stream.on("data", (chunk: Buffer) => {
      if (stream.destroyed) return;
      try {
        this.#hold(chunk.length);
        if (!collector.content(chunk, 0, chunk.length)) throw this.#tooLarge();
      } catch (error) {
        stream.destroy();
        fail(error);
      }
    });
    stream.on("error", fail);
    stream.on("end", () => end(collector.take()));
    this.#stop = () => {
      stream.removeAllListeners();
      stream.on("error", () => {});
      stream.destroy();
    };
    stream.end(body);
  }

  readonly #allocate: Allocate = (bytes) => {
    this.#hold(bytes);
    return Buffer.allocUnsafeSlow(bytes);
  };

  #hold(bytes: number): void {
    if (this.#heldBytes + bytes > this.#limits.bodyBytesMax) throw this.#tooLarge();
    if (!this.#limits.allowance.hold(bytes)) {
      throw new OverLimit({
        reason: "QUEUE_FULL",
        detail: "the bodies of waiting requests use up their allowance",
      });
    }
    this.#heldBytes += bytes;
  }

  #tooLarge(): OverLimit {
    const detail = `decompressed it is longer than ${this.#limits.bodyBytesMax} bytes`;
    return new OverLimit({ reason: "BODY_TOO_LARGE", detail });
  }

  #undecoded(error: unknown): Undecoded {
    if (error instanceof OverLimit) return error.undecoded;
    if (error instanceof RangeError) return { reason: "BODY_TOO_LARGE", detail: "no memory is left for it" };
    const why = error instanceof CorruptBody || isOfZlib(error) ? error.message : String(error);
    return { reason: "BODY_NOT_DECODED", detail: `${this.#format}: ${why}` };
  }
}

function isOfZlib(error: unknown): error is Error {
  return error instanceof Error && "code" in error;
}
