import assert from "node:assert/strict";
import test from "node:test";
import { cliBench } from "../../testing/cli-run.ts";
import { checkClock, checkSkew } from "./clock.ts";
import { checkHome, checkPorts } from "./installation.ts";
import { type Machine, REAL_MACHINE } from "./machine.ts";
import {
  checkCompiler,
  checkDocker,
  checkJava,
  checkNode,
  checkPython,
  checkRegistries,
} from "./programs.ts";
import { checkCgroups, checkDisk, checkLimits, checkMemory } from "./resources.ts";

/** Output of programs, by how their command line begins; of others there is none. */
const programs =
  (outputs: Readonly<Record<string, string | null>>): Machine["run"] =>
  async (program, args) => {
    const line = [program, ...args].join(" ");
    const [, output] = Object.entries(outputs).find(([begin]) => line.startsWith(begin)) ?? [];
    if (output === undefined) return null;
    return output === null ? { code: 1, output: "broken" } : { code: 0, output };
  };

const machine = (change: Partial<Machine> = {}): Machine => ({
  node: "26.10.0",
  uid: 1000,
  run: programs({}),
  read: () => null,
  exists: () => true,
  isWritable: () => true,
  stat: () => ({ mode: 0o600, uid: 1000 }),
  freeBytes: () => 100e9,
  memoryBytes: 16e9,
  availableBytes: 8e9,
  canListen: async () => true,
  get: async () => null,
  now: () => Date.UTC(2026, 0, 1),
  ...change,
});

const brief = (found: { level: string; fixes: readonly string[] }) =>
  `${found.level} ${found.fixes.join(" | ")}`.trim();

test("programs: there, too old, missing; with the command that installs them here", async () => {
  assert.equal(brief(checkNode(machine(), ">=26.10.0")), "ok");
  assert.equal(checkNode(machine({ node: "26.9.9" }), ">=26.10.0").level, "error");
  assert.equal(checkNode(machine({ node: "27.0.0" }), ">=26.10.0").level, "ok");

  const apt = { "apt-get --version": "apt" };
  assert.equal(
    brief(await checkPython(machine({ run: programs(apt) }), {})),
    "warning sudo apt-get install -y python3 python3-venv",
  );
  const half = programs({
    "my-python -c import sys": "3.12.1",
    "my-python -c import venv": null,
    "dnf --version": "4",
  });
  const noVenv = await checkPython(machine({ run: half, uid: 0 }), { SLUICE_PYTHON: "my-python" });
  assert.equal(brief(noVenv), "warning dnf install -y python3");
  assert.match(noVenv.text, /my-python 3\.12\.1 cannot make virtual environments/);
  const whole = programs({ "python3 -c import sys": "3.12.1", "python3 -c import venv": "" });
  assert.equal((await checkPython(machine({ run: whole }), {})).level, "ok");

  const java = (text: string) => checkJava(machine({ run: programs({ "java -version": text }) }), {});
  assert.equal((await java('openjdk version "21.0.2" 2024')).level, "ok");
  assert.match((await java('java version "1.8.0_292"')).text, /too old/);
  assert.equal(
    brief(await checkJava(machine(), {})),
    "warning install it with what this system has: default-jdk-headless",
  );
  assert.equal((await checkCompiler(machine())).level, "warning");
  assert.equal((await checkDocker(machine())).level, "ok");
  assert.equal((await checkDocker(machine({ run: programs({ docker: null }) }))).level, "warning");
  assert.equal((await checkRegistries(machine({ run: programs({ python3: null }) }), {})).level, "warning");
  assert.equal((await checkRegistries(machine({ run: programs({ python3: "pip (25)" }) }), {})).level, "ok");
});

test("resources: disk, memory, limits, control groups", () => {
  const disk = (bytes: number | null) =>
    checkDisk(machine({ freeBytes: () => bytes }), "/home/x/.sluice").level;
  assert.deepEqual([disk(100e9), disk(2e9), disk(1e8), disk(null)], ["ok", "warning", "error", "warning"]);
  const newHome = checkDisk(machine({ exists: (path) => path === "/" }), "/a/b/c");
  assert.match(newHome.text, /free at \/$/);
  assert.equal(checkMemory(machine({ availableBytes: 5e8 })).level, "warning");
  const limits = (files: string, processes: string) =>
    checkLimits(
      machine({
        read: () =>
          `Max processes  ${processes}  ${processes} processes\nMax open files  ${files}  ${files} files\n`,
      }),
    )
      .map((f) => f.level)
      .join();
  assert.equal(limits("65536", "unlimited"), "ok,ok");
  assert.equal(limits("1024", "512"), "warning,warning");
  assert.equal(limits("64", "4096"), "error,ok");
  assert.equal(checkLimits(machine())[0]!.level, "warning");
  assert.equal(checkCgroups(machine({ exists: () => false })).level, "warning");
  assert.match(checkCgroups(machine({ exists: (p) => p.includes("memory") })).text, /version 1/);
  const asked: string[] = [];
  const delegated = machine({
    read: () => "0::/user.slice/me\n",
    isWritable: (path) => asked.push(path) > 5,
  });
  assert.match(brief(checkCgroups(delegated)), /^warning systemd-run/);
  assert.deepEqual(asked, ["/sys/fs/cgroup/user.slice/me"]);
});

test("clocks: set, steady, and the same as the server's", async () => {
  const clock = async (start: number, moved: number) => {
    let steady = 0;
    let wall = start;
    const sleep = async (ms: number) => {
      steady += ms;
      wall += ms + moved;
    };
    return (await checkClock(machine({ now: () => wall }), { monotonic: () => steady, sleep })).level;
  };
  assert.equal(await clock(Date.UTC(2026, 0, 1), 0), "ok");
  assert.equal(await clock(Date.UTC(2026, 0, 1), -5000), "warning");
  assert.equal(await clock(0, 0), "error");
  const now = Date.UTC(2026, 0, 1, 12);
  const skew = (seconds: number) => checkSkew(now, new Date(now - seconds * 1000).toUTCString());
  assert.deepEqual([skew(1).level, skew(-60).level, skew(3600).level], ["ok", "warning", "error"]);
  assert.match(skew(-60).text, /60 s behind the server/);
  assert.equal(checkSkew(now, null).level, "warning");
});

test("home and ports: whose they are", async () => {
  const home = (change: Partial<Machine>) => checkHome(machine(change), "/h/.sluice").map(brief);
  assert.deepEqual(home({}), ["ok"]);
  assert.deepEqual(home({ stat: () => null }), ["ok"]);
  assert.deepEqual(home({ stat: () => null, isWritable: () => false }), ["error mkdir -p /h/.sluice"]);
  assert.deepEqual(home({ isWritable: () => false }), ["error sudo chown -R $(id -un) /h/.sluice"]);
  const open = home({
    stat: (path) => (path.endsWith("key.json") ? { mode: 0o644, uid: 1000 } : { mode: 0o700, uid: 1000 }),
  });
  assert.deepEqual(open, [
    "warning chmod 600 /h/.sluice/data/access-key.json",
    "warning chmod 600 /h/.sluice/sealing-key.json",
  ]);
  assert.match(home({ stat: () => ({ mode: 0o600, uid: 7 }) })[0]!, /^error sudo chown/);

  const place = { address: "http://127.0.0.1:1", key: "k", gateway: "http://10.0.0.1:80" };
  const taken = await checkPorts(machine({ canListen: async () => false }), place);
  assert.match(taken[0]!.text, /10\.0\.0\.1 is on another machine/);
  assert.equal(brief(taken[1]!), "error ss -ltnp 'sport = :1'   (who it is) | sluice serve --api-port <n>");
  const free = await checkPorts(machine(), null);
  assert.deepEqual(
    free.map((f) => f.level),
    ["ok", "ok"],
  );
  const ours = machine({
    get: async () => ({ status: 200, header: () => "NO_ROUTE" }),
    canListen: async () => false,
  });
  assert.match((await checkPorts(ours, null))[0]!.text, /is Sluice's/);
});

test("sluice doctor on this machine, against a server: its key, its version, its clock", async (t) => {
  const { run, write } = await cliBench(t);
  const all = await run(["doctor", "--output", "json"]);
  const { Checks } = JSON.parse(all.out) as { Checks: { Name: string; Level: string; Text: string }[] };
  const check = (name: string) => Checks.find((c) => c.Name === name)!;
  for (const name of [
    "node",
    "python",
    "java",
    "c++",
    "docker",
    "disk",
    "memory",
    "open files",
    "cgroups",
    "clock",
    "home",
  ])
    assert.ok(check(name) !== undefined, name);
  assert.match(check("server").Text, /takes the key; region local/);
  assert.equal(check("version").Text, "9.8.7, as the server's");
  assert.equal(check("clock skew").Level, "ok");
  const wrongKey = await run(["doctor", "-k", "wrong"]);
  assert.match(wrongKey.out, /^\[OK\] {6}node {9}26\.\d+/);
  assert.match(wrongKey.out, /\d errors, \d+ warnings, \d+ as they should be\n$/);

  assert.equal(wrongKey.code, 1);
  assert.match(wrongKey.out, /\[ERROR\] {3}server +\S+: UNAUTHORIZED: [^\n]*\n {10}-> sluice config -k -/);
  write("broken.json", "{");
  assert.match(
    (await run(["doctor", "-c", "broken.json"])).out,
    /\[ERROR\] {3}config +\S*broken\.json is not JSON/,
  );
  const older = await run(["doctor"], { parts: { version: "1.0.0" } });
  assert.match(older.out, /\[WARNING\] version +1\.0\.0 here, 9\.8\.7 there/);
  const away = await run(["doctor", "-e", "127.0.0.1:1"]);
  assert.match(away.out, /\[WARNING\] server +http:\/\/127\.0\.0\.1:1 does not answer\n {10}-> sluice serve/);
  assert.equal(await REAL_MACHINE.run("no-such-program-here", []), null);
});
