import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { EXIT, Failure, Misuse } from "../cli-io.ts";
import type { VerbRun } from "../verb.ts";

/** Folders with a whole processor each, which are tested as they are. */
const TEMPLATES = join(import.meta.dirname, "..", "..", "..", "templates");
/** What a template's service is called, wherever it is named. */
const PLACEHOLDER = "my_processor";
/** Files of the workers' own that a template includes, beside those in its folder: each has one source. */
const SHARED: Readonly<Record<string, readonly string[]>> = {
  cpp: [join(import.meta.dirname, "..", "..", "..", "processors", "cpp", "include", "sluice_processor.h")],
};
/** How each template's own tests are run, which also builds it where that is needed. */
const LANGUAGES: Readonly<Record<string, string>> = {
  python: "python3 -m unittest",
  java: "sh build.sh",
  cpp: "make",
  node: "node --test",
};
/** As people also say. */
const ALSO: Readonly<Record<string, string>> = {
  py: "python",
  "c++": "cpp",
  c: "cpp",
  javascript: "node",
  typescript: "node",
  js: "node",
  ts: "node",
};

export const run: VerbRun = async (session, [language, dir]) => {
  const { io } = session;
  const wanted = language!.toLowerCase();
  const template = Object.keys(LANGUAGES).find((name) => name === (ALSO[wanted] ?? wanted));
  if (template === undefined)
    throw new Misuse(`there is no template for ${language}; there are: ${Object.keys(LANGUAGES).join(", ")}`);
  const folder = resolve(io.cwd, dir!);
  const files = write(join(TEMPLATES, template), SHARED[template] ?? [], folder, nameFor(folder));
  for (const file of files) session.ok(`Wrote ${join(dir!, file)}`);
  const [service, request] = ["service.json", files.find((file) => file.startsWith("request."))!];
  session.tell(
    { Folder: folder, Files: files },
    () =>
      `Next, in ${dir}:\n  ${LANGUAGES[template]}\n  sluice test ${service} --request ${request}\n  sluice create ${service}\n`,
  );
  return EXIT.done;
};

/**
 * Copies a template, and what it shares with the workers, under the name of its service; the files, in the order of a listing.
 * @throws Failure when there is something in the folder, or it cannot be written
 */
function write(template: string, shared: readonly string[], folder: string, name: string): string[] {
  const files = filesIn(template);
  try {
    mkdirSync(folder, { recursive: true });
    if (readdirSync(folder).length > 0)
      throw new Failure(`${folder} is not empty; name a folder that is new, or has nothing in it`);
    cpSync(template, folder, { recursive: true, filter: (path) => isKept(basename(path)) });
    for (const file of files) {
      const text = readFileSync(join(folder, file), "utf8");
      if (text.includes(PLACEHOLDER)) writeFileSync(join(folder, file), text.replaceAll(PLACEHOLDER, name));
    }
    for (const path of shared) cpSync(path, join(folder, basename(path)));
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw new Failure(`${folder} cannot be written: ${(error as Error).message}`, { cause: error });
  }
  return [...files, ...shared.map((path) => basename(path))].toSorted((a, b) => a.localeCompare(b));
}

/** Not what running a template's own tests leaves in it. */
const isKept = (name: string) => !["__pycache__", "build", "node_modules"].includes(name);

function filesIn(template: string): string[] {
  const below = (folder: string): string[] =>
    readdirSync(folder, { withFileTypes: true })
      .filter((entry) => isKept(entry.name))
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .flatMap((entry) => {
        const path = join(folder, entry.name);
        return entry.isDirectory() ? below(path) : [relative(template, path)];
      });
  return below(template);
}

/** What a service may be called (eas-reference §1.0), as near to the folder's name as that allows. */
function nameFor(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_]+/g, "_")
    .replace(/^_+/, "")
    .slice(0, 63);
  return name === "" ? PLACEHOLDER : name;
}
