import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { readStartTicks } from "../../base/process-identity.ts";
import type { WantedEnvironment } from "../../ports/environments.ts";
import { FetchError } from "../../ports/files.ts";
import { VirtualEnvironments } from "./environments.ts";
import type { EnvironmentLimits } from "./limits.ts";

/**
 * Stands in for Python: makes "environments" whose python is itself, notes each call, and goes by files beside it: `hold` makes pip
 * wait until it is gone, `fail` makes it fail, `conflict` is what `pip check` says after an installation.
 */
const FAKE = `#!/bin/sh
here="$FAKE_HOME"
echo "$*" >> "$here/calls"
env | grep -c SLUICE_ >> "$here/secrets"
case "$*" in
  *"'prefix'"*) echo '{"version":"3.11.7","platform":"CPython linux","prefix":"'"$(dirname "$0")"'","executable":"'"$0"'"}' ;;
  "-m venv"*) for last; do :; done; mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;;
  *"pip --version"*) echo pip 1 ;;
  *"pip check"*) cat "$here/faults" 2>/dev/null; [ ! -e requirements.txt ] || cat "$here/conflict" 2>/dev/null; true ;;
  *"pip install"*)
    echo "Looking in indexes: https://me:s3cret@index.test/simple"
    echo "Collecting tiny from https://me:s3cret@index.test/tiny"
    while [ -e "$here/hold" ]; do sleep 0.05; done
    if [ -e "$here/fail" ]; then echo "ERROR: No matching distribution found for tiny" >&2; exit 1; fi
    echo data > "$(dirname "$0")/installed" ;;
  *import_module*) for last; do :; done
    if grep -qx "$last" "$here/torn" 2>/dev/null; then echo "ImportError: libtorn.so.1 is missing" >&2; exit 1; fi
    if grep -qx "$last" "$here/deadly" 2>/dev/null; then kill -9 $$; fi
    if grep -qx "$last" "$here/endless" 2>/dev/null; then exec sleep 100; fi ;;
  *metadata*) cat "$(dirname "$0")/versions" 2>/dev/null && exit; shift 2; printf '{'; s=""; for n; do printf '%s"%s":"1.0"' "$s" "$n"; s=","; done; echo '}' ;;
esac
`;

function begin(t: TestContext, options: { bytesMax?: number; limits?: Partial<EnvironmentLimits> } = {}) {
  const home = mkdtempSync(join(tmpdir(), "sluice-env-"));
  t.after(() => rmSync(home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }));
  const python = join(home, "python");
  writeFileSync(python, FAKE, { mode: 0o755 });
  let nowMs = Date.UTC(2026, 0, 1);
  const wanted: WantedEnvironment[] = [];
  const paths: string[] = [];
  const open = (root = "environments", prepared: string | null = null) =>
    new VirtualEnvironments({
      root: join(home, root),
      prepared,
      pythons: [python, join(home, "system", "python")],
      env: { PATH: process.env.PATH, FAKE_HOME: home, SLUICE_SECRET: "s3cret" },
      bytesMax: options.bytesMax ?? 1e9,
      references: { environments: async () => wanted, pathsInUse: async () => paths },
      limits: { progressMs: 0, ...options.limits },
      now: () => ++nowMs,
    });
  const said: string[] = [];
  const say = (line: string) => void said.push(line);
  const file = (name: string) => join(home, name);
  const installs = () =>
    (existsSync(file("calls")) ? readFileSync(file("calls"), "utf8") : "")
      .split("\n")
      .filter((line) => line.includes("pip install")).length;
  return { home, open, wanted, paths, said, say, file, installs };
}

const signal = () => new AbortController().signal;
const lines = (...all: string[]): WantedEnvironment => ({ lines: all, file: null });

/** Waits for something with a bound that a busy machine keeps. */
async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it did not come to be so");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test("one set is made once, whoever asks and however it is written, and is there after a restart", async (t) => {
  const { open, say, said, installs, file } = begin(t);
  const environments = open();
  const [one, two] = await Promise.all([
    environments.prepare(lines("Tiny == 1.0", "other==2"), say, signal()),
    environments.prepare(lines("other==2", "tiny==1.0"), say, signal()),
  ]);
  assert.equal(one, two);
  assert(existsSync(join(one, "bin", "installed")));
  assert.equal(await open().prepare(lines("tiny==1.0", "other==2"), say, signal()), one);
  assert.equal(installs(), 1);
  assert(said.includes("Making a Python environment"));
  assert(said.includes("Installing Python packages: collecting tiny from https://index.test/tiny"));
  assert(!said.some((line) => line.includes("s3cret")));
  assert.deepEqual([...new Set(readFileSync(file("secrets"), "utf8").split("\n"))], ["0", ""]);
  const [kept] = await environments.list();
  assert.deepEqual(kept!.packages, ["other 1.0", "tiny 1.0"]);
  assert.equal(kept!.python, "3.11.7");
});

test("what was left half made counts for nothing, is ended and cleared away", async (t) => {
  const { open, say, file, home, installs } = begin(t);
  writeFileSync(file("hold"), "");
  const half = open().prepare(lines("tiny==1.0"), say, signal());
  half.catch(() => {});
  await until(() => installs() === 1);
  // Another life finds the folder of the first, which has said nothing of being done, and its pip at work.
  const root = join(home, "environments");
  assert.equal(readdirSync(root).length, 2);
  const next = open();
  assert.deepEqual(readdirSync(root), []);
  await assert.rejects(half, /pip cannot install them/);
  rmSync(file("hold"));
  const folder = await next.prepare(lines("tiny==1.0"), say, signal());
  assert(existsSync(join(folder, "bin", "installed")));
  assert.equal(installs(), 2);
});

test("what another process that lives is at is left alone, and a set that it was first with is taken from it", async (t) => {
  const { open, say, file, home, installs } = begin(t);
  const root = join(home, "environments");
  mkdirSync(root);
  const other = { pid: process.ppid, startTicks: readStartTicks(process.ppid) };
  writeFileSync(join(root, "0123456789ab-01234567.owner"), JSON.stringify(other));
  mkdirSync(join(root, "0123456789ab-01234567"));
  writeFileSync(join(root, "0123456789ab-89abcdef.owner"), JSON.stringify({ ...other, startTicks: 1 }));
  mkdirSync(join(root, "0123456789ab-89abcdef"));
  writeFileSync(file("hold"), "");
  const [one, two] = [open(), open()];
  assert.deepEqual(readdirSync(root), ["0123456789ab-01234567", "0123456789ab-01234567.owner"]);
  const both = [one, two].map((own) => own.prepare(lines("tiny==1.0"), say, signal()));
  await until(() => installs() === 2);
  rmSync(file("hold"));
  const [first, second] = await Promise.all(both);
  assert.equal(first, second);
  assert(existsSync(first!));
  assert.equal(readdirSync(root).length, 4); // theirs, and one folder with its marker
});

test("it ends when nobody wants it any more, and leaves nothing", async (t) => {
  const { open, say, file, home, installs } = begin(t);
  writeFileSync(file("hold"), "");
  const environments = open();
  const end = new AbortController();
  const work = environments.prepare(lines("tiny==1.0"), say, end.signal);
  work.catch(() => {});
  await until(() => installs() === 1);
  end.abort(new Error("not wanted"));
  await assert.rejects(work, /not wanted/);
  await until(() => readdirSync(join(home, "environments")).length === 0);
  rmSync(file("hold"));
  await environments.prepare(lines("tiny==1.0"), say, signal());
});

test("what pip says last is what is told of a failure, and nothing is kept", async (t) => {
  const { open, say, file, home } = begin(t);
  writeFileSync(file("fail"), "");
  await assert.rejects(open().prepare(lines("tiny==1.0"), say, signal()), (error) => {
    assert(error instanceof FetchError && error.isRetriable);
    assert.match(error.message, /^pip cannot install them: .*No matching distribution found for tiny$/);
    assert(!error.message.includes("s3cret"));
    return true;
  });
  assert.deepEqual(readdirSync(join(home, "environments")), []);
});

test("each package is imported, and what cannot be is told without being a failure", async (t) => {
  const { open, say, said, file } = begin(t);
  for (const name of ["torn", "deadly"]) writeFileSync(file(name), `${name}\n`);
  await open().prepare(lines("fine==1", "torn==1", "deadly==1"), say, signal());
  const told = said.filter((line) => line.includes("cannot be imported"));
  assert.deepEqual(told, [
    "The Python package deadly is there and cannot be imported: it ends the Python that imports it",
    "The Python package torn is there and cannot be imported: ImportError: libtorn.so.1 is missing",
  ]);
  assert(said.includes("Verifying Python packages: importing fine"));
});

test("an import that does not end is ended", async (t) => {
  const { open, say, said, file } = begin(t, { limits: { importMs: 100 } });
  writeFileSync(file("endless"), "endless\n");
  await open().prepare(lines("endless==1"), say, signal());
  assert(
    said.includes(
      "The Python package endless is there and cannot be imported: its import is not done after 0.1 s",
    ),
  );
});

test("packages that do not fit together are refused", async (t) => {
  const { open, say, file } = begin(t);
  writeFileSync(file("conflict"), "tiny 1.0 requires other, which is not installed.\n");
  await assert.rejects(
    open().prepare(lines("tiny==1.0"), say, signal()),
    /do not fit together: tiny 1.0 requires other/,
  );
});

test("a file of requirements is read; what is wrong in it has its place", async (t) => {
  const { open, say, file, installs } = begin(t);
  const environments = open();
  writeFileSync(file("r.txt"), "# ours\ntiny==1.0\n");
  const one = await environments.prepare({ lines: [], file: file("r.txt") }, say, signal());
  assert.equal(await environments.prepare(lines("tiny==1.0"), say, signal()), one);
  assert.equal(installs(), 1);
  writeFileSync(file("r.txt"), "tiny==1.0\n-r other.txt\n");
  const wrong = environments.prepare({ lines: [], file: file("r.txt") }, say, signal());
  await assert.rejects(wrong, /r\.txt, line 2: found "-r other\.txt", allowed: a requirement/);
  const gone = environments.prepare({ lines: [], file: file("gone.txt") }, say, signal());
  await assert.rejects(gone, (e) => e instanceof FetchError && !e.isRetriable && /gone\.txt/.test(e.message));
});

test("over the bound, what nobody uses goes, the longest unused first", async (t) => {
  const { open, say, wanted, paths } = begin(t, { bytesMax: 1 });
  const environments = open();
  wanted.push(lines("a==1"), { lines: [], file: "/gone/requirements.txt" });
  const a = await environments.prepare(lines("a==1"), say, signal());
  const b = await environments.prepare(lines("b==1"), say, signal());
  paths.push(b);
  const c = await environments.prepare(lines("c==1"), say, signal());
  const d = await environments.prepare(lines("d==1"), say, signal());
  assert.deepEqual(
    [a, b, c, d].map((f) => existsSync(f)),
    [true, true, false, true],
  );
  const addressOf = (line: string) => environments.addressOf(lines(line));
  assert.equal(await environments.remove(await addressOf("a==1")), "in-use");
  assert.equal(await environments.remove(await addressOf("b==1")), "in-use");
  assert.equal(await environments.remove(await addressOf("c==1")), "not-found");
  assert.equal(await environments.remove(await addressOf("d==1")), "removed");
  assert(!existsSync(d));
});

test("an environment whose Python has gone is made again", async (t) => {
  const { open, say } = begin(t);
  const environments = open();
  const one = await environments.prepare(lines("a==1"), say, signal());
  rmSync(join(one, "bin", "python"));
  const two = await environments.prepare(lines("a==1"), say, signal());
  assert.notEqual(one, two);
  assert(existsSync(join(two, "bin", "python")));
});

test("a machine without Python says so", async (t) => {
  const { open, say, file } = begin(t);
  const environments = open();
  rmSync(file("python"));
  await assert.rejects(environments.prepare(lines("a==1"), say, signal()), /is not on this machine/);
});

test("an environment that another made is used from there, and stays as it is", async (t) => {
  const { open, say, file, installs, wanted } = begin(t, { bytesMax: 0 });
  const made = await open("elsewhere").prepare(lines("a==1"), say, signal());
  const environments = open("environments", file("elsewhere"));
  assert.equal(await environments.prepare(lines("a==1"), say, signal()), made);
  assert.equal(installs(), 1);
  const own = await environments.prepare(lines("b==1"), say, signal());
  assert(own.startsWith(file("environments")));
  // Over the bound, what nobody uses goes: of its own only.
  wanted.push(lines("b==1"));
  await environments.prepare(lines("c==1"), say, signal());
  assert(existsSync(made));
  assert.equal((await environments.list()).filter((e) => e.folder === made).length, 1);
  assert.equal(await environments.remove(await environments.addressOf(lines("a==1"))), "in-use");
  assert(existsSync(made));
});

test("packages that a Python of the machine has are used in place of those that would be brought", async (t) => {
  const { open, say, home, file } = begin(t);
  const accepts = { has: ["tiny>=1.13,<3"], adds: ["other==2"] };
  const wanted: WantedEnvironment = { ...lines("tiny==2.9.1", "other==2", "cuda==1"), accepts };
  const environments = open();
  const versions = (folder: string, tiny: string | null) => {
    mkdirSync(join(home, folder), { recursive: true });
    writeFileSync(join(home, folder, "versions"), JSON.stringify({ tiny }));
  };
  versions(".", null);
  const pinned = await environments.addressOf(wanted);
  assert.equal(pinned, await environments.addressOf(lines("tiny==2.9.1", "other==2", "cuda==1")));

  // The Python of the system comes, with a version as distributions write it.
  versions("system", "1.13.0a0+gitunknown");
  writeFileSync(join(home, "system", "python"), FAKE, { mode: 0o755 });
  const next = open();
  const folder = await next.prepare(wanted, say, signal());
  const [kept] = await next.list();
  assert.deepEqual(kept!.requirements, ["other==2", "tiny==1.13.0a0+gitunknown"]);
  assert.equal(kept!.base, join(home, "system", "python"));
  assert.notEqual(kept!.address, pinned);
  assert.match(readFileSync(file("calls"), "utf8"), new RegExp(`-m venv .*${folder}`));
  // Requirements of the user's own are made of the first Python, whatever another has.
  const own = await next.addressOf(lines("other==2", "tiny==1.13.0a0+gitunknown"));
  assert.notEqual(own, kept!.address);

  // Another version of the system's is another environment; one out of the range is not used.
  versions("system", "2.1.0");
  const changed = await open().addressOf(wanted);
  assert.notEqual(changed, kept!.address);
  assert.notEqual(changed, pinned);
  versions("system", "3.0.0");
  assert.equal(await open().addressOf(wanted), pinned);
  // The first Python comes first, when it has them.
  versions("system", "2.1.0");
  versions(".", "2.2.0");
  await open().prepare(wanted, say, signal());
  const bases = (await open().list()).map((e) => e.base).toSorted();
  assert.deepEqual(bases, [join(home, "python"), join(home, "system", "python")]);
});

test("how packages of the system fit together is not judged, unlike those that were brought", async (t) => {
  const { open, say, home, file } = begin(t);
  writeFileSync(join(home, "versions"), JSON.stringify({ tiny: "1.0" }));
  writeFileSync(file("faults"), "tiny 1.0 requires typing, which is not installed.\n");
  await assert.rejects(open().prepare(lines("tiny==2"), say, signal()), /they do not fit together: tiny 1/);
  const wanted = { ...lines("tiny==2"), accepts: { has: ["tiny>=1,<2"], adds: [] } };
  await open().prepare(wanted, say, signal());
  // What is new is a fault of what was brought.
  writeFileSync(file("conflict"), "tiny 1.0 has requirement other<2, but you have other 2.\n");
  await assert.rejects(open("fresh").prepare(wanted, say, signal()), /they do not fit together: tiny 1/);
});
