/** A socket of `/proc/net/tcp` (proc(5)). */
export interface TcpSocket {
  readonly localPort: number;
  readonly remotePort: number;
  readonly isListening: boolean;
  /** A connection on which the other side may still expect an answer. */
  readonly isOpen: boolean;
  /** 0: no process has it: it waits in a listener's queue, or is being closed. */
  readonly inode: number;
  /** Of a listener: connections that wait to be accepted. */
  readonly queued: number;
}

const STATE_LISTEN = "0A";
/** Established; and that with the other side's FIN. */
const STATES_OPEN = ["01", "08"];

/** Reads the text of `/proc/net/tcp`: addresses, ports and queues are hex, the inode is decimal. */
export function parseTcpTable(text: string): TcpSocket[] {
  const sockets: TcpSocket[] = [];
  for (const line of text.split("\n").slice(1)) {
    const fields = line.trim().split(/\s+/);
    if (fields.length < 10) continue;
    sockets.push({
      localPort: portOf(fields[1]!),
      remotePort: portOf(fields[2]!),
      isListening: fields[3] === STATE_LISTEN,
      isOpen: STATES_OPEN.includes(fields[3]!),
      inode: Number(fields[9]),
      queued: Number.parseInt(fields[4]!.split(":")[1]!, 16),
    });
  }
  return sockets;
}

function portOf(address: string): number {
  return Number.parseInt(address.split(":")[1]!, 16);
}

/** What a process had of a port's connections at one moment. */
export interface Holding {
  /** Clients' ports of the connections that it has accepted. */
  readonly accepted: readonly number[];
  /** Clients' ports of connections that nobody has accepted. */
  readonly queued: readonly number[];
  /** As many of those wait at this process's own listening socket. */
  readonly queuedCount: number;
}

/** What of `sockets` on `port` belongs to the process with the socket inodes `own`. */
export function holdingOf(sockets: readonly TcpSocket[], port: number, own: ReadonlySet<number>): Holding {
  const here = sockets.filter((socket) => socket.localPort === port);
  const connections = here.filter((socket) => socket.isOpen);
  const listeners = here.filter((socket) => socket.isListening && own.has(socket.inode));
  return {
    accepted: connections.filter((s) => s.inode !== 0 && own.has(s.inode)).map((s) => s.remotePort),
    queued: connections.filter((s) => s.inode === 0).map((s) => s.remotePort),
    queuedCount: listeners.reduce((sum, listener) => sum + listener.queued, 0),
  };
}

/** True when the process with these inodes listens on the port. */
export function isListeningOn(
  sockets: readonly TcpSocket[],
  port: number,
  own: ReadonlySet<number>,
): boolean {
  return sockets.some((s) => s.isListening && s.localPort === port && own.has(s.inode));
}
