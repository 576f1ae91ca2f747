interface Write {
  readonly work: () => unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes that are asked for in one turn of the event loop go to the disk together: a commit waits for the disk, and stops this process
 * meanwhile, so a thousand services that are looked at would stop it a thousand times. Each write is durable when its promise resolves, in the
 * order in which they were asked for. When anything of a group fails, each is done by itself, so that no write fails for another one's sake.
 */
export class WriteGroup {
  readonly #transaction: (work: () => void) => void;
  #writes: Write[] = [];

  /** `transaction` makes all of what it is given durable, or throws and has changed nothing. */
  constructor(transaction: (work: () => void) => void) {
    this.#transaction = transaction;
  }

  /** Resolves when it is durable. */
  add<T>(work: () => T): Promise<T> {
    if (this.#writes.length === 0) setImmediate(() => this.flush());
    return new Promise<T>((resolve, reject) => {
      this.#writes.push({ work, resolve, reject });
    });
  }

  /** Does now what waits: whoever reads, or writes at once, comes after it. Errors go to those who asked. */
  flush(): void {
    if (this.#writes.length === 0) return;
    const writes = this.#writes;
    this.#writes = [];
    try {
      const results: unknown[] = [];
      this.#transaction(() => {
        for (const { work } of writes) results.push(work());
      });
      writes.forEach(({ resolve }, i) => {
        resolve(results[i] as never);
      });
    } catch (error) {
      if (writes.length === 1) writes[0]!.reject(error);
      else for (const write of writes) this.#alone(write);
    }
  }

  #alone({ work, resolve, reject }: Write): void {
    try {
      let result: unknown;
      this.#transaction(() => {
        result = work();
      });
      resolve(result as never);
    } catch (error) {
      reject(error);
    }
  }
}
