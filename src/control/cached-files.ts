import { ServingError } from "../core/errors.ts";
import type { InstanceSpec } from "../core/instance-spec.ts";
import type { ServiceName } from "../core/names.ts";
import type { DesiredState } from "../core/service.ts";
import { referrers } from "../core/spec/referenced.ts";
import type { FileCache } from "../ports/files.ts";

/** The model cache as a whole. */
export interface CachedFiles {
  /** Bytes that may be kept. */
  readonly bytesMax: number;
  /** The newest used first. */
  readonly contents: readonly CachedFile[];
}

/** One content of the model cache. */
export interface CachedFile {
  readonly id: string;
  /** Of the unpacked files. */
  readonly bytes: number;
  /** When it was last asked for, ms since 1970. */
  readonly usedAtMs: number;
  readonly sources: readonly string[];
  /** Versions whose source led to it, by name and number. */
  readonly referrers: readonly { readonly service: ServiceName; readonly version: number }[];
}

/** What is kept, and which versions refer to it. */
export async function cachedFiles(files: FileCache, state: DesiredState): Promise<CachedFiles> {
  const all = referrers(state);
  const contents = (await files.contents()).map(({ id, bytes, usedAtMs, sources, isOf }) => {
    const own = all.filter((r) => isOf(r.source)).map(({ service, version }) => ({ service, version }));
    const once = new Map(own.map((r) => [`${r.service} ${r.version}`, r]));
    const order = [...once.values()].toSorted(
      (a, b) => a.service.localeCompare(b.service) || a.version - b.version,
    );
    return { id, bytes, usedAtMs, sources, referrers: order };
  });
  return { bytesMax: await files.bytesMax(), contents };
}

/** @throws ServingError CONTENT_NOT_FOUND, CONTENT_IN_USE */
export async function deleteCachedFile(files: FileCache, id: string): Promise<void> {
  const result = await files.remove(id);
  if (result === "not-found") throw new ServingError("CONTENT_NOT_FOUND", { content: id });
  if (result === "in-use") throw new ServingError("CONTENT_IN_USE", { content: id });
}

/** Where an instance has its files from. */
export function pathsOf({ processor, model, warmUpPath, environmentPath }: InstanceSpec): string[] {
  const dir = processor.kind === "builtin" ? null : processor.dir;
  return [dir, model.path, model.entry, warmUpPath ?? null, environmentPath ?? null].filter(
    (path) => path !== null,
  );
}
