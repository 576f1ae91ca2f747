/**
 * What is due when, the soonest first: a binary heap in which every item knows its place, so that a change of one costs the logarithm of their
 * number. A loop with thousands of keys asks for the soonest after every run.
 */
export interface Due {
  /** Any time; the soonest comes first. Changed only while the item is in no queue, or followed by {@link DueQueue.put}. */
  dueAt: number;
  /** Kept by the queue: its place; −1: in none. */
  place: number;
}

export class DueQueue<T extends Due> {
  readonly #heap: T[] = [];

  /** The soonest; undefined when nothing is there. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  /** Adds an item, or moves it to where its time is now. */
  put(item: T): void {
    if (item.place === -1) {
      item.place = this.#heap.length;
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
      if (parent.dueAt <= item.dueAt) return;
      this.#swap(item, parent);
    }
  }

  #sink(item: T): void {
    for (;;) {
      const [left, right] = [this.#heap[2 * item.place + 1], this.#heap[2 * item.place + 2]];
      if (left === undefined) return;
      const child = right !== undefined && right.dueAt < left.dueAt ? right : left;
      if (child.dueAt >= item.dueAt) return;
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
