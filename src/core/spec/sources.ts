import type { Source } from "./service-spec.ts";

/** Longest path or URL; PATH_MAX of Linux. */
const CHARS_MAX = 4096;

export const SOURCE_FORMS =
  "an absolute path, a file:// URL, or an http:// or https:// URL of a tar.gz or zip archive";

/**
 * Reads a `model_path` or `processor_path`. The answer to one that cannot be used is what is allowed instead.
 * Whether anything is there is found out when it is fetched.
 */
export function parseSource(text: string): Source | { readonly kind: "refused"; readonly allowed: string } {
  const refused = (allowed: string) => ({ kind: "refused", allowed }) as const;
  if (text.length > CHARS_MAX) return refused(`at most ${CHARS_MAX} characters`);
  if (text.includes("\0")) return refused("a path without a NUL character");
  if (text.startsWith("/")) return { kind: "path", path: text };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === "oss") {
    return refused(
      `${SOURCE_FORMS}; object storage is not read by this build: copy the files to this machine, or give an https:// URL of an archive`,
    );
  }
  if (scheme === undefined) {
    return refused(
      `${SOURCE_FORMS}; a relative path is resolved by the sluice command, against the folder of the JSON file`,
    );
  }
  if (scheme !== "file" && scheme !== "http" && scheme !== "https") return refused(SOURCE_FORMS);
  const url = URL.parse(text);
  if (url === null) return refused(`${SOURCE_FORMS}; this is not a URL`);
  if (scheme !== "file") return { kind: "url", url: text };
  if (url.hostname !== "" && url.hostname !== "localhost") {
    return refused(`${SOURCE_FORMS}; a file:// URL has three slashes and names a file of this machine`);
  }
  const path = decode(url.pathname);
  return path === null || path.includes("\0")
    ? refused(`${SOURCE_FORMS}; this is not a URL`)
    : { kind: "path", path };
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** A file inside a folder: the path without a leading `./`; null when it leads out of the folder. */
export function parseEntry(text: string): string | null {
  const steps = text.split("/").filter((step) => step !== "" && step !== ".");
  const isInside = !text.startsWith("/") && !text.includes("\0") && !steps.includes("..") && steps.length > 0;
  return isInside && text.length <= CHARS_MAX ? steps.join("/") : null;
}
