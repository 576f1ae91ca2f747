/**
 * The real Python SDK, unmodified, in direct mode: it asks a gateway where the instances are, every 3 s, and calls them itself. Two versions of it, as
 * they ask by different paths. Instances come and go under it, and a group's split moves, without a failed request.
 */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DirectClients } from "./harness/direct-clients.ts";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { callBySdk, olderSdk, runBySdk, type SdkAnswer, type SdkCall } from "./harness/python-sdk.ts";
import { until } from "./harness/until.ts";

const OLD = "/exported/apis/eas.alibaba-inc.k8s.io/v1/upstreams/";
const NEW = "/api/v1/servicediscovery/upstreams/";
/** Requests that a share is told from. */
const WINDOW = 600;

const sluice = new Installation({ gatewayWorkers: 2 });
const tokens: Record<string, string> = {};
const endpoint = () => new URL(sluice.clientConfig().gateway).host;

/** A service in the group `colours` that answers with its name, and with a number that each instance has for itself. */
async function create(name: string, instance: number): Promise<void> {
  const folder = join(sluice.home, name);
  mkdirSync(folder);
  writeFileSync(
    join(folder, "app.py"),
    `import os\n\ndef process(data, headers):\n    return f"${name} {os.getpid()}"\n`,
  );
  const spec = {
    name,
    processor_type: "python",
    processor_path: folder,
    processor_entry: "app.py",
    metadata: { instance, cpu: 1, memory: 256, group: "colours" },
  };
  writeFileSync(join(folder, "service.json"), JSON.stringify(spec));
  await sluice.ok("create", join(folder, "service.json"));
  tokens[name] = (await sluice.service(name)).AccessToken;
}

before(async () => {
  // Another address than the usual one, which sdk-python.real.test.ts has.
  sluice.flags = ["--direct-host", "127.0.0.2"];
  await sluice.start();
  await create("blue", 2);
  await create("green", 1);
  tokens.colours = (await sluice.json("GET", "/api/v2/groups/local/colours")).AccessToken;
});
after(() => sluice.stop());

interface Upstreams {
  readonly correlative: readonly string[];
  readonly endpoints: {
    readonly items: readonly { app: string; ip: string; port: number; weight: number }[];
  };
}

async function upstreams(name: string, path = NEW): Promise<Upstreams> {
  const answer = await http(`${sluice.clientConfig().gateway}${path}${name}`, { method: "GET" });
  assert.equal(answer.status, 200, answer.body);
  return JSON.parse(answer.body);
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
const instancesOf = async (name: string): Promise<any[]> =>
  (await sluice.json("GET", `/api/v2/services/local/${name}/instances`)).Instances;

test("both paths tell where the instances are that the control API shows", async () => {
  const blue = (await instancesOf("blue")).map((i) => `${i.InnerIP}:${i.InstancePort}`).sort();
  assert.ok(blue.every((address) => address.startsWith("127.0.0.2:")));
  const { correlative, endpoints } = await upstreams("blue");
  assert.deepEqual(correlative, ["blue"]);
  assert.deepEqual(endpoints.items.map(({ ip, port }) => `${ip}:${port}`).sort(), blue);
  const group = await upstreams("colours");
  assert.deepEqual([...group.correlative].sort(), ["blue", "green"]);
  assert.equal(group.endpoints.items.length, 3);
  for (const name of ["blue", "green", "colours", "colours.blue"])
    assert.deepEqual(await upstreams(name, OLD), await upstreams(name), name);
});

test("a standalone member and an isolated instance are left out, until they are back", async () => {
  const untilPorts = (name: string, ports: readonly number[]) => {
    const now = async () => (await upstreams(name)).endpoints.items.map((item) => item.port).sort();
    const wanted = JSON.stringify([...ports].sort());
    return until(async () => JSON.stringify(await now()) === wanted, `${name} to be at ${wanted}`);
  };
  const portsOf = async (name: string) => (await instancesOf(name)).map((i) => i.InstancePort as number);
  const [blue, green] = await Promise.all(["blue", "green"].map(portsOf));
  await sluice.ok("release", "green", "-s", "standalone", "-y");
  await untilPorts("colours", blue!);
  assert.deepEqual((await upstreams("colours")).correlative, ["blue"]);
  await untilPorts("colours.green", green!);
  await sluice.ok("release", "green", "-s", "grouping", "-y");
  const [first] = await instancesOf("blue");
  await sluice.ok("isolate", "blue", first.InstanceName);
  await untilPorts("colours", [...blue!.filter((port) => port !== first.InstancePort), ...green!]);
  await sluice.ok("isolate", "blue", first.InstanceName, "--off");
  await untilPorts("colours", [...blue!, ...green!]);
});

test("both SDKs call instances by service, member and group; the instance asks for the token that the gateway asks for", () => {
  const call = (service: string, token: string, more: Partial<SdkCall> = {}): SdkCall => {
    return {
      endpoint: endpoint(),
      service,
      token: tokens[token] ?? token,
      body: "x",
      type: "DIRECT",
      ...more,
    };
  };
  const calls = [
    call("blue", "blue"),
    call("colours.blue", "blue"),
    call("green", "colours"),
    call("colours.green/some/path", "colours"),
    call("blue", "green"),
    call("blue", "wrong"),
    call("colours", "blue"),
  ];
  const nameOf = (answer: SdkAnswer) => ("body" in answer ? answer.body.split(" ")[0] : answer.code);
  for (const env of [{}, olderSdk()]) {
    const [ofGroup, ...answers] = callBySdk([call("colours", "colours"), ...calls], env).map(nameOf);
    assert.deepEqual(answers, ["blue", "blue", "green", "green", 401, 401, 401]);
    assert.match(String(ofGroup), /^(blue|green)$/);
  }
});

test("the guide's program is one that works", () => {
  const guide = readFileSync(join(ROOT, "docs", "guide", "direct-clients.md"), "utf8");
  const program = /```python\n([\s\S]*?)```/
    .exec(guide)![1]!
    .replace("127.0.0.1:8080", endpoint())
    .replace("hands", "colours")
    .replace("TOKEN_OF_THE_GROUP", tokens.colours!);
  assert.match(runBySdk(program), /^b'(blue|green) \d+'$/m);
});

test("a direct client of a program of one's own is led through the gateway, which checks its token", async () => {
  const server = `require("http").createServer((q, r) => r.end(q.url)).listen(process.env.PORT, "127.0.0.1")`;
  const spec = {
    name: "own",
    metadata: { instance: 1, memory: 1000 },
    containers: [{ command: [process.execPath, "-e", server] }],
  };
  const file = join(sluice.home, "own.json");
  writeFileSync(file, JSON.stringify(spec));
  await sluice.ok("create", file);
  const [ip, port] = endpoint().split(":");
  assert.deepEqual((await upstreams("own")).endpoints.items, [
    { app: "own", ip, port: Number(port), weight: 100 },
  ]);
  const token = (await sluice.service("own")).AccessToken;
  const call = { endpoint: endpoint(), service: "own/v1", body: "x", type: "DIRECT" as const };
  assert.deepEqual(
    callBySdk([
      { ...call, token },
      { ...call, token: "wrong" },
    ]),
    [{ body: "/v1" }, { code: 401 }],
  );
  await sluice.ok("delete", "own", "-y");
});

test("instances come and go, a split moves, one is killed, and so is the control process: no request fails", async (t) => {
  const client = (service: string, threads: number) => ({
    endpoint: endpoint(),
    service,
    token: tokens[service]!,
    threads,
  });
  // By the group with the newer SDK, by a member with the older one.
  const both = [
    new DirectClients([client("colours", 3)]),
    new DirectClients([client("blue", 1)], olderSdk()),
  ];
  t.after(() => {
    for (const clients of both) clients.kill();
  });
  const sums = both.map(() => ({ tries: 0, right: 0, failures: {} as Record<string, number> }));
  const look = async (word: "take" | "stop" = "take") => {
    const all = (await Promise.all(both.map((clients) => clients[word]()))).map(([counts]) => counts!);
    for (const [i, { tries, right, failures }] of all.entries()) {
      const sum = sums[i]!;
      sum.tries += tries;
      sum.right += right;
      for (const [text, n] of Object.entries(failures)) sum.failures[text] = (sum.failures[text] ?? 0) + n;
    }
    return all;
  };
  /** Until a window of the group's requests has this share of blue, within a hundredth. */
  const untilShare = async (share: number) => {
    let window: Record<string, number> = {};
    const count = () => Object.values(window).reduce((sum, n) => sum + n, 0);
    let seen = "";
    await until(
      async () => {
        for (const [answer, n] of Object.entries((await look())[0]!.members)) {
          const [name] = answer.split(" ");
          window[name!] = (window[name!] ?? 0) + n;
        }
        if (count() < WINDOW) return false;
        const found = (window.blue ?? 0) / count();
        seen = `${found} of ${count()}`;
        window = {};
        return Math.abs(found - share) <= 0.01;
      },
      `a share of ${share}`,
      60_000,
      () => `${seen}; ${JSON.stringify(sums)}`,
    );
  };

  await untilShare(2 / 3); // two instances to one
  await sluice.ok("scale", "blue", "3");
  await sluice.ok("release", "green", "-w", "40", "-y");
  await untilShare(0.6); // however many instances there are
  const before = await instancesOf("blue");
  await sluice.ok("restart", "blue");
  await sluice.ok("scale", "blue", "1");
  await until(
    async () => {
      const now = await instancesOf("blue");
      return now.length === 1 && !before.some((b) => b.InstanceName === now[0].InstanceName);
    },
    "the instances of before to be gone",
    60_000,
  );
  await sluice.killControl();
  assert.equal((await upstreams("blue")).endpoints.items.length, 1, "without a control process");
  await sluice.startControl();
  await sluice.ok("scale", "blue", "2");
  await until(
    async () => Object.keys((await look())[1]!.members).length === 2,
    "both to be known to the older SDK",
  );
  const planned = sums.map(({ tries, right }) => ({ right, again: tries - right }));
  process.kill(sluice.pidOf((await instancesOf("blue"))[0].InstanceName), "SIGKILL");
  await sluice.untilRunning("blue");
  await untilShare(0.6);
  await look("stop");

  for (const [i, { tries, right, failures }] of sums.entries()) {
    t.diagnostic(
      `client ${i}: ${planned[i]!.again} of ${planned[i]!.right} requests tried again; with the killed instance ${tries - right} of ${right}`,
    );
    assert.deepEqual(failures, {}, `client ${i}, ${right} requests; ${both[i]!.stderr}`);
    assert.ok(right > WINDOW);
    // None where the machine keeps up. One that is told and goes before it is called the first time does not wait; and were none to wait, it would be a tenth.
    assert.ok(planned[i]!.again <= planned[i]!.right / 33, `client ${i}: what leaves waits for its callers`);
  }
});
