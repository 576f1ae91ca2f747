import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Bytes of an HMAC-SHA1 (RFC 2104, FIPS 180-4). */
const SHA1_BYTES = 20;

/**
 * True when `given` is the HMAC-SHA1 of `text` under one of `keys`. Every key is tried and every comparison takes the same time, so
 * timing tells neither which key it was nor how near a guess came.
 */
export function isHmacSha1(given: Uint8Array, text: Uint8Array, keys: readonly Uint8Array[]): boolean {
  if (given.length !== SHA1_BYTES) return false;
  let isFound = false;
  for (const key of keys)
    if (timingSafeEqual(createHmac("sha1", key).update(text).digest(), given)) isFound = true;
  return isFound;
}

/** The MD5 of bytes that come in pieces (RFC 1321): a check against change, no secret. */
export class Md5 {
  readonly #hash = createHash("md5");

  add(buf: Uint8Array, from: number, to: number): void {
    this.#hash.update(from === 0 && to === buf.length ? buf : buf.subarray(from, to));
  }

  /** Ends it. True when `hex` is the digest as a number in base 16: in either case, with leading zeros or without. */
  isHex(hex: string): boolean {
    return withoutZeros(this.#hash.digest("hex")) === withoutZeros(hex.toLowerCase());
  }
}

const withoutZeros = (hex: string) => hex.replace(/^0+/, "");
