import type { GroupName } from "../core/names.ts";
import { type Affinity, chooseByKey, keyOfText, type Weighted } from "../core/traffic/affinity.ts";
import { continueRotation, nextMember, type Rotation } from "../core/traffic/pick.ts";
import type { GroupRoute } from "../core/traffic/route-table.ts";
import { NO_KEY } from "./client-key.ts";
import type { Service, TableSwitch } from "./service.ts";
import type { Steps } from "./slices.ts";

/** What a table says of a group. */
interface GroupTerms {
  readonly sticky: Affinity | null;
  readonly members: readonly Service[];
  readonly weighted: readonly Weighted[];
  readonly rotation: Rotation;
}

/** Members looked up before the work may be put aside. */
const MEMBERS_A_STEP = 64;

/** A group as a gateway serves it. */
export class Group {
  readonly name: GroupName;
  /** By what a client is known that stays with its member; null: requests are shared one by one. */
  sticky: Affinity | null = null;
  #members: readonly Service[] = [];
  #weighted: readonly Weighted[] = [];
  #rotation: Rotation | null = null;
  #next: { readonly at: TableSwitch; readonly terms: GroupTerms } | null = null;

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

  /** The service is a member that requests are shared with. */
  hasShare(service: Service): boolean {
    return this.#members.includes(service);
  }

  /** Makes ready what a table says of it, which holds from `at` on. */
  *prepare(route: GroupRoute, serviceOf: (name: string) => Service, at: TableSwitch): Steps<void> {
    const members: Service[] = [];
    const weighted: Weighted[] = [];
    for (const { service, weight } of route.members) {
      members.push(serviceOf(service));
      if (weighted.push({ seed: keyOfText(service), weight }) % MEMBERS_A_STEP === 0) yield;
    }
    // The same one, going on meanwhile, when nothing is different.
    const rotation = continueRotation(this.#rotation, route.members);
    this.#next = { at, terms: { sticky: route.sticky ?? null, members, weighted, rotation } };
  }

  /** Goes by the table in force: before each pick. */
  follow(): void {
    if (this.#next === null || !this.#next.at.isMade) return;
    const { sticky, members, weighted, rotation } = this.#next.terms;
    this.#next = null;
    this.sticky = sticky;
    this.#members = members;
    this.#weighted = weighted;
    this.#rotation = rotation;
  }
}
