import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy before a unix socket, which a test can cut, or let swallow all that comes. */
export class CutProxy {
  readonly #path: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #server: Server | null = null;
  #port = 0;
  #isSilent = false;

  constructor(path: string) {
    this.#path = path;
  }

  get port(): number {
    return this.#port;
  }

  /** Begins, or begins again, at the same port. */
  async start(): Promise<void> {
    this.#isSilent = false;
    const server = createServer((client) => {
      const upstream = connect(this.#path);
      const pair = [client, upstream] as const;
      this.#pairs.add(pair);
      for (const [from, to] of [pair, pair.toReversed()] as [Socket, Socket][]) {
        from.on("data", (chunk) => {
          if (!this.#isSilent) to.write(chunk);
        });
        from.on("error", () => {}); // 'close' follows
        from.on("close", () => {
          if (!this.#isSilent) to.destroy();
          this.#pairs.delete(pair);
        });
      }
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    this.#port = (server.address() as { port: number }).port;
    this.#server = server;
  }

  /** Nothing comes through any more, and neither side is told. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Ends every connection, and takes no new one. */
  async cut(): Promise<void> {
    this.#server?.close();
    const pairs = [...this.#pairs];
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    if (this.#server?.listening === true) await once(this.#server, "close");
    this.#server = null;
  }
}
