import { randomBytes, randomUUID } from "node:crypto";
import type { Random } from "../../ports/random.ts";

/** Chance from the machine's cryptographic source. */
export const systemRandom: Random = {
  // 53 bits: as many as a double holds.
  next: () => Number(randomBytes(8).readBigUInt64LE() >> 11n) / 2 ** 53,
  hex: (count) => randomBytes(count).toString("hex"),
  uuid: () => randomUUID().toUpperCase(),
};
