import type { createApp } from "../server/app.ts";
import { PortTaken } from "./ports.ts";

/** Where the control API of this process is: first that of a standby, then of the one who leads, then perhaps of a standby again. */
export class ApiPlace {
  readonly #host: string;
  #port: number;

  /** `port` 0: a free one, which is kept from the first time on. */
  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /**
   * Has `app` listen there; the address for clients on this machine.
   * @throws PortTaken
   */
  async listen(app: ReturnType<typeof createApp>): Promise<string> {
    try {
      await app.listen({ host: this.#host, port: this.#port });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
      throw new PortTaken("the control API", this.#host, this.#port, "--api-port");
    }
    this.#port = (app.server.address() as { port: number }).port;
    return `http://${urlHost(this.#host)}:${this.#port}`;
  }
}

/** A wildcard address is reached at the loopback; an IPv6 address needs brackets (RFC 3986 §3.2.2). */
export function urlHost(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  if (host === "::") return "[::1]";
  return host.includes(":") ? `[${host}]` : host;
}
