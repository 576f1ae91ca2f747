import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isPinned, packageOf, withoutPasswords } from "../../core/spec/requirements.ts";
import { FetchError } from "../../ports/files.ts";
import { conflictsOf, importProblemOf, versionsOf } from "./inspect.ts";
import type { EnvironmentLimits } from "./limits.ts";
import { runPython } from "./run-python.ts";

export interface BuildJob {
  /** The Python it is made of. */
  readonly python: string;
  /** An empty folder that it stays in: scripts in it name its place. */
  readonly folder: string;
  /** In normal form. */
  readonly lines: readonly string[];
  /** Names of those among them that the Python of the machine has: how they fit there is not for us to judge. */
  readonly taken: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly limits: EnvironmentLimits;
  readonly say: (line: string) => void;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What was made. */
interface Built {
  readonly packages: string[];
  readonly notes: string[];
}

/** Steps of pip that take time. */
const TELLING = /^\s*(Collecting|Downloading|Building|Installing|Preparing|Using cached|Processing) /;
/** What pip puts around what a build said. */
const FRAME = /^\s*(note: |│ exit code|╰─>|error: subprocess-exited-with-error)/;
/** What pip says before or after the reason of a failure, for people at a terminal. */
const IDLE =
  /^\s*(\[notice\]|WARNING: (You are using|Running pip)|Looking in |Requirement already satisfied)/;

/**
 * Makes an environment, brings its packages, looks whether they fit together, and imports each that was asked for. What the system has and fits is used.
 * @returns what is there of the packages that were asked for: `numpy 1.26.4`; and what is to be known of them
 * @throws FetchError with pip's last lines; the signal's reason
 */
export async function buildEnvironment(job: BuildJob): Promise<Built> {
  const { folder, lines, taken, env, limits, signal } = job;
  const python = join(folder, "bin", "python");
  const run = { file: python, cwd: folder, env, limits, signal };
  job.say("Making a Python environment");
  await make(job);
  const before = new Set(await conflictsOf(run));
  const file = join(folder, "requirements.txt");
  await writeFile(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  const install = [
    "-m",
    "pip",
    "install",
    "--disable-pip-version-check",
    "--no-color",
    "--progress-bar",
    "off",
    "--no-warn-script-location",
    "-r",
    file,
  ];
  const end = await runPython({ ...run, args: install, onLine: teller(job) });
  if (end.code !== 0) throw failed("pip cannot install them", reasonIn(end.tail, limits.lastLines));
  job.say("Installing Python packages: looking whether they fit together");
  const names = [...new Set(lines.map(packageOf))];
  const brought = names.filter((name) => !taken.includes(name));
  const versions = await versionsOf(run, names);
  // What was wrong on the system before, and has nothing to do with these packages, is not for us to judge.
  const conflicts = (await conflictsOf(run)).filter(
    (line) =>
      !before.has(line) ||
      brought.includes((line.split(" ")[0] ?? "").toLowerCase().replaceAll(/[-_.]+/g, "-")),
  );
  if (conflicts.length > 0)
    throw failed("pip installed them, and they do not fit together", conflicts.slice(-limits.lastLines));
  const missing = names.filter(
    (name) => versions[name] === null && !lines.some((l) => packageOf(l) === name && l.includes(";")),
  );
  if (missing.length > 0)
    throw failed(
      "pip said that it installed them",
      missing.map((name) => `${name} is not there`),
    );
  const notes = await verifyImports(
    job,
    run,
    names.filter((name) => versions[name] !== null),
  );
  const loose = lines.filter((line) => !isPinned(line)).map(packageOf);
  if (loose.length > 0)
    job.say(`Python packages without an exact version stay as they are now: ${loose.join(", ")}`);
  const packages = names.flatMap((name) => (versions[name] === null ? [] : [`${name} ${versions[name]}`]));
  return { packages, notes };
}

/**
 * Each package that was asked for is imported once. One that cannot be is told, and no failure: what it lacks may be a device or a driver that
 * the processor does without, and if it is not, the processor fails by the same words. Making it anew would not help.
 * @returns what is to be known of them
 */
async function verifyImports(
  { say, limits }: BuildJob,
  run: Parameters<typeof importProblemOf>[0],
  names: readonly string[],
): Promise<string[]> {
  const notes: string[] = [];
  for (const name of names) {
    say(`Verifying Python packages: importing ${name}`);
    const problem = await importProblemOf(run, name, limits.importMs);
    if (problem === null) continue;
    notes.push(`The Python package ${name} is there and cannot be imported: ${problem}`);
    say(notes.at(-1)!);
  }
  return notes;
}

/** With the pip that the system has, which is far quicker; with one of its own where there is none. */
async function make({ python, folder, env, limits, signal }: BuildJob): Promise<void> {
  const run = { cwd: folder, env, limits, signal };
  const venv = ["-m", "venv", "--system-site-packages", "--without-pip", folder];
  const made = await runPython({ ...run, file: python, args: venv });
  if (made.code !== 0) throw failed("python -m venv fails", made.last);
  const own = { ...run, file: join(folder, "bin", "python") };
  const hasPip = await runPython({ ...own, args: ["-m", "pip", "--version"] });
  if (hasPip.code === 0) return;
  const brought = await runPython({ ...own, args: ["-m", "ensurepip"] });
  if (brought.code !== 0) throw failed("there is no pip, and python -m ensurepip fails", brought.last);
}

function teller({ say, now, limits }: BuildJob): (line: string) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (line) => {
    if (!TELLING.test(line) || now() - saidAt < limits.progressMs) return;
    saidAt = now();
    const step = line.trim();
    say(`Installing Python packages: ${step.charAt(0).toLowerCase()}${step.slice(1)}`);
  };
}

/** Of pip's words about a build that failed, the last of what the build itself said; else pip's last words. */
function reasonIn(tail: readonly string[], linesMax: number): readonly string[] {
  const end = tail.findIndex((line) => line.trim() === "[end of output]");
  const told = tail.filter((line) => !FRAME.test(line));
  if (end === -1) return told.slice(-linesMax);
  const what = tail.findLast((line, i) => i < end && /^\s*×/.test(line));
  return [
    ...(what === undefined ? [] : [what]),
    ...tail
      .slice(0, end)
      .filter((line) => !FRAME.test(line))
      .slice(-2),
  ];
}

/** A network may come back, and an index may get the package: tried again in any case. */
function failed(what: string, last: readonly string[]): FetchError {
  const said = last.filter((line) => !IDLE.test(line)).map((line) => withoutPasswords(line.trim()));
  return new FetchError(`${what}: ${said.join(" / ") || "it said nothing"}`, true);
}
