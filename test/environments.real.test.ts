/** Python environments over the whole program, without a network: packages come from a folder that this test fills. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { until } from "./harness/until.ts";

const SLOW_MS = 180_000;
const wheels = mkdtempSync(join(tmpdir(), "sluice-wheels-"));
const sluice = new Installation({ gatewayWorkers: 1, prepared: null });
// pip is told where packages are by its own settings, as users do.
process.env.PIP_NO_INDEX = "1";
process.env.PIP_FIND_LINKS = wheels;
before(async () => {
  for (const version of ["1.0", "2.0"]) makeWheel("sluice_tiny", version);
  makeWheel("sluice_torn", "1.0", "Requires-Dist: sluice-tiny>=3\n");
  await sluice.start();
});
after(async () => {
  await sluice.stop();
  rmSync(wheels, { recursive: true, force: true });
});

/** A wheel is a zip file with three texts about itself (Binary distribution format, PyPA specifications). */
function makeWheel(name: string, version: string, more = ""): void {
  const script = `
import sys, zipfile
folder, name, version, more = sys.argv[1:]
info = f"{name}-{version}.dist-info"
with zipfile.ZipFile(f"{folder}/{name}-{version}-py3-none-any.whl", "w") as z:
    z.writestr(f"{name}.py", f"VERSION = '{version}'\\n")
    z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n{more}")
    z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    z.writestr(f"{info}/RECORD", "")
`;
  execFileSync(process.env.SLUICE_PYTHON ?? "python3", ["-c", script, wheels, name, version, more]);
}

/** A source archive that pip has to build; its path. `code` is what it is made of (test/fixtures/source_archive.py). */
function makeSourceArchive(name: string, code: string): string {
  const script = join(ROOT, "test", "fixtures", "source_archive.py");
  execFileSync(process.env.SLUICE_PYTHON ?? "python3", [script, wheels, name, code]);
  return join(wheels, `${name}-1.0.tar.gz`);
}

const SERVER = `
import http.server, os, sluice_tiny, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        text = f"{sluice_tiny.VERSION} {sys.prefix == os.environ['VIRTUAL_ENV']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = do_GET
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`;
const APP = `
import os, sys, sluice_tiny
def process(data):
    return f"{sluice_tiny.VERSION} {sys.prefix == os.environ['VIRTUAL_ENV']}"
`;

/** A folder with both forms of a service, and a service.json. */
function write(name: string, rest: object, requirements: string | null = null): string {
  const folder = join(sluice.home, "services", name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "server.py"), SERVER);
  writeFileSync(join(folder, "app.py"), APP);
  if (requirements !== null) writeFileSync(join(folder, "requirements.txt"), requirements);
  const document = { name, processor_path: ".", metadata: { instance: 1, cpu: 0.1, memory: 256 }, ...rest };
  writeFileSync(join(folder, "service.json"), JSON.stringify(document));
  return join(folder, "service.json");
}
const command = (prepare: object) => ({ containers: [{ command: ["python", "server.py"], prepare }] });
const processor = (requirements: unknown) => ({
  processor_type: "python",
  processor_entry: "app.py",
  requirements,
});

async function answerOf(name: string): Promise<string> {
  const { AccessToken } = await sluice.service(name);
  const { status, body } = await sluice.predict(name, "", AccessToken);
  assert.equal(status, 200, body);
  return body;
}
const list = () => sluice.json("GET", "/api/v2/internal/environments");
const folders = () =>
  readdirSync(join(sluice.home, "environments"), { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => e.name);

test("a server and a processor share one environment, whose making is seen, and run with its packages", async () => {
  const said = await sluice.ok(
    "create",
    write("server", command({ pythonRequirements: ["sluice-tiny==1.0"] })),
  );
  assert.match(said, /Making a Python environment/);
  assert.match(said, /Installing Python packages/);
  assert.equal(await answerOf("server"), "1.0 True");
  const file = write("own", processor("requirements.txt"), "# pinned\nSluice_Tiny == 1.0\n");
  assert.doesNotMatch(await sluice.ok("create", file), /Making a Python environment/);
  assert.equal(await answerOf("own"), "1.0 True");
  const { Environments } = await list();
  assert.equal(Environments.length, 1);
  assert.deepEqual(Environments[0].Packages, ["sluice-tiny 1.0"]);
  const names = Environments[0].Referrers.map((r: { ServiceName: string }) => r.ServiceName);
  assert.deepEqual(names.toSorted(), ["own", "server"]);
  assert.match(await sluice.ok("env", "ls"), /own v1, server v1 .*sluice-tiny 1\.0/);
});

test("what is made is used again after a restart of everything, and cannot be removed while it is used", async () => {
  const before = folders();
  await sluice.killControl();
  await sluice.startControl();
  await sluice.ok("restart", "server");
  assert.equal(await answerOf("server"), "1.0 True");
  assert.deepEqual(folders(), before);
  const { Environments } = await list();
  const refused = await sluice.cli("env", "rm", Environments[0].EnvironmentId.slice(0, 10));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /is in use/);
});

test("an update with another version gets an environment of its own; one that is prepared is there at once", async () => {
  const requirements = join(sluice.home, "two.txt");
  writeFileSync(requirements, "sluice-tiny==2.0\n");
  assert.match(await sluice.ok("env", "build", requirements), /is ready: sluice-tiny 2\.0/);
  const changed = write("own", processor(["sluice-tiny==2.0"]));
  assert.doesNotMatch(await sluice.ok("modify", "own", "-s", changed), /Making a Python environment/);
  assert.equal(await answerOf("own"), "2.0 True");
  assert.equal((await list()).Environments.length, 2);
});

test("requirements that cannot be had, or do not fit, are told with pip's words and the field", async () => {
  const wanted = [
    ["lost", ["sluice-tiny==9.9"], /No matching distribution found for sluice-tiny==9\.9/],
    ["torn", ["sluice-torn==1.0"], /sluice-tiny>=3/],
  ] as const;
  for (const [name, lines, reason] of wanted) {
    await sluice.cli("create", write(name, command({ pythonRequirements: lines })), "--no-wait");
    await until(
      async () => (await sluice.service(name)).Reason === "FETCH_FAILED",
      `${name} to fail`,
      SLOW_MS,
    );
    const { Message } = await sluice.service(name);
    assert.match(Message, /^containers\[0\]\.prepare\.pythonRequirements: pip cannot install them: /);
    assert.match(Message, reason);
  }
  const refused = await sluice.cli("create", write("bad", processor(["-r other.txt"])));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr + refused.stdout, /requirements\[0\]: found "-r other\.txt"/);
});

test("a source archive is built, by name and by its address, and what cannot be imported is told", async () => {
  makeSourceArchive("sluice_tiny_source", "VERSION = 'built'\n");
  const torn = makeSourceArchive("sluice_tiny_torn", "raise ImportError('libtorn.so.1 is missing')\n");
  const requirements = join(sluice.home, "sources.txt");
  writeFileSync(requirements, `sluice-tiny-source==1.0\nsluice-tiny-torn @ file://${torn}\n`);
  const { code, stdout, stderr } = await sluice.cli("env", "build", requirements);
  const said = stdout + stderr;
  assert.equal(code, 0, said);
  assert.match(said, /is ready: sluice-tiny-source 1\.0, sluice-tiny-torn 1\.0/);
  assert.match(
    said,
    /sluice-tiny-torn is there and cannot be imported: ImportError: libtorn\.so\.1 is missing/,
  );
  assert.doesNotMatch(said, /sluice-tiny-source is there and cannot/);
  assert.equal((await list()).Environments[0].Notes.length, 1);
  const address = processor([
    `sluice-tiny-source @ file://${join(wheels, "sluice_tiny_source-1.0.tar.gz")}`,
    "sluice-tiny==2.0",
  ]);
  await sluice.ok("create", write("sourced", address));
  assert.equal(await answerOf("sourced"), "2.0 True");
});

test("of a build that fails, the words of the build are told", async () => {
  makeSourceArchive("sluice_unbuilt", "fail");
  const requirements = join(sluice.home, "unbuilt.txt");
  writeFileSync(requirements, "sluice-unbuilt==1.0\n");
  const { code, stderr } = await sluice.cli("env", "build", requirements);
  assert.equal(code, 1);
  assert.match(stderr, /pip cannot install them: .*RuntimeError: the compiler is not there/);
});

test("a pip that a killed control process left is ended before its folder is cleared away", async () => {
  makeSourceArchive("sluice_held", "hold");
  const requirements = join(sluice.home, "held.txt");
  writeFileSync(requirements, "sluice-held==1.0\n");
  await sluice.ok("env", "build", requirements, "--no-wait");
  await until(() => pipsOf("sluice-held").length > 0, "pip to be at work", SLOW_MS);
  const [{ pid, folder }] = pipsOf("sluice-held") as [Pip];
  await sluice.killControl();
  assert.notEqual(commandOf(pid), "");
  await sluice.startControl();
  assert(!existsSync(folder));
  await until(() => commandOf(pid) === "", "the pip that was left to end");
});

interface Pip {
  readonly pid: string;
  readonly folder: string;
}

/** Every pip that makes an environment of this home with the package. */
function pipsOf(name: string): Pip[] {
  return readdirSync("/proc").flatMap((pid) => {
    const folder = /(\S*\/environments\/[0-9a-f]{12}-[0-9a-f]{8})\/\S* -m pip install /.exec(
      commandOf(pid),
    )?.[1];
    if (folder?.startsWith(sluice.home) !== true) return [];
    return textOr(join(folder, "requirements.txt")).includes(name) ? [{ pid, folder }] : [];
  });
}

/** Empty when there is no such process, or it has ended. */
const commandOf = (pid: string) => textOr(`/proc/${pid}/cmdline`).replaceAll("\0", " ");

function textOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it is gone
  }
}
