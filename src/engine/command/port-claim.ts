import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type ListenOptions, type Server } from "node:net";

/** Ports of instances begin here: above the well-known ones and most that programs are made for. */
const FIRST_PORT = 20_000;
/** A range smaller than this is not worth trying at random. */
const PORTS_MIN = 100;
const TRIES_MAX = 1000;
/** First port that Linux gives to outgoing connections when nobody says otherwise. */
const EPHEMERAL_DEFAULT = 32_768;

/** A port that this process alone may give away, for as long as it lives. */
export interface PortClaim {
  readonly port: number;
  release(): void;
}

/**
 * Claims a free port on loopback for a program that will listen on it.
 *
 * Free now is not free in ten seconds, when a model has loaded. So the port is below those of outgoing connections, and the
 * claim is a unix socket in the abstract namespace (unix(7)) called by the number: the kernel gives a name to one process, and takes
 * it back when that ends, however it ends. Two instances, of whatever installation on this machine, never have one port.
 * @param asked the only one to try; absent: any
 * @throws Error when there is none
 */
export async function claimPort(asked?: number): Promise<PortClaim> {
  const [from, to] = [FIRST_PORT, firstEphemeral()];
  const isRoom = to - from >= PORTS_MIN;
  const triesMax = asked === undefined ? TRIES_MAX : 1;
  for (let tries = 0; tries < triesMax; tries++) {
    const wanted = asked ?? (isRoom ? randomInt(from, to) : 0);
    const port = await freePort(wanted);
    if (port === null) continue;
    const claim = await listen({ path: `\0sluice-port-${port}` });
    if (claim === null) continue;
    // It may have been taken between the two.
    if ((await freePort(port)) === port) return { port, release: () => claim.close() };
    claim.close();
  }
  throw new Error(
    asked === undefined ? `no free port was found in ${TRIES_MAX} tries` : `the port ${asked} is taken`,
  );
}

function firstEphemeral(): number {
  try {
    const text = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1");
    return Number.parseInt(text, 10) || EPHEMERAL_DEFAULT;
  } catch {
    return EPHEMERAL_DEFAULT;
  }
}

/** The port, if somebody can listen on it now; null if not. 0 lets the system choose. */
async function freePort(wanted: number): Promise<number | null> {
  const server = await listen({ host: "127.0.0.1", port: wanted, exclusive: true });
  if (server === null) return null;
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

function listen(options: ListenOptions): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen(options, () => {
      server.unref();
      resolve(server);
    });
  });
}
