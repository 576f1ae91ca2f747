/**
 * What is due when, the soonest first: a binary heap in which every item knows its place, so that a change of one costs the logarithm of their
 * number. A loop with thousands of keys asks for the soonest after every run.
 */
export interface Due {
  /** Any time; the soonest comes first. Changed only while the item is in no queue, or followed by {@link DueQueue.put}. */
  dueAt: number;
  /** Kept by the queue: its place; −1: in none. */
  place: number;
  /** Kept by the queue: of those of one time, who came first goes first. */
  turn: number;
}

const isSooner = (a: Due, b: Due) => a.dueAt < b.dueAt || (a.dueAt === b.dueAt && a.turn < b.turn);

export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];
  #turns = 0;

  /** The soonest; undefined when nothing is there. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an item, or moves it to where its time is now. */
  put(item: T): void {
    if (item.place === -1) {
      item.place = this.#heap.length;
      item.turn = this.#turns++;
      this.#heap.push(item);
    }
    this.#rise(item);
    this.#sink(item);
  }

  /** Does nothing when it is not there. */
  remove(item: T): void {
    const { place } = item;
    if (place === -1) return;
    item.place = -1;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#set(place, last);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: T): void {
    while (item.place > 0) {
      const parent = this.#heap[(item.place - 1) >> 1]!;
      if (!isSooner(item, parent)) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * item.place + 1], this.#heap[2 * item.place + 2]];
      if (left === undefined) return;
      const child = right !== undefined && isSooner(right, left) ? right : left;
      if (!isSooner(child, item)) return;
      this.#swap(child, item);
    }
  }

  #swap(upper: T, lower: T): void {
    const [a, b] = [upper.place, lower.place];
    this.#set(b, upper);
    this.#set(a, lower);
  }

  #set(place: number, item: T): void {
    item.place = place;
    this.#heap[place] = item;
  }
}
