import type { Group } from "./group.ts";
import type { Service } from "./service.ts";

/** One address under `/api/predict/`: of a service, or of a group (then `service` is null). */
export interface Route {
  /** What stands in the path: `service`, `group`, or `group.service`. */
  readonly name: string;
  /** Any of these opens it. */
  readonly tokens: readonly Buffer[];
  readonly service: Service | null;
  readonly group: Group | null;
}

const PREFIX = Buffer.from("/api/predict/", "latin1");
const SLASH = 0x2f;
const QUERY = 0x3f;

/**
 * Finds the route of a path without making a string: the name's bytes are hashed in the scan that finds its end, then
 * looked up in an open-addressed table and compared.
 */
export class RouteIndex {
  #mask = 15;
  #count = 0;
  #routes: (Route | null)[] = new Array(16).fill(null);
  #names: (Buffer | null)[] = new Array(16).fill(null);
  /** After `find` gave a route: where the path for the instance starts (a `/`, a `?`, or the end). */
  restFrom = 0;

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.put(route);
  }

  /** One that holds the same, and can be changed without this one. Some 20 µs at 4,000 routes. */
  copy(): RouteIndex {
    const other = new RouteIndex([]);
    other.#mask = this.#mask;
    other.#count = this.#count;
    other.#routes = this.#routes.slice();
    other.#names = this.#names.slice();
    return other;
  }

  /** The route of this name; null when there is none. */
  get(name: string): Route | null {
    return this.#routes[this.#slotOf(Buffer.from(name, "latin1"))]!;
  }

  /** Adds a route, or replaces the one of its name. */
  put(route: Route): void {
    if (this.#count * 2 > this.#mask) this.#grow();
    const name = Buffer.from(route.name, "latin1");
    const slot = this.#slotOf(name);
    if (this.#names[slot] === null) this.#count++;
    this.#routes[slot] = route;
    this.#names[slot] = name;
  }

  /** Takes a route away, if it is there. */
  remove(text: string): void {
    let hole = this.#slotOf(Buffer.from(text, "latin1"));
    if (this.#names[hole] === null) return;
    this.#count--;
    // Whoever was pushed on by this one, or would no longer be found past the hole, moves up (Knuth 6.4, algorithm R).
    for (let slot = (hole + 1) & this.#mask; this.#names[slot] !== null; slot = (slot + 1) & this.#mask) {
      const home = hashOf(this.#names[slot]!) & this.#mask;
      const isBeyond = ((slot - home) & this.#mask) >= ((slot - hole) & this.#mask);
      if (!isBeyond) continue;
      this.#routes[hole] = this.#routes[slot]!;
      this.#names[hole] = this.#names[slot]!;
      hole = slot;
    }
    this.#routes[hole] = this.#names[hole] = null;
  }

  /** Where this name stands, or would. */
  #slotOf(name: Buffer): number {
    let slot = hashOf(name) & this.#mask;
    while (this.#names[slot] !== null && !this.#names[slot]!.equals(name)) slot = (slot + 1) & this.#mask;
    return slot;
  }

  /** Twice the room: at most half of it is in use, so that scans end soon. 4,000 routes move in some 0.3 ms. */
  #grow(): void {
    const [routes, names] = [this.#routes, this.#names];
    const size = names.length * 2;
    this.#mask = size - 1;
    this.#routes = new Array(size).fill(null);
    this.#names = new Array(size).fill(null);
    names.forEach((name, i) => {
      if (name === null) return;
      const slot = this.#slotOf(name);
      this.#routes[slot] = routes[i]!;
      this.#names[slot] = name;
    });
  }

  /** The route of the path in `buf[from..to)`, query and rest allowed; null when there is none. */
  find(buf: Buffer, from: number, to: number): Route | null {
    const nameFrom = from + PREFIX.length;
    if (nameFrom >= to) return null;
    for (let i = 0; i < PREFIX.length; i++) if (buf[from + i] !== PREFIX[i]) return null;
    let hash = HASH_START;
    let at = nameFrom;
    for (; at < to; at++) {
      const byte = buf[at]!;
      if (byte === SLASH || byte === QUERY) break;
      hash = Math.imul(hash ^ byte, HASH_PRIME);
    }
    const length = at - nameFrom;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const name = this.#names[slot]!;
      if (name === null) return null;
      if (name.length === length && isAt(buf, nameFrom, name)) {
        this.restFrom = at;
        return this.#routes[slot]!;
      }
    }
  }
}

// FNV-1a, 32 bits.
const HASH_START = 0x811c9dc5 | 0;
const HASH_PRIME = 0x01000193;

function hashOf(name: Buffer): number {
  let hash = HASH_START;
  for (const byte of name) hash = Math.imul(hash ^ byte, HASH_PRIME);
  return hash;
}

function isAt(buf: Buffer, from: number, name: Buffer): boolean {
  for (let i = 0; i < name.length; i++) if (buf[from + i] !== name[i]) return false;
  return true;
}
