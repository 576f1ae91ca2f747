import type { Source } from "./service-spec.ts";

/** Longest path or URL; PATH_MAX of Linux. */
const CHARS_MAX = 4096;

export const SOURCE_FORMS =
  "an absolute path, a file:// URL, an http:// or https:// URL of a tar.gz or zip archive, an oss:// or s3:// URL of an object or of a folder, or a git+https:// URL with @ and a branch, tag or commit";

type Refused = { readonly kind: "refused"; readonly allowed: string };
const refused = (allowed: string): Refused => ({ kind: "refused", allowed });

/**
 * Reads a `model_path` or `processor_path`. The answer to one that cannot be used is what is allowed instead.
 * Whether anything is there is found out when it is fetched.
 */
export function parseSource(text: string): Source | Refused {
  if (text.length > CHARS_MAX) return refused(`at most ${CHARS_MAX} characters`);
  if (text.includes("\0")) return refused("a path without a NUL character");
  if (text.startsWith("/")) return { kind: "path", path: text };
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) {
    return refused(
      `${SOURCE_FORMS}; a relative path is resolved by the sluice command, against the folder of the JSON file`,
    );
  }
  if (scheme === "oss" || scheme === "s3") return parseObject(text);
  if (scheme.startsWith("git+")) return parseGit(text, scheme);
  if (scheme !== "file" && scheme !== "http" && scheme !== "https") return refused(SOURCE_FORMS);
  const url = URL.parse(text);
  if (url === null) return refused(`${SOURCE_FORMS}; this is not a URL`);
  if (scheme !== "file") return parseSum(url.hash) ?? { kind: "url", url: text };
  if (url.hostname !== "" && url.hostname !== "localhost") {
    return refused(`${SOURCE_FORMS}; a file:// URL has three slashes and names a file of this machine`);
  }
  const path = decode(url.pathname);
  return path === null || path.includes("\0")
    ? refused(`${SOURCE_FORMS}; this is not a URL`)
    : { kind: "path", path };
}

/** Names of buckets (S3: 3 to 63 of a-z 0-9 . -); of OSS its host with the endpoint, too. */
const BUCKET = /^(s3|oss):\/\/([a-z0-9][a-z0-9.-]{1,252}[a-z0-9])(\/[^?#]*)?(\?[^#]*)?(#.*)?$/i;

function parseObject(text: string): Source | Refused {
  const found = BUCKET.exec(text);
  if (found === null || found[4] !== undefined) {
    return refused(`${SOURCE_FORMS}; one of an object is oss://bucket/key, without name, port or query`);
  }
  return parseSum(found[5] ?? "") ?? { kind: "url", url: text };
}

const GIT_SCHEMES = new Set(["git+https", "git+http", "git+ssh", "git+file"]);

function parseGit(text: string, scheme: string): Source | Refused {
  const url = URL.parse(text.slice("git+".length));
  if (url === null || !GIT_SCHEMES.has(scheme)) {
    return refused(`${SOURCE_FORMS}; git is fetched by git+https, git+http, git+ssh or git+file`);
  }
  if (url.search !== "" || url.hash !== "")
    return refused(`${SOURCE_FORMS}; one of git has no query and no fragment`);
  const ref = /@([^@]*)$/.exec(url.pathname)?.[1];
  const isPlain = ref === undefined || /^[A-Za-z0-9][\w./+-]*$/.test(ref);
  if (!isPlain || ref?.includes("..") || url.pathname.startsWith("/-"))
    return refused(`${SOURCE_FORMS}; after @ stands a branch, a tag or a whole commit`);
  return { kind: "url", url: text };
}

/** What is wrong with a fragment that names the checksum; null: nothing. */
function parseSum(hash: string): Refused | null {
  const isOther = !/^#sha256/i.test(hash);
  if (isOther || /^#sha256=[0-9a-f]{64}$/i.test(hash)) return null;
  return refused(`${SOURCE_FORMS}; behind #sha256= stand 64 hexadecimal digits`);
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
