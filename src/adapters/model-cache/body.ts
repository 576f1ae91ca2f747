import type { IncomingMessage } from "node:http";

/** Bytes of a body that wait to be read; then the server waits. */
const WAITING_BYTES_MAX = 2 ** 20;

/**
 * The body of an answer, taken in from its first byte on. The stream's own iterator throws away what it has when the connection
 * is cut, so a server that cuts early would never be got the better of; here all that came is read before the error is.
 */
export class Body {
  readonly #response: IncomingMessage;
  readonly #waiting: Buffer[] = [];
  #bytes = 0;
  #isEnd = false;
  #failure: Error | null = null;
  #wake: () => void = () => {};

  /** To be made in the turn in which the answer comes. */
  constructor(response: IncomingMessage) {
    this.#response = response;
    response.on("data", (chunk: Buffer) => {
      this.#waiting.push(chunk);
      this.#bytes += chunk.length;
      if (this.#bytes >= WAITING_BYTES_MAX) response.pause();
      this.#wake();
    });
    response.on("error", (error) => {
      this.#failure = error;
      this.#wake();
    });
    response.on("close", () => {
      this.#isEnd = true;
      this.#wake();
    });
  }

  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      const chunk = this.#waiting.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        yield chunk;
      } else if (this.#failure !== null) {
        throw this.#failure;
      } else if (this.#isEnd) {
        if (this.#response.complete) return;
        throw new Error("the connection was cut");
      } else {
        const woken = new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#response.resume();
        await woken;
      }
    }
  }
}
