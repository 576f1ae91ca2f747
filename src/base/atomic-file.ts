import { renameSync, rmSync, writeFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";

let serial = 0;

/**
 * Replaces a file whole: a reader sees the old text or the new one, never a part. Survives the death of the
 * process; there is no fsync, so after a power failure it may be either one.
 */
export async function writeFileAtomic(path: string, text: string, mode: number): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, text, { mode });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** {@link writeFileAtomic} for the last words of a process that is about to end. */
export function writeFileAtomicSync(path: string, text: string, mode: number): void {
  const temporary = temporaryName(path);
  try {
    writeFileSync(temporary, text, { mode });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** In the same folder, so that the rename cannot cross file systems; unlike any other writer's. */
function temporaryName(path: string): string {
  serial += 1;
  return `${path}.${process.pid}.${serial}.tmp`;
}
