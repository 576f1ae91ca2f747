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

/** From the connection to the end of a TLS handshake: two or three round trips and, of slow devices, a second of computing. */
export const HANDSHAKE_MS = 10_000;

/** How often the files of the certificate are read again; what is new is used at the second look that finds it. Two small reads, off the loop. */
export const CERTIFICATE_LOOK_MS = 1_000;

/** Longest file of a certificate or key. A chain of ten certificates is 20 KB. */
export const CERTIFICATE_FILE_BYTES_MAX = 1024 * 1024;

/** A certificate that ends sooner is warned of, once a day: half of the time that certbot leaves for renewing. */
export const CERTIFICATE_WARNING_MS = 14 * 24 * 60 * 60 * 1000;

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

/**
 * The same for an instance that is a server of the user's own. Many close idle connections themselves after 5 s (Node, uvicorn) or 2 s (gunicorn), and a
 * request that meets the closing is lost if it may not be sent twice.
 */
export const UPSTREAM_FOREIGN_IDLE_MS = 1_000;

/**
 * Connections of one worker to instances of members without a share, one each, which stay warm; further ones are connected with their first
 * request. An installation with more of them than this is better off with the open files.
 */
export const SPARE_CONNECTIONS_MAX = 512;

/** Services and instances that a sweep looks at for that: some 20 µs, and at most so many connections are begun at once. */
export const SPARE_LOOKS_A_SWEEP = 64;

/**
 * Idle connections kept per instance. There are never more than requests were in flight at once, and they age out; but whoever has 2,000 clients must not make a
 * connection for each request, at twice the cost.
 */
export const UPSTREAM_IDLE_COUNT_MAX = 2048;

/**
 * Bytes of further requests held while one is in work; then reading stops until it is answered. As large as the largest head, so
 * that a whole head always fits.
 */
export const PIPELINE_BYTES_MAX = 32 * 1024;

/** Bytes of one read into the shared buffer: a whole request or answer of up to 64 KiB and its head, in one call to the kernel. */
export const READ_BYTES = 128 * 1024;

/** Of a body of which more than this is still to come, the next piece is read into a buffer of its own: what is shorter is copied for less. */
export const LONG_BODY_BYTES = 64 * 1024;

/** Bytes of one read while a long body passes; measured 40 % cheaper for 1 MiB than 64 KiB reads (gateway benchmark). */
export const LONG_READ_BYTES = 256 * 1024;

/** Longest X-Request-Id that is taken over from a client; a UUID has 36. A longer or odd one is replaced. */
export const REQUEST_ID_BYTES_MAX = 128;

/** Exchanges kept for requests to come; more than this many at once are made and dropped. Some 1.3 KiB each. */
export const EXCHANGES_FREE_MAX = 2048;

/**
 * Turns of the loop that a worker goes on accepting for once it drains, while each brings new connections. A turn takes well
 * below 1 ms; under a flood it must still come to its end.
 */
export const DRAIN_TURNS_MAX = 100;

/**
 * A worker that is told to end by a signal keeps idle client connections for this long, so that a request already on its way is still
 * answered. Whoever sends a signal waits for the end.
 */
export const DRAIN_IDLE_MS = 1_000;

/**
 * Longest drain of a worker that another has followed. Longer than CLIENT_IDLE_MS, so that each idle connection has sent its next
 * request, and got a last answer, or was closed for idling as it would have been anyway: the restart itself closes none.
 */
export const DRAIN_MS = CLIENT_IDLE_MS + 15_000;

/** A worker asked to end by a signal serves on for at most this long until it has a successor; one starts in some 300 ms. */
export const LEAVE_MS = 5_000;

/** Connections that the kernel queues for a worker; more are told to try again, after a second (net.core.somaxconn bounds it, too). */
export const LISTEN_BACKLOG = 1024;

/**
 * A tunnel (WebSocket or other upgrade) over which no byte has moved for this long is cut. Common clients and servers send pings
 * every 20 to 60 s; one without them may well be silent while a person reads, but a peer that vanished must not stay for hours.
 */
export const TUNNEL_IDLE_MS = 600_000;

/** The same once one side has said its last word: the other has only its rest to send. */
export const TUNNEL_HALF_MS = 60_000;

/** Before the end of a drain, tunnels that are left are closed in order: time for last bytes, and for a client to see an end instead of a reset. */
export const TUNNEL_CLOSE_MS = 1_000;

/**
 * Streams that an HTTP/2 client may have open on one connection. gRPC clients put all their calls on one; each takes a place among the connections
 * of the worker, so this keeps one connection from taking them all.
 */
export const HTTP2_STREAMS_MAX = 1_000;

/**
 * Bytes of one request's fields as HPACK counts them, 32 more for each field; above it the stream is reset. Above HEAD_BYTES_MAX, so that whoever is
 * only somewhat above that gets its 431 and not a reset.
 */
export const HTTP2_HEAD_BYTES_MAX = 64 * 1024;

/** Pseudo-header fields of a request, which come on top of the fields that HTTP/1.1 has. */
export const HTTP2_PSEUDO_FIELDS_MAX = 5;

/**
 * Megabytes that node:http2 may hold for one connection, heads and unsent frames; above it, it takes no more streams. 1,000 streams with the
 * window of 64 KiB that each has.
 */
export const HTTP2_SESSION_MEGABYTES_MAX = 64;

/**
 * Streams that one connection may reset at once, and a second: above it, the connection is closed (CVE-2023-44487). A client that
 * gives up all its calls at once is within; whoever resets as fast as it opens is not.
 */
export const HTTP2_RESETS_AT_ONCE = 1_000;
export const HTTP2_RESETS_PER_SECOND = 100;

/**
 * PING and SETTINGS frames of one connection at once, and a second; above it, the connection is closed. Each costs some 5 µs and an answer. gRPC
 * clients ping with the data that they receive to know their bandwidth: hundreds a second.
 */
export const HTTP2_CONTROLS_AT_ONCE = 10_000;
export const HTTP2_CONTROLS_PER_SECOND = 2_000;

/** Connections of one worker to one instance for gRPC calls. Each takes as many calls as the instance allows. */
export const GRPC_LINKS_MAX = 8;

/** Calls at once on one of them, however many the instance allows: one connection is one order of bytes, and one core at its other end. */
export const GRPC_CALLS_PER_LINK_MAX = 1_000;

/** Of what a client sent of a call, so much is kept to send it to another instance when the first one refused it unread. */
export const GRPC_KEPT_BYTES_MAX = 64 * 1024;

/**
 * A table is taken in by slices of so long, one in each turn of the loop, and commands are read for so long in one turn: together they hold
 * up a request by about twice as much. Both last for one step more; nearly all steps take some µs (decision 0031).
 */
export const TABLE_SLICE_MS = 0.2;

/** A table that comes in parts, as JSON: about 200,000 instances. */
export const TABLE_BYTES_MAX = 64 * 1024 * 1024;

/** Commands that wait while a table is taken in; then the connection is not read on. */
export const CONTROL_WAITING_BYTES_MAX = 128 * 1024;

/** One line from the control process; a large table comes in many. */
export const CONTROL_LINE_BYTES_MAX = 64 * 1024 * 1024;

/** Bytes that a control connection may be behind in reading reports before it is closed: minutes of them. */
export const CONTROL_BEHIND_BYTES_MAX = 4 * 1024 * 1024;

/** How often the control process gets a report. */
export const REPORT_MS = 1_000;

/** How long a turn of the loop may be stopped for a report: 1,000 busy instances take some ms. */
export const REPORT_SLICE_MS = 0.2;

/**
 * Bytes that the copies of all mirrors of one worker may hold: requests being gathered, waiting, or not yet with the kernel, and
 * answers kept for comparing. Some 10,000 small requests; a target that hangs costs this much at most.
 */
export const MIRROR_BYTES_MAX = 16 * 1024 * 1024;

/** Charged for a copy beside its bytes: what the objects around it take, measured as about 400 bytes. */
export const MIRROR_COPY_OVERHEAD_BYTES = 512;

/** Longest request body that is mirrored, as framed. Larger ones are rare for models, and a few would take all the room there is. */
export const MIRROR_BODY_BYTES_MAX = 256 * 1024;

/** Copies in flight from one service to one target, in one worker; above what a target of the primary's speed has in practice. */
export const MIRROR_IN_FLIGHT_MAX = 128;

/** Copies that wait for one of these to end: a burst. */
export const MIRROR_WAITING_MAX = 256;

/** Longest such wait. A target that is behind for longer is slow, not late. */
export const MIRROR_WAIT_MS = 1_000;

/** Longest life of a copy that goes on moving bytes: a stream that never ends must not hold its place for ever. */
export const MIRROR_LIFE_MS = 600_000;

/** Copies sent in one turn of the loop; then requests of users are looked at again. A copy costs some 20 µs. */
export const MIRROR_BATCH = 16;

/** Longest answer that is compared, either one. Reading 64 KiB of JSON twice takes about 1 ms, in which nothing else is done. */
export const MIRROR_ANSWER_BYTES_MAX = 64 * 1024;

/** Pairs of answers that wait to be compared, one in a turn of the loop. */
export const MIRROR_COMPARE_WAITING_MAX = 64;

/** Differing pairs sent with one report; the newest. At 8 KiB each they must not crowd out the rest. */
export const MIRROR_DIFFERENCES_PER_REPORT = 4;
/** One file of the access log, and how many there are with the older ones: 320 MiB at most, some 1.2 million lines. */
export const ACCESS_LOG_FILE_BYTES_MAX = 64 * 1024 * 1024;
export const ACCESS_LOG_FILES_MAX = 5;

/** Lines of the access log gathered before they are written without waiting for the next sweep. */
export const ACCESS_LOG_WRITE_BYTES = 64 * 1024;

/** Lines that may wait for a slow disk; further ones are dropped. 4 MiB are some 15,000 lines, about a second at full load. */
export const ACCESS_LOG_BEHIND_BYTES_MAX = 4 * 1024 * 1024;

/** Of a path, so much gets into the access log. */
export const ACCESS_LOG_PATH_CHARS_MAX = 2048;
