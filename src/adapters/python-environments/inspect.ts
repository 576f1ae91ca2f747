import { FetchError } from "../../ports/files.ts";
import { type PythonRun, runPython } from "./run-python.ts";

/** What a Python is, as far as packages depend on it. */
export interface PythonIdentity {
  /** e.g. `3.11.7` */
  readonly version: string;
  /** e.g. `CPython linux-x86_64` */
  readonly platform: string;
  /** Where it is installed: an environment points there. */
  readonly prefix: string;
  /** Its program, e.g. `/usr/bin/python3`. */
  readonly executable: string;
}

const IDENTITY =
  "import json, platform, sys, sysconfig; print(json.dumps({'version': platform.python_version(), 'platform': platform.python_implementation() + ' ' + sysconfig.get_platform(), 'prefix': sys.prefix, 'executable': sys.executable}))";

/** Versions of the packages that are named in the arguments; null for one that is not there. */
const VERSIONS = `
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = None
print(json.dumps(found))
`;

/**
 * Imports what the package named in the argument is for: its module of the same name, else its topmost packages, and modules that are in none. What
 * belongs to it but is no module of its users (tests, private parts) is left alone.
 */
const IMPORT = `
import importlib, re, sys
from importlib import metadata
name = sys.argv[1]
dist = metadata.distribution(name)
found = {(line.strip(),) for line in (dist.read_text("top_level.txt") or "").split()}
for file in dist.files or ():
    if file.name == "__init__.py":
        found.add(file.parent.parts)
    elif len(file.parts) == 1 and file.suffix in (".py", ".so"):
        found.add((file.name.split(".")[0],))
inner = re.compile(r"_|(tests?|docs?|examples?|benchmarks?|scripts|tools|setup|conftest)$")
found = {parts for parts in found if parts and all(part.isidentifier() for part in parts) and not any(map(inner.match, parts))}
tops = sorted(parts for parts in found if not any(parts[:i] in found for i in range(1, len(parts))))
named = [parts for parts in tops if parts[0].lower() == name.replace("-", "_")]
for parts in named or tops:
    importlib.import_module(".".join(parts))
`;

type Run = Omit<PythonRun, "args" | "onLine">;

/** @throws FetchError when it is no Python that we know how to ask */
export async function identityOf(run: Run): Promise<PythonIdentity> {
  const { code, out, last } = await runPython({ ...run, args: ["-c", IDENTITY] });
  if (code !== 0) throw new FetchError(`the Python ${run.file} does not work: ${last.join(" / ")}`, true);
  return JSON.parse(out) as PythonIdentity;
}

/** @throws FetchError when the Python does not work */
export async function versionsOf(run: Run, names: readonly string[]): Promise<Record<string, string | null>> {
  const { code, out, last } = await runPython({ ...run, args: ["-c", VERSIONS, ...names] });
  if (code !== 0) throw new FetchError(`the Python ${run.file} does not work: ${last.join(" / ")}`, true);
  return JSON.parse(out) as Record<string, string | null>;
}

/**
 * Why a package that is there cannot be imported, in Python's last words; null: it can. In a process of its own, so that one that crashes
 * or hangs is no harm to us.
 */
export async function importProblemOf(run: Run, name: string, withinMs: number): Promise<string | null> {
  const late = AbortSignal.timeout(withinMs);
  try {
    const signal = AbortSignal.any([run.signal, late]);
    const { code, last } = await runPython({ ...run, args: ["-c", IMPORT, name], signal });
    if (code === 0) return null;
    return code === null ? "it ends the Python that imports it" : (last.at(-1) ?? `exit code ${code}`);
  } catch (error) {
    if (run.signal.aborted || !late.aborted) throw error;
    return `its import is not done after ${withinMs / 1000} s`;
  }
}

/** What `pip check` says is missing or does not fit, a line each. */
export async function conflictsOf(run: Run): Promise<readonly string[]> {
  const { out } = await runPython({ ...run, args: ["-m", "pip", "check", "--disable-pip-version-check"] });
  return out.split("\n").filter((line) => / (requires|has requirement|is not supported) /.test(line));
}
