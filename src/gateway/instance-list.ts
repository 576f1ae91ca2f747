import type { InstanceId } from "../core/names.ts";
import type { Address, InstancePlace, InstanceRoute } from "../core/traffic/route-table.ts";
import type { Steps } from "./slices.ts";

/** Stands in no id, path or host (table-check sees to that). */
export const SEPARATOR = "\0";
const UNIX = "u";
/** Looked at before the work may be put aside. */
const IDS_A_STEP = 64;

/**
 * The instances that a table names for a service, as two texts. A large table has ten times more instances than services, and few of them
 * get requests before the next one: as objects they are most of what the collector has to look at.
 */
export class InstanceList {
  static readonly NONE = new InstanceList("", "", 0);
  readonly count: number;
  readonly #ids: string;
  readonly #places: string;

  private constructor(ids: string, places: string, count: number) {
    this.#ids = ids;
    this.#places = places;
    this.count = count;
  }

  static of(instances: readonly InstanceRoute[]): InstanceList {
    return InstanceList.ofTexts(
      instances.map(({ id }) => id),
      instances.map(placeOf),
    );
  }

  /** Of ids and as many places ({@link placeOf}) in the same order. */
  static ofTexts(ids: readonly string[], places: readonly string[]): InstanceList {
    if (ids.length === 0) return InstanceList.NONE;
    return new InstanceList(ids.join(SEPARATOR), places.join(SEPARATOR), ids.length);
  }

  /** These, and the others behind them. */
  and(others: InstanceList): InstanceList {
    if (this.count === 0) return others;
    if (others.count === 0) return this;
    const ids = this.#ids + SEPARATOR + others.#ids;
    return new InstanceList(ids, this.#places + SEPARATOR + others.#places, this.count + others.count);
  }

  get ids(): InstanceId[] {
    return this.count === 0 ? [] : (this.#ids.split(SEPARATOR) as InstanceId[]);
  }

  get routes(): InstanceRoute[] {
    const { ids } = this;
    if (ids.length === 0) return [];
    return this.#places.split(SEPARATOR).map((text, i) => ({ id: ids[i]!, ...placeFrom(text) }));
  }

  has(id: string): boolean {
    return (SEPARATOR + this.#ids + SEPARATOR).includes(SEPARATOR + id + SEPARATOR);
  }

  /** The same ones at the same places, in the same order. */
  equals(other: InstanceList): boolean {
    return this.count === other.count && this.#ids === other.#ids && this.#places === other.#places;
  }
}

/** Looks at each of its ids, in steps. */
export function* eachId(list: InstanceList, look: (id: InstanceId) => void): Steps<void> {
  const { ids } = list;
  for (let i = 0; i < ids.length; i++) {
    look(ids[i]!);
    if (i % IDS_A_STEP === IDS_A_STEP - 1) yield;
  }
}

/** A place as a text: its port for direct callers, their host, and the address, each ended by a space but the last. */
export function placeOf({ address, directPort, directHost }: InstancePlace): string {
  const direct = `${directPort ?? ""} ${directHost ?? ""} `;
  return direct + (address.kind === "unix" ? UNIX + address.path : `${address.port} ${address.host}`);
}

function placeFrom(text: string): InstancePlace {
  const portTo = text.indexOf(" ");
  const hostTo = text.indexOf(" ", portTo + 1);
  const address = addressOf(text.slice(hostTo + 1));
  if (portTo === 0) return { address };
  const directPort = Number(text.slice(0, portTo));
  if (hostTo === portTo + 1) return { address, directPort };
  return { address, directPort, directHost: text.slice(portTo + 1, hostTo) };
}

function addressOf(text: string): Address {
  if (text.startsWith(UNIX)) return { kind: "unix", path: text.slice(1) };
  const at = text.indexOf(" ");
  return { kind: "tcp", host: text.slice(at + 1), port: Number(text.slice(0, at)) };
}
