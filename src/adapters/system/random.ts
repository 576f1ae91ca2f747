import { randomBytes, randomFillSync, randomUUID } from "node:crypto";
import type { Random } from "../../ports/random.ts";

/** Numbers taken from the machine in one go: asking for each would cost more than a request's other chance work. */
const BATCH = 512;
const words = new Uint32Array(BATCH * 2);
let at = words.length;

/** Chance from the machine's cryptographic source. */
export const systemRandom: Random = {
  // 53 bits: as many as a double holds.
  next: () => {
    if (at === words.length) {
      randomFillSync(words);
      at = 0;
    }
    const high = words[at++]! >>> 5;
    const low = words[at++]! >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  },
  hex: (count) => randomBytes(count).toString("hex"),
  uuid: () => randomUUID().toUpperCase(),
};
