import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { totalmem } from "node:os";

/** What the doctor looks at. Tests give their own. */
export interface Machine {
  /** Version of the Node that runs this. */
  readonly node: string;
  readonly uid: number;
  /** Runs a program to its end; null: there is none of that name. Output is both streams. */
  readonly run: (
    program: string,
    args: readonly string[],
    msMax?: number,
  ) => Promise<{ readonly code: number; readonly output: string } | null>;
  /** Text of a small file; null when it cannot be read. */
  readonly read: (path: string) => string | null;
  readonly exists: (path: string) => boolean;
  readonly isWritable: (path: string) => boolean;
  /** Mode and owner; null when it is not there. */
  readonly stat: (path: string) => { readonly mode: number; readonly uid: number } | null;
  /** Bytes that we may still write there; null when nobody knows. */
  readonly freeBytes: (path: string) => number | null;
  readonly memoryBytes: number;
  readonly availableBytes: number;
  /** May somebody listen there now? */
  readonly canListen: (host: string, port: number) => Promise<boolean>;
  /** An answer's status and headers; null when there is none in time. */
  readonly get: (
    url: string,
  ) => Promise<{ readonly status: number; readonly header: (name: string) => string | null } | null>;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

const RUN_MS_MAX = 10_000;
const GET_MS_MAX = 3000;

export const REAL_MACHINE: Machine = {
  node: process.versions.node,
  uid: process.getuid?.() ?? 0,
  run: (program, args, msMax = RUN_MS_MAX) =>
    new Promise((resolve) => {
      execFile(program, [...args], { timeout: msMax, killSignal: "SIGKILL" }, (error, stdout, stderr) => {
        if (error !== null && error.code === ("ENOENT" as unknown)) resolve(null);
        else resolve({ code: error === null ? 0 : 1, output: `${stdout}${stderr}`.trim() });
      });
    }),
  read: (path) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return null;
    }
  },
  exists: existsSync,
  isWritable: (path) => {
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
  stat: (path) => {
    const found = statSync(path, { throwIfNoEntry: false });
    return found === undefined ? null : { mode: found.mode & 0o777, uid: found.uid };
  },
  freeBytes: (path) => {
    try {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    } catch {
      return null;
    }
  },
  memoryBytes:
    process.constrainedMemory() > 0 ? Math.min(process.constrainedMemory(), totalmem()) : totalmem(),
  availableBytes: process.availableMemory(),
  canListen: (host, port) =>
    new Promise((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
    }),
  get: async (url) => {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(GET_MS_MAX) });
      await response.body?.cancel();
      return { status: response.status, header: (name) => response.headers.get(name) };
    } catch {
      return null;
    }
  },
  now: () => Date.now(),
};
