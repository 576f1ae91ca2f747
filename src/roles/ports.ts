import { createServer } from "node:net";

/** A port that somebody else has. */
export class PortTaken extends Error {
  override readonly name = "PortTaken";

  constructor(what: string, host: string, port: number, flag: string) {
    super(
      `${what} cannot listen on ${host}:${port}: the port is taken; free it, or choose another with ${flag}`,
    );
  }
}

/**
 * Finds out whether the gateways may have a port, by binding it alone for a moment: they share it among themselves
 * (SO_REUSEPORT), so without this two installations of one user could share a port unnoticed.
 * @returns the port, chosen by the system when 0 was asked for
 */
export async function claimPort(what: string, host: string, port: number, flag: string): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => {
        if (error.code === "EADDRINUSE") reject(new PortTaken(what, host, port, flag));
        else
          reject(new Error(`${what} cannot listen on ${host}:${port}: ${error.message}`, { cause: error }));
      });
      server.listen({ host, port, exclusive: true }, () =>
        resolve((server.address() as { port: number }).port),
      );
    });
  } finally {
    if (server.listening) await new Promise<void>((done) => server.close(() => done()));
  }
}
