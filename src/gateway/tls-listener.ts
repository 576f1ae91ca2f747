import { createServer, type Server, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import type { TlsState } from "../core/gateway-report.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import { CertificateFiles, type CertificatePaths, type Found } from "./certificate-files.ts";
import { type CertificatePair, dateWarning } from "./certificate-pair.ts";
import type { Times } from "./data-plane.ts";
import type { LimitCounts } from "./limit-counts.ts";
import type { ListeningSockets } from "./listening-sockets.ts";

/** Where TLS is spoken, and with what. Workers share the port; port 0 takes a free one. */
export interface TlsOptions extends CertificatePaths {
  readonly host: string;
  readonly port: number;
}

/** What the listener needs of its worker. */
export interface TlsHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly times: Times;
  readonly limited: LimitCounts;
  readonly sockets: ListeningSockets;
  /** A connection has come. Its client's address, which counts as taken from here on; null: it was turned away. */
  admit(socket: Socket): string | null;
  /** It did not become a client: its address is free again. */
  release(address: string): void;
  /** The handshake is done, and the address is the taker's to free. */
  accept(socket: TLSSocket, address: string): void;
  /** The state is different now. */
  changed(state: TlsState): void;
  /** The port cannot be had. */
  failed(error: Error): void;
}

/** What clients may choose from after the handshake (RFC 7301). */
const PROTOCOLS = ["h2", "http/1.1"];
const DAY_MS = 24 * 60 * 60 * 1000;

/** A connection before the end of its handshake. */
interface Handshake {
  readonly address: string;
  readonly sinceMs: number;
}

/**
 * The port for TLS. It listens once the files could be used; from then on new handshakes use the newest pair that was good, and
 * connections that are there go on with what they have. A pair that cannot be used changes nothing but what it says of itself.
 *
 * The listening socket is a plain one, so that limits count before any byte is decrypted, and both ports are drained alike.
 */
export class TlsListener {
  readonly #options: TlsOptions;
  readonly #host: TlsHost;
  readonly #files: CertificateFiles;
  readonly #sockets: Server;
  #tls: TlsServer | null = null;
  readonly #handshakes = new Map<Socket, Handshake>();
  /** The same, by both ends of the connection: what TLS gives back is another object. */
  readonly #byEnds = new Map<string, Socket>();
  #found: Found = { pair: null, problem: "the files were not looked at yet", warning: null };
  #inForce: CertificatePair | null = null;
  #isClosed = false;
  #timer: NodeJS.Timeout | null = null;
  #dateLookedMs = 0;
  #told = "";

  constructor(options: TlsOptions, host: TlsHost) {
    this.#options = options;
    this.#host = host;
    this.#files = new CertificateFiles(options);
    this.#sockets = createServer({ noDelay: true }, (socket) => this.#begin(socket));
  }

  /** Connections whose handshake is not done. */
  get handshakeCount(): number {
    return this.#handshakes.size;
  }

  get state(): TlsState {
    const certificate = this.#inForce?.facts ?? null;
    const dates = certificate === null ? null : dateWarning(certificate, this.#host.clock.now());
    const warnings = [this.#found.warning, dates].filter((text) => text !== null);
    return { port: this.#port(), certificate, problem: this.#found.problem, warnings };
  }

  #port(): number | null {
    const address = this.#isClosed ? null : this.#sockets.address();
    return address !== null && typeof address === "object" ? address.port : null;
  }

  /**
   * Resolves once it listens, or the files were found of no use; then it listens as soon as they are.
   * @throws Error when the port cannot be had
   */
  async start(): Promise<void> {
    const found = await this.#files.first();
    if (this.#isClosed) return;
    await this.#take(found);
    const lookAgain = () => {
      this.#timer = setTimeout(
        () => void this.#look().finally(lookAgain),
        this.#host.times.certificateLookMs,
      );
      if (this.#isClosed) clearTimeout(this.#timer);
    };
    lookAgain();
  }

  async #look(): Promise<void> {
    const found = await this.#files.look();
    if (this.#isClosed) return;
    if (found !== null) await this.#take(found).catch((error: Error) => this.#host.failed(error));
    // Dates come and go without a change of the files.
    if (this.#host.clock.monotonic() - this.#dateLookedMs > DAY_MS) this.#warn();
    this.#tell();
  }

  async #take(found: Found): Promise<void> {
    const { log } = this.#host;
    this.#found = found;
    const { pair, problem } = found;
    if (pair === null) {
      const text =
        this.#inForce === null ? "TLS waits for a certificate" : "the certificate in force stays so";
      log.warn({ problem }, text);
      this.#tell();
      return;
    }
    const isNew = this.#inForce === null || !isSamePair(pair, this.#inForce);
    this.#inForce = pair;
    if (isNew) this.#use(pair);
    this.#warn();
    if (!this.#sockets.listening) await this.#listen();
    this.#tell();
  }

  #use({ cert, key, facts }: CertificatePair): void {
    const { subject, notAfterMs, fingerprint } = facts;
    // No authorities: nobody shows us a certificate, and reading the usual ones takes 15 ms.
    const how: SecureContextOptions = { cert, key, ca: [], minVersion: "TLSv1.2" };
    if (this.#tls === null) {
      this.#tls = createTlsServer({ ...how, ALPNProtocols: PROTOCOLS }, (socket) => this.#done(socket));
      this.#tls.on("tlsClientError", (error: NodeJS.ErrnoException) => this.#failed(error));
    } else {
      // The new context has ticket keys of its own, so nobody resumes a session of the certificate before.
      this.#tls.setSecureContext(how);
    }
    const until = new Date(notAfterMs).toISOString();
    this.#host.log.info({ subject, until, fingerprint }, "certificate in force");
  }

  #warn(): void {
    this.#dateLookedMs = this.#host.clock.monotonic();
    for (const warning of this.state.warnings) this.#host.log.warn({ warning }, "certificate");
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    await this.#host.sockets.listen("https", this.#sockets, { host, port });
    if (!this.#sockets.listening) return;
    this.#sockets.on("error", (error) => this.#host.failed(error));
    this.#host.log.info({ host, port: this.#port() }, "listening for clients over TLS");
  }

  #tell(): void {
    const { state } = this;
    const text = JSON.stringify(state);
    if (text === this.#told) return;
    this.#told = text;
    this.#host.changed(state);
  }

  #begin(socket: Socket): void {
    const address = this.#host.admit(socket);
    if (address === null) return;
    const ends = endsOf(socket);
    this.#handshakes.set(socket, { address, sinceMs: this.#host.clock.monotonic() });
    this.#byEnds.set(ends, socket);
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => {
      if (this.#byEnds.get(ends) === socket) this.#byEnds.delete(ends);
      if (this.#handshakes.delete(socket)) this.#host.release(address);
    });
    this.#tls!.emit("connection", socket);
  }

  #done(socket: TLSSocket): void {
    // HTTP/2 forbids it (RFC 9113 §9.2.1), TLS 1.3 has none, and to everybody else it only costs us work.
    socket.disableRenegotiation();
    // After the handshake an error of TLS itself is only told: such a connection would stay.
    socket.on("error", () => socket.destroy());
    const ends = endsOf(socket);
    const plain = this.#byEnds.get(ends);
    const handshake = plain === undefined ? undefined : this.#handshakes.get(plain);
    if (plain === undefined || handshake === undefined) {
      // Reset in the same moment: the ends of a connection that is over cannot be asked for.
      socket.destroy();
      return;
    }
    this.#byEnds.delete(ends);
    this.#handshakes.delete(plain);
    this.#host.accept(socket, handshake.address);
  }

  /** Whoever just left, as a probe of a load balancer does, did not fail. */
  #failed(error: NodeJS.ErrnoException): void {
    if (error.code !== "ECONNRESET") this.#host.limited.count("handshake_failed");
  }

  /** Cuts handshakes that take too long; `nowMs` is monotonic. */
  sweep(nowMs: number): void {
    for (const [socket, { sinceMs }] of this.#handshakes) {
      if (nowMs - sinceMs <= this.#host.times.handshakeMs) continue;
      this.#host.limited.count("handshake_time");
      socket.destroy();
    }
  }

  /** The worker drains: no more looks at the files. Its owner closes the port; handshakes go on. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Ends what is not handed over yet, too. */
  destroy(): void {
    this.close();
    for (const socket of this.#handshakes.keys()) socket.destroy();
  }
}

function isSamePair(a: CertificatePair, b: CertificatePair): boolean {
  return a.cert.equals(b.cert) && a.key.equals(b.key);
}

function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
