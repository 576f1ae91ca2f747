import { closeSync } from "node:fs";
import type { Server } from "node:net";
import { LISTEN_BACKLOG } from "./limits.ts";

/** Listening sockets that the worker before this one has left it: descriptors by name. */
export type InheritedSockets = Readonly<Record<string, number>>;

/** One open port of this worker. */
export interface ListeningSocket {
  readonly name: string;
  readonly fd: number;
}

/**
 * The ports that a worker listens on, each with a name that its successor knows it by. A socket that the worker before it has left
 * is listened on as it is: connections that the kernel has queued belong to the socket, so none is lost when the other one
 * closes its copy. Other sockets are opened beside those of the other workers (SO_REUSEPORT).
 */
export class ListeningSockets {
  readonly #inherited: Map<string, number>;
  readonly #open = new Map<string, Server>();
  #isComplete = false;
  #isClosed = false;

  constructor(inherited: InheritedSockets = {}) {
    this.#inherited = new Map(Object.entries(inherited));
  }

  /**
   * Resolves once `server` listens.
   * @throws Error when the port cannot be had, or the socket left to us is not one of that port
   */
  async listen(name: string, server: Server, where: { host: string; port: number }): Promise<void> {
    const fd = this.#inherited.get(name);
    this.#inherited.delete(name);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    const { host, port } = where;
    if (fd !== undefined) server.listen({ fd }, LISTEN_BACKLOG, resolve);
    else server.listen({ host, port, reusePort: port !== 0, backlog: LISTEN_BACKLOG }, resolve);
    await promise;
    server.off("error", reject);
    const address = server.address();
    const actual = address !== null && typeof address === "object" ? address.port : null;
    if (port !== 0 && actual !== port)
      throw new Error(`the socket left for ${name} is one of port ${actual}, not ${port}`);
    if (this.#isClosed) server.close();
    else this.#open.set(name, server);
  }

  /** All ports are open, and new connections are taken. */
  get isOpen(): boolean {
    return this.#isComplete && !this.#isClosed;
  }

  /**
   * All ports that this worker has are listened on now. What else was left to it is closed: were it kept, the kernel would queue connections
   * that nobody takes.
   */
  complete(): void {
    this.#isComplete = true;
    this.#closeUnused();
  }

  #closeUnused(): void {
    for (const fd of this.#inherited.values()) closeSync(fd);
    this.#inherited.clear();
  }

  /**
   * What a successor can be given. `node:net` tells the descriptor of a server only by something private (`_handle.fd`).
   * @throws Error when this Node does not tell it
   */
  descriptors(): ListeningSocket[] {
    return [...this.#open].map(([name, server]) => {
      const fd = (server as unknown as { _handle: { fd?: unknown } | null })._handle?.fd;
      if (!Number.isSafeInteger(fd) || (fd as number) < 3)
        throw new Error(`this Node does not tell the descriptor of the socket ${name}`);
      return { name, fd: fd as number };
    });
  }

  /** Takes no new connections from now on. What the kernel has queued is lost, unless a successor has the socket too. */
  close(): void {
    for (const server of this.#open.values()) server.close();
    this.#open.clear();
    this.#isClosed = true;
    this.#closeUnused();
  }
}
