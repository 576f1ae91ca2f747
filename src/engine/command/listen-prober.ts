import { connect } from "node:net";
import type { ProcessIdentity } from "../../base/process-identity.ts";
import { type Listener, socketsOf, tcpListeners } from "./listeners.ts";

/** A connection to loopback that takes longer than this is no sign of a server that can be used, in ms. */
const CONNECT_MS_MAX = 1000;

/** What one look at an instance tells. */
export type Verdict =
  | {
      readonly isReady: true;
      readonly host: string;
      readonly port: number;
      /** What people should know about it; empty: nothing. */
      readonly note: string;
    }
  | { readonly isReady: false; readonly message: string };

/** Says whether an instance may get requests, one look at a time; whoever asks decides how often. */
export interface Prober {
  look(): Promise<Verdict>;
}

export interface ListenProberOptions {
  /** The port it was given, told as PORT. */
  readonly givenPort: number;
  /** The port that its spec names. */
  readonly declaredPort: number;
  /** The living processes of the instance. */
  readonly processes: () => readonly ProcessIdentity[];
}

/**
 * Ready is who accepts a connection on its port. The listening socket must be held by a process of the instance: another program
 * that happens to have the port is not taken for it. What listens on the declared port and not on the one it was given is ready, too:
 * it is the only one that can.
 */
export class ListenProber implements Prober {
  readonly #options: ListenProberOptions;
  /** The socket that was found last, and who holds it: looked at first, since it costs next to nothing. */
  #known: { readonly pid: number; readonly listener: Listener; readonly verdict: Verdict } | null = null;

  constructor(options: ListenProberOptions) {
    this.#options = options;
  }

  async look(): Promise<Verdict> {
    const known = this.#known;
    if (known !== null && socketsOf(known.pid).has(known.listener.inode)) return known.verdict;
    this.#known = null;
    const { givenPort, declaredPort } = this.#options;
    const all = tcpListeners();
    const held = this.#held(all);
    const inodes = new Set(held.map((h) => h.listener.inode));
    const strangers = all.filter((l) => !inodes.has(l.inode));
    const reached = held.filter(({ listener }) => listener.host !== null);
    for (const port of new Set([givenPort, declaredPort])) {
      for (const { pid, listener } of reached.filter((h) => h.listener.port === port)) {
        const host = await acceptingHost(listener, strangers);
        if (host === null) continue;
        const verdict = { isReady: true, host, port, note: this.#noteFor(port) } as const;
        this.#known = { pid, listener, verdict };
        return verdict;
      }
    }
    return { isReady: false, message: this.#why(held.map((h) => h.listener)) };
  }

  #held(all: readonly Listener[]): { readonly pid: number; readonly listener: Listener }[] {
    return this.#options.processes().flatMap(({ pid }) => {
      const sockets = socketsOf(pid);
      return all.filter((l) => sockets.has(l.inode)).map((listener) => ({ pid, listener }));
    });
  }

  #noteFor(port: number): string {
    const { givenPort } = this.#options;
    return port === givenPort
      ? ""
      : `It listens on port ${port} and not on the one in the variable PORT (${givenPort}): only one instance can do so, and a new version cannot start beside it`;
  }

  #why(held: readonly Listener[]): string {
    const { givenPort, declaredPort } = this.#options;
    const wanted = `port ${givenPort} (the variable PORT)${declaredPort === givenPort ? "" : ` or ${declaredPort} (containers[0].port)`}`;
    if (held.length === 0) return `the command does not listen yet: expected on ${wanted}`;
    const [first] = held.filter((l) => l.port === givenPort || l.port === declaredPort);
    if (first !== undefined) {
      return `the command listens on port ${first.port} and accepts no connection on loopback (127.0.0.1 or ::1)`;
    }
    const ports = [...new Set(held.map((l) => l.port))].sort((a, b) => a - b);
    return `the command listens on port ${ports.join(", ")}: expected on ${wanted}`;
  }
}

/** Where it accepts. A server bound to `::` may take no IPv4, and then another program may have the port there. */
async function acceptingHost(listener: Listener, strangers: readonly Listener[]): Promise<string | null> {
  const { host, port, isV6 } = listener;
  const isTaken = strangers.some((s) => s.port === port && !s.isV6 && s.host === host);
  const candidates = host === null || (isV6 && isTaken) ? [] : [host];
  if (isV6 && host !== "::1") candidates.push("::1");
  for (const candidate of candidates) if (await isAccepting(candidate, port)) return candidate;
  return null;
}

function isAccepting(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_MS_MAX });
    const end = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
  });
}
