import type { Request } from "./processor.d.ts";

/** A request without its body. What is seldom looked at is made when it is. */
export class ReceivedRequest implements Request {
  readonly #head: string;
  readonly #deadlineMs: number | null;
  #headers: Record<string, string> | null = null;
  #abort: AbortController | null = null;
  /** Nobody waits for the answer any more. */
  isCancelled = false;

  /**
   * @param head `METHOD path` line, then `name: value` lines, each ended by `\n`
   * @param deadlineMs as `deadline` of Request
   */
  constructor(head: string, deadlineMs: number | null) {
    this.#head = head;
    this.#deadlineMs = deadlineMs;
  }

  get method(): string {
    return this.#head.slice(0, this.#head.indexOf(" "));
  }

  get path(): string {
    return this.#head.slice(this.#head.indexOf(" ") + 1, this.#head.indexOf("\n"));
  }

  get headers(): Readonly<Record<string, string>> {
    if (this.#headers !== null) return this.#headers;
    // No prototype: a header may have any name.
    const headers: Record<string, string> = Object.create(null);
    for (const line of this.#head.split("\n").slice(1)) {
      const colon = line.indexOf(": ");
      if (colon === -1) continue;
      const name = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 2);
      headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
    }
    this.#headers = headers;
    return headers;
  }

  get deadline(): number | null {
    return this.#deadlineMs;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.isCancelled) this.#abort.abort();
    return this.#abort.signal;
  }

  cancel(): void {
    this.isCancelled = true;
    this.#abort?.abort();
  }
}
