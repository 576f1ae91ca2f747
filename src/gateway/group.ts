import type { GroupName } from "../core/names.ts";
import { type Affinity, chooseByKey, keyOfText, type Weighted } from "../core/traffic/affinity.ts";
import { continueRotation, nextMember, type Rotation } from "../core/traffic/pick.ts";
import { NO_KEY } from "./client-key.ts";
import type { Service } from "./service.ts";

/** A group as a gateway serves it. */
export class Group {
  readonly name: GroupName;
  /** By what a client is known that stays with its member; null: requests are shared one by one. */
  sticky: Affinity | null = null;
  #members: readonly Service[] = [];
  #weighted: readonly Weighted[] = [];
  #rotation: Rotation | null = null;

  constructor(name: GroupName) {
    this.name = name;
  }

  /** The member for the next request, by exact weights; null when there is none. */
  pick(): Service | null {
    const index = this.#rotation === null ? -1 : nextMember(this.#rotation);
    return index === -1 ? null : this.#members[index]!;
  }

  /** The member of the client with this key; null when there is none. */
  pickFor(key: number): Service | null {
    if (key === NO_KEY) return this.pick();
    const index = chooseByKey(this.#weighted, key);
    return index === -1 ? null : this.#members[index]!;
  }

  update(members: Rotation["members"], services: ReadonlyMap<string, Service>): void {
    this.#weighted = members.map((m) => ({ seed: keyOfText(m.service), weight: m.weight }));
    this.#rotation = continueRotation(this.#rotation, members);
    this.#members = members.map((m) => services.get(m.service)!);
  }
}
