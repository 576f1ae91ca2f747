import type { ServiceName } from "../core/names.ts";
import type { DesiredState, ServiceVersion } from "../core/service.ts";
import { parseSpec } from "../core/spec/parse.ts";
import { sourcesOf, sourceText } from "../core/spec/referenced.ts";
import type { FileCache } from "../ports/files.ts";

/** Whether a version could be run now; `why` says what is missing. */
export type Runnable =
  | { readonly kind: "true" }
  /** Something has to be brought first, and may or may not be there any more. */
  | { readonly kind: "unknown" }
  | { readonly kind: "false"; readonly why: string };

/** Looks at what a version needs, and brings nothing. */
export async function runnableOf(version: ServiceVersion, files: FileCache): Promise<Runnable> {
  let used: ReturnType<typeof sourcesOf>;
  try {
    used = sourcesOf(parseSpec(version.document).spec);
  } catch {
    return { kind: "false", why: "its service.json cannot be read by this Sluice" };
  }
  const states = await Promise.all(
    used.map(async (use) => ({ ...use, state: await files.look(use.source, use.entry) })),
  );
  const gone = states.find((s) => s.state === "gone");
  if (gone !== undefined) {
    const file = gone.entry === null ? "" : `, or its file ${gone.entry},`;
    return { kind: "false", why: `${sourceText(gone.source)}${file} is gone` };
  }
  return { kind: states.some((s) => s.state === "unknown") ? "unknown" : "true" };
}

/** All kept versions of a service, by number. */
export async function runnableVersions(
  state: DesiredState,
  name: ServiceName,
  files: FileCache,
): Promise<ReadonlyMap<number, Runnable>> {
  const looked = (state.versions.get(name) ?? []).map(
    async (version) => [version.version, await runnableOf(version, files)] as const,
  );
  return new Map(await Promise.all(looked));
}
