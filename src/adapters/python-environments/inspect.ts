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

/** What `pip check` says is missing or does not fit, a line each. */
export async function conflictsOf(run: Run): Promise<readonly string[]> {
  const { out } = await runPython({ ...run, args: ["-m", "pip", "check", "--disable-pip-version-check"] });
  return out.split("\n").filter((line) => / (requires|has requirement|is not supported) /.test(line));
}
