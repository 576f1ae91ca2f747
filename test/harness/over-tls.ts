import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket, type TcpNetConnectOpts } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, getCACertificates, setDefaultCACertificates } from "node:tls";
import { makeCertificate, type TestCertificate } from "./certificates.ts";

/** What every gateway of this process shows, once {@link overTls} was called. */
let shown: { readonly certFile: string; readonly keyFile: string; readonly made: TestCertificate } | null =
  null;

/**
 * From now on every gateway that a test of this process starts speaks TLS, and every client of it does: whole suites run once more
 * over TLS.
 */
export function overTls(): void {
  const dir = mkdtempSync(join(tmpdir(), "sluice-tls-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const made = makeCertificate();
  shown = { ...writePair(dir, made), made };
  setDefaultCACertificates([...getCACertificates(), made.cert]);
}

/** Null: gateways speak plain TCP. */
export function shownCertificate(): { readonly certFile: string; readonly keyFile: string } | null {
  return shown;
}

/** Writes a pair where a gateway is to find it. */
export function writePair(dir: string, { cert, key }: TestCertificate) {
  const [certFile, keyFile] = [join(dir, "tls.crt"), join(dir, "tls.key")];
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { certFile, keyFile };
}

/** A client's connection to a gateway on this machine, as this process speaks to it. */
export function dialGateway(options: Omit<TcpNetConnectOpts, "host">): Socket {
  const plain = connect({ host: "127.0.0.1", noDelay: true, ...options });
  if (shown === null) return plain;
  const socket = connectTls({ socket: plain, servername: "localhost", ca: shown.made.cert });
  // Only the socket below can be reset.
  socket.resetAndDestroy = () => {
    plain.resetAndDestroy();
    return socket;
  };
  plain.on("error", () => {});
  return socket;
}
