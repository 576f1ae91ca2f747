/** When failed authentication is held up, for how long, and how much is remembered of it. */
export interface LockoutRules {
  /** Failures of one address that cost nothing. */
  readonly freeFailures: number;
  /** The same for an address that fails with the id of a key that is under attack from many. */
  readonly freeFailuresUnderAttack: number;
  /** Failures with one key id, all addresses together, from which it is under attack. */
  readonly attackFailures: number;
  /** The first lock in ms; each failure after it doubles it, up to the most. */
  readonly firstMs: number;
  readonly longestMs: number;
  /** What was quiet for so long is forgotten. */
  readonly forgetMs: number;
  /** Addresses, key ids and proven pairs remembered at once, of each; the one that was quiet for longest goes first. */
  readonly entriesMax: number;
}

/**
 * Ten failures are a person with a wrong paste, and a machine after a rotation; after them an address has less than 300 tries a day. An
 * entry takes some 150 bytes, so all are 5 MB.
 */
export const LOCKOUT_RULES: LockoutRules = {
  freeFailures: 10,
  freeFailuresUnderAttack: 2,
  attackFailures: 100,
  firstMs: 1000,
  longestMs: 300_000,
  forgetMs: 3_600_000,
  entriesMax: 10_000,
};

interface Failures {
  count: number;
  lastMs: number;
  lockedUntilMs: number;
}

/**
 * Who failed to show a right key, by address and by key id. An address that fails too often is locked for a time that doubles. The lock
 * does not hold for keys that have opened from that address before, so that nobody can lock out those who share an address with him;
 * nor for other addresses, whatever key id was guessed at. All times are ms of one clock that does not go back, passed in.
 */
export class Lockout {
  readonly #rules: LockoutRules;
  readonly #addresses = new Map<string, Failures>();
  readonly #keyIds = new Map<string, Failures>();
  /** Address with key id that has opened, to when it last did. */
  readonly #proven = new Map<string, number>();
  /** Locks begun since the start. */
  lockCount = 0;

  constructor(rules: LockoutRules = LOCKOUT_RULES) {
    this.#rules = rules;
  }

  /** Ms until this address may try again; 0: now. */
  lockedMs(address: string, nowMs: number): number {
    return Math.max(0, (this.#addresses.get(blockOf(address))?.lockedUntilMs ?? 0) - nowMs);
  }

  /** The key has opened from this address lately, so the address's lock is not meant for it. */
  isProven(address: string, keyId: string): boolean {
    return this.#proven.has(pairOf(address, keyId));
  }

  /** A request came without a right key while the address was not locked. `keyId`: the one it named; null: none, as a bearer token does. */
  onFailure(address: string, keyId: string | null, nowMs: number): void {
    const { attackFailures, freeFailures, freeFailuresUnderAttack, firstMs, longestMs } = this.#rules;
    const ofKey = keyId === null ? 0 : this.#count(this.#keyIds, keyId, nowMs).count;
    const own = this.#count(this.#addresses, blockOf(address), nowMs);
    const over = own.count - (ofKey > attackFailures ? freeFailuresUnderAttack : freeFailures);
    if (over <= 0) return;
    own.lockedUntilMs = nowMs + Math.min(longestMs, firstMs * 2 ** Math.min(over - 1, 40));
    this.lockCount += 1;
  }

  /** The key has opened from this address: its failures are forgotten. */
  onSuccess(address: string, keyId: string, nowMs: number): void {
    this.#addresses.delete(blockOf(address));
    const pair = pairOf(address, keyId);
    this.#proven.delete(pair);
    this.#proven.set(pair, nowMs);
    this.#trim(this.#proven);
  }

  /** Entries held now. */
  get size(): number {
    return this.#addresses.size + this.#keyIds.size + this.#proven.size;
  }

  #count(all: Map<string, Failures>, name: string, nowMs: number): Failures {
    const before = all.get(name);
    const isNews = before !== undefined && nowMs - before.lastMs <= this.#rules.forgetMs;
    const now = isNews ? before : { count: 0, lastMs: nowMs, lockedUntilMs: 0 };
    now.count += 1;
    now.lastMs = nowMs;
    all.delete(name); // the last is the newest
    all.set(name, now);
    this.#trim(all);
    return now;
  }

  #trim(all: Map<string, unknown>): void {
    for (const oldest of all.keys()) {
      if (all.size <= this.#rules.entriesMax) return;
      all.delete(oldest);
    }
  }
}

const pairOf = (address: string, keyId: string) => `${blockOf(address)}\n${keyId}`;

/** Whoever has one address of IPv6 has all of its /64 (RFC 4291 §2.5.4); the loopback is one, in each of its forms. */
export function blockOf(address: string): string {
  const plain = address.replace(/%.*$/, "").toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain)?.[1] ?? plain;
  if (mapped === "::1" || /^127\.\d+\.\d+\.\d+$/.test(mapped)) return LOOPBACK;
  if (!mapped.includes(":")) return mapped;
  const [head = "", tail] = mapped.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  return [...before, ...Array<string>(zeros).fill("0"), ...after].slice(0, 4).join(":");
}

/** Every process of this machine has it. */
export const LOOPBACK = "loopback";
