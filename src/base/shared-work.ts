/** What is said to those who wait. */
type Listener = (line: string) => void;

interface Work {
  readonly listeners: Set<Listener>;
  readonly end: AbortController;
  readonly result: Promise<string>;
  lastLine: string | null;
}

/** Does a piece of work once for all who ask for the same at the same time; it ends early only when none of them wants it. */
export class SharedWork {
  readonly #all = new Map<string, Work>();
  /** Of work that nobody waits for: what comes next for the same key begins when it has let go of its files. */
  readonly #ending = new Map<string, Promise<unknown>>();

  async do(
    key: string,
    run: (onProgress: Listener, signal: AbortSignal) => Promise<string>,
    onProgress: Listener,
    signal: AbortSignal,
  ): Promise<string> {
    signal.throwIfAborted();
    const work = this.#all.get(key) ?? this.#begin(key, run);
    const listener: Listener = (line) => onProgress(line);
    work.listeners.add(listener);
    if (work.lastLine !== null) onProgress(work.lastLine);
    const aborted = Promise.withResolvers<never>();
    aborted.promise.catch(() => {});
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    try {
      return await Promise.race([work.result, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", onAbort);
      work.listeners.delete(listener);
      if (work.listeners.size === 0) this.#leave(key, work);
    }
  }

  #begin(key: string, run: (onProgress: Listener, signal: AbortSignal) => Promise<string>): Work {
    const end = new AbortController();
    const listeners = new Set<Listener>();
    const tell = (line: string) => {
      work.lastLine = line;
      for (const listener of listeners) listener(line);
    };
    // In a turn of its own, so that `work` is there when it first tells something.
    const result = (this.#ending.get(key) ?? Promise.resolve()).then(() => run(tell, end.signal));
    const work: Work = { listeners, end, result, lastLine: null };
    const ended = result.then(
      () => {},
      () => {},
    );
    this.#ending.set(key, ended);
    void ended.finally(() => {
      this.#leave(key, work);
      if (this.#ending.get(key) === ended) this.#ending.delete(key);
    });
    this.#all.set(key, work);
    return work;
  }

  /** Nobody waits for it, or it is done: who asks now begins anew. */
  #leave(key: string, work: Work): void {
    if (this.#all.get(key) === work) this.#all.delete(key);
    work.end.abort(new Error("nobody waits for it any more"));
  }
}
