import { readFile, rm, stat } from "node:fs/promises";
import { writeFileAtomic } from "../../base/atomic-file.ts";
import type { Expected } from "./checksums.ts";

/** What is known of a file of which a part is here. */
export interface PartialNote {
  /** A strong ETag, or the date of the last change: names exactly these bytes (RFC 9110 §13.1.5). */
  readonly validator: string;
  /** Null: the server did not say. */
  readonly bytesTotal: number | null;
  readonly expected: Expected;
}

/**
 * A file on its way here: `<path>` its bytes so far, `<path>.json` of what. It outlives this process, so that the next one
 * goes on where this one was killed. Without a note it cannot be told what the bytes are of, and they are worth nothing.
 */
export class Partial {
  readonly path: string;
  readonly #notePath: string;

  constructor(path: string) {
    this.path = path;
    this.#notePath = `${path}.json`;
  }

  /** What is here; null: nothing that could be gone on with. */
  async read(): Promise<{ readonly note: PartialNote; readonly bytes: number } | null> {
    try {
      const note = JSON.parse(await readFile(this.#notePath, "utf8")) as PartialNote;
      const { size: bytes } = await stat(this.path);
      const isWhole = typeof note.validator === "string" && typeof note.expected === "object";
      if (!isWhole || bytes === 0 || (note.bytesTotal !== null && bytes > note.bytesTotal)) return null;
      return { note, bytes };
    } catch {
      return null;
    }
  }

  async note(note: PartialNote): Promise<void> {
    await writeFileAtomic(this.#notePath, JSON.stringify(note), 0o600);
  }

  /** The note first: bytes without one are never gone on with. */
  async remove(): Promise<void> {
    await rm(this.#notePath, { force: true });
    await rm(this.path, { force: true });
  }
}
