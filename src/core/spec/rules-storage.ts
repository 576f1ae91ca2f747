import { describeFound } from "./found.ts";
import type { Steps } from "./json-path.ts";
import type { Note } from "./rules.ts";
import type { ServiceDocument } from "./schema.ts";

type Mount = NonNullable<ServiceDocument["storage"]>[number];

const SOURCES = ["oss", "nfs", "dataset", "git", "image", "empty_dir", "cpfs", "secret"] as const;

/** Folders that a system cannot do without: nothing is mounted in their place, though below some of them (`/dev/shm`). */
const SYSTEM = new Set(
  "/ /bin /boot /dev /etc /lib /lib32 /lib64 /proc /root /run /sbin /sys /usr /usr/bin /usr/lib /usr/lib64 /usr/sbin /var".split(
    " ",
  ),
);

/** eas-reference §1.7: one source for each mount, and places that do not overlap and are none of the system's. */
export function storageFaults(
  storage: readonly Mount[],
  note: Note,
  isRefused: (steps: Steps) => boolean,
): void {
  const places: { readonly path: string; readonly at: number }[] = [];
  for (const [i, mount] of storage.entries()) {
    const sources = SOURCES.filter((name) => mount[name] !== undefined);
    const isWrongAlready = SOURCES.some((name) => isRefused(["storage", i, name]));
    if (sources.length !== 1 && !isWrongAlready) {
      const found = sources.length === 0 ? "no source" : sources.join(" and ");
      note(["storage", i], found, `exactly one of ${SOURCES.join(", ")}`);
    }
    const place = normalized(mount.mount_path);
    const steps: Steps = ["storage", i, "mount_path"];
    const show = () => describeFound(mount.mount_path, { type: "string" });
    if (place === undefined) continue;
    if (place === null) note(steps, show(), "an absolute path without ..");
    else if (SYSTEM.has(place)) note(steps, show(), "a folder that is none of the system's");
    else places.push({ path: `${place}/`, at: i });
  }
  noteOverlaps(places, note);
}

/** Null: it leaves the folder it names. Undefined: it has its problem already. */
function normalized(path: string | undefined): string | null | undefined {
  if (path === undefined) return undefined;
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  return names.includes("..") ? null : `/${names.join("/")}`;
}

/** In order, what is inside of a folder stands right behind it: the work does not grow with the square of the mounts. */
function noteOverlaps(places: { readonly path: string; readonly at: number }[], note: Note): void {
  const order = places.toSorted((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.at - b.at));
  let outer: (typeof places)[number] | null = null;
  for (const place of order) {
    if (outer !== null && place.path.startsWith(outer.path)) {
      const found = `a place in that of storage[${outer.at}]`;
      note(["storage", place.at, "mount_path"], found, "places that do not overlap");
    } else outer = place;
  }
}
