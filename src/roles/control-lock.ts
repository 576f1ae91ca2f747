import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import {
  isPaused,
  isSameProcess,
  ownIdentity,
  type ProcessIdentity,
  parseIdentity,
} from "../base/process-identity.ts";

/** By which term of which database a process leads; not there: it leads alone, by the store in its home. */
export interface Claim {
  /** See Term of the port. */
  readonly installation: string;
  readonly term: number;
}

/** Another control process lives on this home. */
export class HomeInUse extends Error {
  override readonly name = "HomeInUse";
  readonly pid: number;

  constructor(home: string, pid: number) {
    super(`another sluice serve runs on ${home}: pid ${pid}`);
    this.pid = pid;
  }
}

const ATTEMPTS_MAX = 5;
/** So long the one of a term before may take to end by itself. One that is cut off needs some 100 ms. */
const GRACE_MS = 1_000;
/** A killed process that is still there after this hangs in the kernel. */
const KILLED_MS_MAX = 5_000;
const LOOK_MS = 20;

/**
 * Makes this process the one control process of a home, by a file that only one can create. A file left by a dead
 * process is moved away first; moving is atomic, so two starters cannot both remove the other's new file.
 * @throws HomeInUse
 */
export function takeControl(controlFile: string, home: string, claim?: Claim): ProcessIdentity {
  const identity = ownIdentity();
  const own = `${controlFile}.${identity.pid}.${identity.startTicks}`;
  writeFileSync(own, JSON.stringify({ ...identity, ...claim }), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      try {
        linkSync(own, controlFile);
        return identity;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      moveStaleAway(controlFile, home, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new Error(`${controlFile} cannot be taken: others keep creating it`);
}

/**
 * The same for one who leads by a database. A process of a term before that still has the home is put off there, and may be paused: between two
 * steps of starting or stopping an instance, of which the database knows nothing. It is given a moment to end by itself, and is then
 * killed, which costs no request.
 * @throws HomeInUse when the holder leads by another store
 */
export async function seizeControl(
  controlFile: string,
  home: string,
  claim: Claim,
): Promise<ProcessIdentity> {
  const killAt = performance.now() + GRACE_MS;
  const end = killAt + KILLED_MS_MAX;
  for (;;) {
    try {
      return takeControl(controlFile, home, claim);
    } catch (error) {
      if (!(error instanceof HomeInUse) || performance.now() > end) throw error;
      const holder = readHolder(controlFile);
      if (holder !== null && isSameProcess(holder)) {
        const before = readClaim(controlFile);
        if (before?.installation !== claim.installation || before.term >= claim.term) throw error;
        if (isPaused(holder) || performance.now() > killAt) kill(holder);
      }
    }
    await delay(LOOK_MS);
  }
}

/** Gives the home free; only if it is still ours. */
export function releaseControl(controlFile: string, identity: ProcessIdentity): void {
  const holder = readHolder(controlFile);
  if (holder?.pid === identity.pid && holder.startTicks === identity.startTicks)
    rmSync(controlFile, { force: true });
}

function moveStaleAway(controlFile: string, home: string, aside: string): void {
  const holder = readHolder(controlFile);
  if (holder !== null && isSameProcess(holder)) throw new HomeInUse(home, holder.pid);
  try {
    renameSync(controlFile, aside);
  } catch {
    return; // somebody else moved it: look again
  }
  const moved = readHolder(aside);
  if (moved !== null && isSameProcess(moved)) {
    // Between our look and our move a living process took the place: give it back and go.
    renameSync(aside, controlFile);
    throw new HomeInUse(home, moved.pid);
  }
  rmSync(aside, { force: true });
}

function kill({ pid }: ProcessIdentity): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function readClaim(controlFile: string): (Partial<Claim> & { readonly term: number }) | null {
  try {
    const value = JSON.parse(readFileSync(controlFile, "utf8")) as Partial<Claim>;
    return typeof value.term === "number" ? { ...value, term: value.term } : null;
  } catch {
    return null;
  }
}

function readHolder(controlFile: string): ProcessIdentity | null {
  try {
    return parseIdentity(readFileSync(controlFile, "utf8"));
  } catch {
    return null;
  }
}
