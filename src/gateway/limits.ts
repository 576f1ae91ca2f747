/** Every limit of the data plane with its reason. Times are in ms; the sweep looks at them every SWEEP_MS. */

/** How often time limits are looked at: they are kept to within this much. One look costs about 4 ms per 10,000 connections. */
export const SWEEP_MS = 500;

/** Client connections of one worker; one more is closed at once. At about 10 KB each that is 200 MB, and below common limits of open files. */
export const CLIENTS_MAX = 20_000;

/**
 * Of these, connections from one address; one more is closed at once. Behind a load balancer all come from few addresses, so it
 * only keeps a quarter of the places for the others when one address takes all it can.
 */
export const CLIENTS_PER_ADDRESS_MAX = 15_000;

/**
 * Bytes that a worker holds for peers that do not take them, all connections together; above it new requests are 503. Each connection
 * holds at most 0.5 MiB, so a thousand clients that stall at the worst moment still fit, and the process stays below 1 GB.
 */
export const BYTES_IN_FLIGHT_MAX = 512 * 1024 * 1024;

/**
 * Bytes a second that a client must send of a body that it owes, or take of an answer that waits for it, over CLIENT_RATE_WINDOW_MS. A GPRS
 * phone does 4,000; whoever holds all 20,000 connections has to move 10 MB/s for it.
 */
export const CLIENT_RATE_MIN = 512;

/** The rate is a mean over this long: pauses of a mobile link do not count, a trickle does. As long as WRITE_STALL_MS, as a long piece counts when it is whole. */
export const CLIENT_RATE_WINDOW_MS = 60_000;

/** A client connection without a request is closed after this. Above the 60 s that load balancers before us commonly keep one. */
export const CLIENT_IDLE_MS = 75_000;

/** From the first byte of a head to its end. A head is one packet or a few; only a broken or hostile client needs longer. */
export const HEAD_MS = 10_000;

/** Without a byte of a body that the client owes us. Mobile uplinks stall for seconds, not for half a minute. */
export const BODY_STALL_MS = 30_000;

/** Without the client taking bytes that we hold for it. */
export const WRITE_STALL_MS = 60_000;

/** How long a closed connection may go on sending before it is cut: closing with bytes unread would reset our last answer away. */
export const LINGER_MS = 2_000;

/** To connect to an instance. On one machine it takes microseconds; across machines a lost SYN is repeated after 1 s. */
export const CONNECT_MS = 3_000;

/**
 * Longest pause before a connection is tried again that a unix socket's full queue of new connections turned away. Pauses
 * double from 1 ms; an instance takes hundreds of connections in one turn of its loop, so the first ones mostly do.
 */
export const CROWDED_MS_MAX = 32;

/**
 * Added to a service's `keepaliveMs` before the gateway gives up with 504: the engine ends a request at `keepaliveMs` itself with a 408 that
 * says why, and must get the time to do so.
 */
export const TIMEOUT_MARGIN_MS = 2_000;

/**
 * An instance that could not be reached is picked last, and probed after this long by a connection without a request, then after twice as long, and
 * so on up to 30 s (core/traffic/ejection.ts). It is taken again with the first connection; when nobody else is left, before that.
 */
export const SUSPECT_MS = 1_000;

/** A connection to an instance that was not used for this long is closed. The engine must keep idle connections for longer, so that we close first. */
export const UPSTREAM_IDLE_MS = 30_000;

/** Idle connections kept per instance; above what one worker has in flight to one instance in practice. */
export const UPSTREAM_IDLE_COUNT_MAX = 256;

/**
 * Bytes of further requests held while one is in work; then reading stops until it is answered. As large as the largest head, so
 * that a whole head always fits.
 */
export const PIPELINE_BYTES_MAX = 32 * 1024;

/** Bytes of one read into the shared buffer: a whole small request or answer, in one call to the kernel. */
export const READ_BYTES = 64 * 1024;

/** Bytes of one read while a long body passes; measured 40 % cheaper for 1 MiB than 64 KiB reads (gateway benchmark). */
export const LONG_READ_BYTES = 256 * 1024;

/** Longest X-Request-Id that is taken over from a client; a UUID has 36. A longer or odd one is replaced. */
export const REQUEST_ID_BYTES_MAX = 128;

/**
 * Turns of the loop that a worker goes on accepting for once it drains, while each brings new connections. A turn takes well
 * below 1 ms; under a flood it must still come to its end.
 */
export const DRAIN_TURNS_MAX = 100;

/** While draining, an idle client connection is kept this long, so that a request already on its way is still answered. */
export const DRAIN_IDLE_MS = 1_000;

/**
 * A tunnel (WebSocket or other upgrade) over which no byte has moved for this long is cut. Common clients and servers send pings
 * every 20 to 60 s; one without them may well be silent while a person reads, but a peer that vanished must not stay for hours.
 */
export const TUNNEL_IDLE_MS = 600_000;

/** The same once one side has said its last word: the other has only its rest to send. */
export const TUNNEL_HALF_MS = 60_000;

/** Before the end of a drain, tunnels that are left are closed in order: time for last bytes, and for a client to see an end instead of a reset. */
export const TUNNEL_CLOSE_MS = 1_000;

/** One line from the control process: a route table of 10,000 services and instances is about 5 MB. */
export const CONTROL_LINE_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes that a control connection may be behind in reading reports before it is closed: minutes of them. */
export const CONTROL_BEHIND_BYTES_MAX = 4 * 1024 * 1024;

/** How often the control process gets a report. */
export const REPORT_MS = 1_000;
