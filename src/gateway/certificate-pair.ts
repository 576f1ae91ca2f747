import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateFacts } from "../core/gateway-report.ts";
import { CERTIFICATE_WARNING_MS } from "./limits.ts";

/** A certificate with its chain, and its key, that TLS can use. */
export interface CertificatePair {
  /** PEM: the server's own certificate first, then those that vouch for it. */
  readonly cert: Buffer;
  /** PEM. Never to be logged. */
  readonly key: Buffer;
  readonly facts: CertificateFacts;
}

/** What the two files held, and how people call them. */
export interface PairSource {
  readonly certFile: string;
  readonly cert: Buffer;
  readonly keyFile: string;
  readonly key: Buffer;
}

interface PemBlock {
  readonly label: string;
  readonly text: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

/**
 * Checks that certificate and key can be used together (PEM, RFC 7468). Returns the pair, or a sentence that names the file and
 * what is wrong with it. One file may hold both, and be named twice. A certificate that is out of date is taken: some clients do not look.
 */
export function checkPair(source: PairSource): CertificatePair | string {
  const chain = readChain(source);
  if (typeof chain === "string") return chain;
  const key = readKey(source);
  if (typeof key === "string") return key;
  const [own] = chain;
  if (!own!.checkPrivateKey(key)) {
    const place = chain.findIndex((certificate) => certificate.checkPrivateKey(key));
    return place === -1
      ? `${source.keyFile}: the key does not belong to the certificate in ${source.certFile}`
      : `${source.certFile}: the key belongs to certificate ${place + 1} of the chain; the server's own must come first`;
  }
  try {
    createSecureContext({ cert: source.cert, key: source.key, ca: [] });
  } catch (error) {
    return `${source.certFile}: TLS cannot use it: ${(error as Error).message}`;
  }
  return { cert: source.cert, key: source.key, facts: factsOf(own!) };
}

/** Blocks of a PEM file; null when one begins and does not end, as in a file that is still being written. */
function blocksOf(bytes: Buffer): PemBlock[] | null {
  const text = bytes.toString("latin1");
  const blocks = [...text.matchAll(BLOCK)].map((match) => ({ label: match[1]!, text: match[0] }));
  return blocks.length === text.split("-----BEGIN ").length - 1 ? blocks : null;
}

function readChain({ certFile, cert }: PairSource): X509Certificate[] | string {
  const blocks = blocksOf(cert);
  if (blocks === null) return `${certFile}: a PEM block has no end; the file is not complete`;
  const own = blocks.filter((block) => /^(X509 |TRUSTED )?CERTIFICATE$/.test(block.label));
  if (own.length === 0) {
    const isKey = blocks.some((block) => block.label.endsWith("PRIVATE KEY"));
    return `${certFile}: ${isKey ? "holds a private key and no certificate; are the two files exchanged?" : "holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)"}`;
  }
  const chain: X509Certificate[] = [];
  for (const [i, block] of own.entries()) {
    try {
      chain.push(new X509Certificate(block.text));
    } catch (error) {
      return `${certFile}: certificate ${i + 1} cannot be read: ${(error as Error).message}`;
    }
  }
  return chain;
}

function readKey({ keyFile, key }: PairSource): KeyObject | string {
  const blocks = blocksOf(key);
  if (blocks === null) return `${keyFile}: a PEM block has no end; the file is not complete`;
  const block = blocks.find(({ label }) => label.endsWith("PRIVATE KEY"));
  if (block === undefined) {
    const isCertificate = blocks.some(({ label }) => label.endsWith("CERTIFICATE"));
    return `${keyFile}: ${isCertificate ? "holds a certificate and no private key; are the two files exchanged?" : "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)"}`;
  }
  if (block.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type: .*ENCRYPTED/m.test(block.text))
    return `${keyFile}: the key is protected by a passphrase, and there is nobody to ask for it; store it without one`;
  try {
    return createPrivateKey(block.text);
  } catch {
    // What OpenSSL says here names routines and no cause; and a message of it must not carry bytes of a key.
    return `${keyFile}: the private key cannot be read`;
  }
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  return {
    subject: (certificate.subject ?? "").split("\n").join(", "),
    names: (certificate.subjectAltName ?? "")
      .split(", ")
      .map((name) => name.replace(/^(DNS|IP Address|URI|email):/, ""))
      .filter((name) => name !== ""),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    fingerprint: certificate.fingerprint256,
  };
}

/** What is wrong with the dates of a certificate at `nowMs`, ms since 1970, or will be soon; null: nothing. */
export function dateWarning(facts: CertificateFacts, nowMs: number): string | null {
  const { notBeforeMs, notAfterMs } = facts;
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10);
  if (nowMs < notBeforeMs) return `the certificate is not valid before ${day(notBeforeMs)}`;
  if (nowMs > notAfterMs) return `the certificate expired on ${day(notAfterMs)}`;
  if (notAfterMs - nowMs > CERTIFICATE_WARNING_MS) return null;
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  return `the certificate expires on ${day(notAfterMs)}, ${days === 0 ? "within a day" : `in ${days} ${days === 1 ? "day" : "days"}`}`;
}
