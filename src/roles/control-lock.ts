import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isSameProcess, ownIdentity, type ProcessIdentity, parseIdentity } from "../base/process-identity.ts";

/** Another control process lives on this home. */
export class HomeInUse extends Error {
  override readonly name = "HomeInUse";
  readonly pid: number;

  constructor(home: string, pid: number) {
    super(`another sluice serve runs on ${home}: pid ${pid}`);
    this.pid = pid;
  }
}

/** Others that start at the same moment may take the lock away between two looks: so often, and then they have it. */
const ATTEMPTS_MAX = 5;

/**
 * Makes this process the one control process of a home, by a file that only one can create. A file left by a dead
 * process is moved away first; moving is atomic, so two starters cannot both remove the other's new file.
 * @throws HomeInUse
 */
export function takeControl(controlFile: string, home: string): ProcessIdentity {
  const identity = ownIdentity();
  const own = `${controlFile}.${identity.pid}.${identity.startTicks}`;
  writeFileSync(own, JSON.stringify(identity), { mode: 0o600 });
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

function readHolder(controlFile: string): ProcessIdentity | null {
  try {
    return parseIdentity(readFileSync(controlFile, "utf8"));
  } catch {
    return null;
  }
}
