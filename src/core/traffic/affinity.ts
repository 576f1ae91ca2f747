/**
 * Stickiness: the same client, known by a header or cookie, gets the same member of a group or the same instance. Rendezvous
 * hashing: each candidate has a score that depends on the client and on itself only, and the best one wins. So when one weight changes,
 * or a candidate comes or goes, clients move to it or away from it, and between no two others.
 */

/** What a client is known by. */
export interface Affinity {
  readonly kind: "header" | "cookie";
  /** A header's in lower case, a cookie's as it is; 1 to {@link AFFINITY_NAME_MAX} token characters. */
  readonly name: string;
}

/** Longest name: with a line for it, our own fields still fit behind a head. */
export const AFFINITY_NAME_MAX = 64;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** True for a name that can be of a header or a cookie (RFC 9110 §5.6.2, RFC 6265 §4.1.1). */
export function isAffinityName(name: string): boolean {
  return name.length <= AFFINITY_NAME_MAX && TOKEN.test(name);
}

/** Reads `header:x-user` or `cookie:sid`; null when it is neither. */
export function parseAffinity(text: string): Affinity | null {
  const [, kind, name] = /^(header|cookie):(.+)$/.exec(text) ?? [];
  if (kind === undefined || name === undefined || !isAffinityName(name)) return null;
  return kind === "header" ? { kind, name: name.toLowerCase() } : { kind: "cookie", name };
}

/** Writes what {@link parseAffinity} reads. */
export function showAffinity({ kind, name }: Affinity): string {
  return `${kind}:${name}`;
}

// FNV-1a, 32 bits.
const FNV_START = 0x811c9dc5 | 0;
const FNV_PRIME = 0x01000193;

/** 32 bits of `bytes[from..to)`: FNV-1a, mixed so that every bit of the input reaches every bit of the result. */
export function keyOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = FNV_START;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, FNV_PRIME);
  return mix(hash);
}

/** {@link keyOf} of a name in ASCII. */
export function keyOfText(text: string): number {
  let hash = FNV_START;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ (text.charCodeAt(i) & 0xff), FNV_PRIME);
  return mix(hash);
}

/** The end of MurmurHash3, 32 bits. */
function mix(value: number): number {
  let h = value ^ (value >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Who can be chosen for a client. */
export interface Weighted {
  /** {@link keyOfText} of its name. */
  readonly seed: number;
  /** Above 0. */
  readonly weight: number;
}

/**
 * Index of the candidate for the client with this key; -1 when there is none. Over many clients each gets its weight's share:
 * −ln(u)/w of an even u is exponential with rate w, and the first of such clocks to ring is each with the share of its rate.
 */
export function chooseByKey(candidates: readonly Weighted[], key: number): number {
  let best = -1;
  let lowest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < candidates.length; i++) {
    const { seed, weight } = candidates[i]!;
    const even = (mix(key ^ seed) + 0.5) / 2 ** 32;
    const score = -Math.log(even) / weight;
    if (score < lowest) {
      best = i;
      lowest = score;
    }
  }
  return best;
}
