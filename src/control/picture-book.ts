import { freshStatus } from "../core/plan/fresh-status.ts";
import { sharesOf } from "../core/traffic/table.ts";
import type { Store } from "../ports/store.ts";
import type { Picture } from "./control-plane.ts";
import type { Known } from "./known.ts";

/** All that is wanted and so, as one value. It is made anew only when something of it has changed: most reads find the last one good. */
export class PictureBook {
  readonly #known: Known;
  readonly #store: Store;
  #last: { readonly picture: Picture; readonly statusRevision: number } | null = null;

  constructor(known: Known, store: Store) {
    this.#known = known;
    this.#store = store;
  }

  /** `isAdopted`: what is so is known; else the store is asked, since the API may be asked before the first look. */
  async read(isAdopted: boolean): Promise<Picture> {
    const known = this.#known;
    const state = await known.desired();
    const { statusRevision } = known;
    const last = this.#last;
    if (isAdopted && last?.picture.state === state && last.statusRevision === statusRevision)
      return last.picture;
    const all = isAdopted ? known.statuses : await this.#store.listStatuses();
    const statuses = new Map(
      [...state.services.values()].map((r) => [r.name, freshStatus(r, all.get(r.name))]),
    );
    const picture: Picture = { state, statuses, shares: sharesOf(state, statuses) };
    if (isAdopted) this.#last = { picture, statusRevision };
    return picture;
  }
}
