import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { access, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { EXIT, Failure } from "../cli-io.ts";
import type { Session } from "../session.ts";
import type { VerbRun } from "../verb.ts";

export const run: VerbRun = async (session, [file]) => {
  const path = resolve(session.io.cwd, file!);
  if (await isThere(path)) {
    if (!(await session.confirm(`${path} is there; replace it? [y/N] `))) return session.declined();
  }
  const temporary = `${path}.${process.pid}.tmp`;
  const tally = { lines: 0, services: 0, groups: 0 };
  try {
    await session.io.interruptible((signal) =>
      pipeline(
        Readable.from(whole(session, signal, tally)),
        createGzip(),
        // It holds tokens: nobody else may read it. `wx`: never through a link that somebody laid.
        createWriteStream(temporary, { mode: 0o600, flags: "wx", flush: true }),
        { signal },
      ),
    );
    await rename(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    if (error instanceof Error && "syscall" in error)
      throw new Failure(`cannot write ${path}: ${error.message}`, { cause: error });
    throw error;
  }
  if (session.isJson)
    session.io.out(
      `${JSON.stringify({ File: path, Services: tally.services, Groups: tally.groups }, null, 2)}\n`,
    );
  session.ok(
    `${path} has ${tally.services} services and ${tally.groups} groups, with their tokens: keep it safe`,
  );
  return EXIT.done;
};

/** The lines as they come, each with its end. @throws Failure when they break off, or are not those that the digest was made of */
async function* whole(
  session: Session,
  signal: AbortSignal,
  tally: { lines: number; services: number; groups: number },
): AsyncGenerator<string, void, undefined> {
  const hash = createHash("sha256");
  let end: { lines?: unknown; sha256?: unknown } | undefined;
  for await (const line of session.client.backup(signal)) {
    const value = JSON.parse(line) as { end?: object; service?: object; group?: object };
    yield `${line}\n`;
    if (value.end !== undefined) {
      end = value.end;
      break;
    }
    hash.update(`${line}\n`);
    tally.lines += 1;
    if (value.service !== undefined) tally.services += 1;
    if (value.group !== undefined) tally.groups += 1;
  }
  if (end?.lines !== tally.lines || end.sha256 !== hash.digest("hex"))
    throw new Failure("the backup broke off on its way; nothing was written: try again");
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** The new name, too, survives a power failure. */
async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
