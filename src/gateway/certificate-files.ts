import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { type CertificatePair, checkPair, type PairSource } from "./certificate-pair.ts";
import { CERTIFICATE_FILE_BYTES_MAX } from "./limits.ts";

/** Where certificate and key are. */
export interface CertificatePaths {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The files as they were read. */
interface Content extends PairSource {
  /** People of this machine beside the owner and the group can read the key. */
  readonly isKeyOpen: boolean;
}

/** What a look at the files came to. */
export interface Found {
  /** Null: they cannot be used. */
  readonly pair: CertificatePair | null;
  /** A sentence that names the file and what is wrong with it; null: nothing. */
  readonly problem: string | null;
  /** What is wrong with the files, but does not keep them from being used; null: nothing. */
  readonly warning: string | null;
}

const READABLE_BY_OTHERS = 0o004;
/** Without waiting for a writer, should it be a pipe. */
const READ_AT_ONCE = constants.O_RDONLY | constants.O_NONBLOCK;

/** Reads and checks the pair as it is now. */
export async function readCertificate(paths: CertificatePaths): Promise<Found> {
  return judge(await readContent(paths));
}

/**
 * Looks at the files again and again, by content, so that it does not matter how they are replaced: in place, by rename, or by
 * a link that leads elsewhere (certbot, Kubernetes). Two files cannot be replaced in one moment, and a file written in place is
 * half there for a while: what is new counts once two looks in a row find the same.
 */
export class CertificateFiles {
  readonly #paths: CertificatePaths;
  /** What was judged last. */
  #judged: Content | string | null = null;
  /** What the last look found. */
  #seen: Content | string | null = null;

  constructor(paths: CertificatePaths) {
    this.#paths = paths;
  }

  /** The first look: what is found counts at once. */
  async first(): Promise<Found> {
    this.#seen = this.#judged = await readContent(this.#paths);
    return judge(this.#judged);
  }

  /** A further look; null when there is nothing new. */
  async look(): Promise<Found | null> {
    const before = this.#seen;
    const now = await readContent(this.#paths);
    this.#seen = now;
    if (!isSame(now, before) || isSame(now, this.#judged)) return null;
    this.#judged = now;
    return judge(now);
  }
}

function judge(content: Content | string): Found {
  if (typeof content === "string") return { pair: null, problem: content, warning: null };
  const pair = checkPair(content);
  if (typeof pair === "string") return { pair: null, problem: pair, warning: null };
  const warning = content.isKeyOpen
    ? `${content.keyFile}: every user of this machine can read the private key; chmod 600 or 640`
    : null;
  return { pair, problem: null, warning };
}

function isSame(a: Content | string | null, b: Content | string | null): boolean {
  if (a === null || b === null || typeof a === "string" || typeof b === "string") return a === b;
  return a.isKeyOpen === b.isKeyOpen && a.cert.equals(b.cert) && a.key.equals(b.key);
}

/** Both files, or a sentence on the one that cannot be read. */
async function readContent({ certFile, keyFile }: CertificatePaths): Promise<Content | string> {
  const cert = await readBounded(certFile);
  if (typeof cert === "string") return cert;
  const key = await readBounded(keyFile);
  if (typeof key === "string") return key;
  const isKeyOpen = (key.mode & READABLE_BY_OTHERS) !== 0;
  return { certFile, cert: cert.bytes, keyFile, key: key.bytes, isKeyOpen };
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "may not be read by this user",
  EISDIR: "is a folder",
};

async function readBounded(
  file: string,
): Promise<{ readonly bytes: Buffer; readonly mode: number } | string> {
  try {
    const handle = await open(file, READ_AT_ONCE);
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) return `${file}: is no ordinary file`;
      return stat.size > CERTIFICATE_FILE_BYTES_MAX
        ? `${file}: is longer than ${CERTIFICATE_FILE_BYTES_MAX} bytes`
        : { bytes: await handle.readFile(), mode: stat.mode };
    } finally {
      await handle.close();
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${file}: ${REASONS[code ?? ""] ?? message}`;
  }
}
