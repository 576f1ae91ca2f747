/** Services that are a server of the user's own, from create to delete, through the gateway and with everything killed on the way. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FOLDER_VARIABLE } from "../src/base/command-processes.ts";
import { livingProcesses } from "../src/base/process-identity.ts";
import { Installation, ROOT } from "./harness/installation.ts";
import { ConstantLoad, failures } from "./harness/load.ts";
import { until } from "./harness/until.ts";

const RATE_PER_SECOND = 100;
const SECRET = "s3cr3t-of-own";
const SLOW_MS = 60_000;
const sluice = new Installation({ gatewayWorkers: 2 });
before(() => sluice.start());
after(() => sluice.stop());

const tokenOf = async (name: string) => (await sluice.service(name)).AccessToken as string;

async function create(spec: { readonly name: string }): Promise<void> {
  const file = join(sluice.home, `${spec.name}.json`);
  writeFileSync(file, JSON.stringify(spec));
  await sluice.ok("create", file);
}

/** A service that is one shell command. */
const shellSpec = (name: string, script: string, port = 8000) => ({
  name,
  metadata: { instance: 1, memory: 256 },
  containers: [{ script, port }],
});

const nodeSpec = {
  name: "own",
  processor_path: join(ROOT, "test", "fixtures"),
  metadata: { instance: 1, memory: 1000 },
  containers: [
    {
      command: [process.execPath, "own-server.mjs"],
      env: [
        { name: "VERSION", value: "1" },
        { name: "SECRET", value: SECRET },
      ],
    },
  ],
};

/** Processes that belong to instances of this installation, other than those that watch them. */
const commandPids = () =>
  livingProcesses()
    .map((p) => p.pid)
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${FOLDER_VARIABLE}=${sluice.home}`);
      } catch {
        return false;
      }
    });

interface Who {
  readonly instance: string;
  readonly version: string;
  readonly pid: number;
  readonly port: number;
  readonly secret: string;
  readonly cwd: string;
}

async function who(token: string): Promise<Who> {
  const answer = await sluice.predict("own/who", "", token);
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

/** Everybody who answers, by instance. */
async function everybody(token: string, count: number): Promise<Map<string, Who>> {
  const found = new Map<string, Who>();
  await until(
    async () => {
      const one = await who(token);
      found.set(one.instance, one);
      return found.size >= count;
    },
    `${count} instances to answer`,
    SLOW_MS,
  );
  return found;
}

/** Waits until exactly these many instances run, and no others are left. */
async function untilInstances(name: string, count: number): Promise<void> {
  await until(
    async () => {
      const { Instances } = await sluice.json("GET", `/api/v2/services/local/${name}/instances`);
      return Instances.length === count && Instances.every((i: { Status: string }) => i.Status === "Running");
    },
    `${count} instances of ${name}`,
    SLOW_MS,
  );
  await sluice.untilRunning(name);
}

/** A constant load while `act` runs, and a while after: every request is answered. */
async function unharmed(token: string, act: () => Promise<unknown>): Promise<void> {
  const url = `${sluice.clientConfig().gateway}/api/predict/own/echo`;
  const load = new ConstantLoad({ url, token, body: "x" }, RATE_PER_SECOND);
  load.start();
  const answered = async (count: number) => {
    const goal = load.outcomes.length + count;
    await until(() => load.outcomes.length >= goal, `${count} more answers`, SLOW_MS);
  };
  try {
    await answered(RATE_PER_SECOND / 2);
    await act();
    await answered(RATE_PER_SECOND / 2);
  } finally {
    await load.stop();
  }
  assert.deepEqual(failures(load.outcomes), {});
}

test("the example: two instances of a Python server share the requests", async () => {
  await sluice.ok("create", join(ROOT, "examples", "own-server", "service.json"));
  const token = await tokenOf("words");
  const count = await sluice.predict("words/count", "a b a", token);
  assert.deepEqual([count.status, JSON.parse(count.body)], [200, { a: 2, b: 1 }]);
  assert.equal((await sluice.predict("words/count", "a", "wrong")).status, 401);
  const pids = new Set<number>();
  await until(async () => {
    const { gateway } = sluice.clientConfig();
    const response = await fetch(`${gateway}/api/predict/words?x=1`, { headers: { authorization: token } });
    const { pid, path } = (await response.json()) as { pid: number; path: string };
    assert.equal(path, "/?x=1");
    pids.add(pid);
    return pids.size === 2;
  }, "both instances to answer");
  await sluice.ok("delete", "words", "-y");
  assert.deepEqual(commandPids(), []);
});

test("a server in Node is created; it sees its variables and no token", async () => {
  await create(nodeSpec);
  const token = await tokenOf("own");
  const { secret, port, cwd } = await who(token);
  assert.deepEqual([secret, cwd], [SECRET, nodeSpec.processor_path]);
  assert.notEqual(port, 8000);
  const headers = JSON.parse((await sluice.predict("own/headers", "", token)).body);
  assert.equal(headers.authorization, undefined);
  assert.match(headers["x-request-id"], /./);
});

const get = (path: string, token: string, agent: Agent | false) =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const url = `${sluice.clientConfig().gateway}/api/predict/${path}`;
    request(url, { headers: { authorization: token }, agent }, resolve)
      .on("error", reject)
      .end();
  });

async function textOf(message: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of message.setEncoding("utf8")) text += chunk;
  return text;
}

test("kept and closed connections, chunks, events as they come, and an upgrade pass the gateway", async () => {
  const token = await tokenOf("own");
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const chunked = await get("own/chunked", token, agent);
    assert.equal(chunked.headers["transfer-encoding"], "chunked");
    assert.equal(await textOf(chunked), "one,two,three");
    assert.equal(await textOf(await get("own/close", token, agent)), "closing");
    // The instance has closed its connection; the next request finds another.
    assert.equal(await textOf(await get("own/close", token, agent)), "closing");
    const events = await get("own/events", token, false);
    events.setEncoding("utf8");
    let seen = "";
    events.on("data", (text) => (seen += text));
    await until(() => seen === "data: first\n\n", "the first event, before there is a second", SLOW_MS);
    assert.equal(await textOf(await get("own/poke", token, agent)), "poked");
    await until(() => seen === "data: first\n\ndata: second\n\n", "the second event", SLOW_MS);
  } finally {
    agent.destroy();
  }
  const { hostname, port } = new URL(sluice.clientConfig().gateway);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("data", (bytes) => (received += bytes));
  socket.write(
    `GET /api/predict/own/up HTTP/1.1\r\nHost: h\r\nAuthorization: ${token}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`,
  );
  try {
    await until(() => received.includes("\r\n\r\n"), "the upgrade to be answered", SLOW_MS);
    assert.match(received, /^HTTP\/1\.1 101 /);
    socket.write("there and back");
    await until(() => received.endsWith("there and back"), "the echo", SLOW_MS);
  } finally {
    socket.destroy();
  }
});

test("one to three to one under load: each on a port of its own, and no request is lost", async () => {
  const token = await tokenOf("own");
  await unharmed(token, async () => {
    await sluice.ok("scale", "own", "3");
    const three = [...(await everybody(token, 3)).values()];
    assert.equal(new Set(three.map((w) => w.port)).size, 3);
    await sluice.ok("scale", "own", "1");
    await untilInstances("own", 1);
  });
  assert.equal(commandPids().length, 1);
});

test("a new version under load: make before break, and no request is lost", async () => {
  const token = await tokenOf("own");
  const [container] = nodeSpec.containers;
  const update = { containers: [{ ...container, env: [{ name: "VERSION", value: "2" }] }] };
  const file = join(sluice.home, "update.json");
  writeFileSync(file, JSON.stringify(update));
  await unharmed(token, async () => {
    await sluice.ok("modify", "own", "-s", file);
    await until(async () => (await who(token)).version === "2", "version 2 to answer", SLOW_MS);
    await untilInstances("own", 1);
  });
  const pids = commandPids();
  assert.deepEqual(pids, [(await who(token)).pid]);
});

test("the control process is killed: the server answers on, and is found again", async () => {
  const token = await tokenOf("own");
  const before = await who(token);
  await unharmed(token, async () => {
    await sluice.killControl();
    await who(token);
    await sluice.startControl();
    await sluice.untilRunning("own");
  });
  assert.deepEqual(await who(token), before);
});

test("kill -9 of the server, and of what watches it: another one comes, and w and events say why", async () => {
  const token = await tokenOf("own");
  const first = await who(token);
  process.kill(first.pid, "SIGKILL");
  const untilAnother = (old: Who) =>
    until(
      async () => {
        const answer = await sluice.predict("own/who", "", token);
        return answer.status === 200 && JSON.parse(answer.body).pid !== old.pid;
      },
      "another one to answer",
      SLOW_MS,
    );
  await untilAnother(first);
  await untilInstances("own", 1);
  const { Instances } = await sluice.json("GET", "/api/v2/services/local/own/instances");
  assert.equal(Instances[0].RestartCount, 1);
  const { exitCode, reason, signal } = Instances[0].LastState[0];
  assert.deepEqual([exitCode, reason, signal], [137, "Error", "SIGKILL"]);
  assert.match(await sluice.ok("events", "own"), /killed by SIGKILL: the command ended/);
  const second = await who(token);
  process.kill(sluice.pidOf(second.instance), "SIGKILL");
  await untilAnother(second);
  await until(() => commandPids().length === 1, "the old server to be gone", SLOW_MS);
});

test("stopped, started and deleted, nothing of it is left, and its secret is nowhere to be read", async () => {
  const shown = [
    await sluice.ok("logs", "own"),
    await sluice.ok("events", "own"),
    await sluice.ok("w", "own"),
  ];
  for (const { pid } of livingProcesses()) {
    try {
      shown.push(readFileSync(`/proc/${pid}/cmdline`, "utf8"));
    } catch {
      // gone meanwhile
    }
  }
  shown.push(readFileSync(join(sluice.home, "logs", "control.log"), "utf8"));
  for (const text of shown) assert.ok(!text.includes(SECRET), text.slice(0, 2000));
  const token = await tokenOf("own");
  await sluice.ok("stop", "own", "-y");
  assert.deepEqual(commandPids(), []);
  await sluice.ok("start", "own");
  await who(token);
  await sluice.ok("delete", "own", "-y");
  assert.deepEqual(commandPids(), []);
  assert.equal((await sluice.predict("own/who", "", token)).status, 404);
});

test("a server that ends at once, or never listens, is told as such", async () => {
  const file = join(sluice.home, "ends.json");
  writeFileSync(file, JSON.stringify(shellSpec("ends", "echo 'no licence' >&2; exit 7")));
  const ends = await sluice.cli("create", file);
  assert.equal(ends.code, 1);
  assert.match(
    ends.stdout + ends.stderr,
    /exited with code 7: the command ended before it was ready: no licence/,
  );
  writeFileSync(file, JSON.stringify(shellSpec("deaf", "exec sleep 600", 8123)));
  await sluice.ok("create", file, "--no-wait");
  await until(
    async () => {
      const { Instances } = await sluice.json("GET", "/api/v2/services/local/deaf/instances");
      return /does not listen yet: expected on port \d+ \(the variable PORT\) or 8123/.test(
        Instances[0]?.Message ?? "",
      );
    },
    "the instance to say what it waits for",
    SLOW_MS,
  );
  const deaf = await sluice.predict("deaf", "", await tokenOf("deaf"));
  assert.equal(deaf.status, 503);
  for (const name of ["ends", "deaf"]) await sluice.ok("delete", name, "-y");
  assert.deepEqual(commandPids(), []);
});

const SICK_SERVER = `
import http.server, os
me = os.environ["SLUICE_INSTANCE"]
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        is_sick = self.path == "/ready" and os.path.exists("sick-" + me)
        self.send_response(503 if is_sick else 200)
        self.send_header("Content-Length", str(len(me)))
        self.end_headers()
        self.wfile.write(me.encode())
    def do_POST(self): self.do_GET()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
`;

test("a failing readiness check takes an instance out of the gateways", async () => {
  const folder = mkdtempSync(join(sluice.home, "sick-"));
  await create({
    name: "sick",
    processor_path: folder,
    metadata: { instance: 2, memory: 256 },
    containers: [
      {
        command: ["python3", "-c", SICK_SERVER],
        readiness_check: {
          http_get: { path: "/ready" },
          period_seconds: 1,
          timeout_seconds: 30,
          failure_threshold: 1,
        },
      },
    ],
  } as { readonly name: string });
  const token = await tokenOf("sick");
  const answers = async (count: number) => {
    const seen = new Set<string>();
    for (let i = 0; i < count; i++) {
      const { status, body } = await sluice.predict("sick", "", token);
      assert.equal(status, 200, body);
      seen.add(body);
    }
    return [...seen].sort().join();
  };
  const both = "sick-v1-0,sick-v1-1";
  await until(async () => (await answers(10)) === both, "both to answer", SLOW_MS);
  writeFileSync(join(folder, "sick-sick-v1-0"), "");
  await until(async () => (await answers(10)) === "sick-v1-1", "only the well one to answer", SLOW_MS);
  rmSync(join(folder, "sick-sick-v1-0"));
  await until(async () => (await answers(10)) === both, "both to answer again", SLOW_MS);
  await sluice.ok("delete", "sick", "-y");
});
