/** The real Python SDK, unmodified, against the built program: signed requests, and tokens that are rotated under it. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { http, Installation, ROOT } from "./harness/installation.ts";
import { callBySdk, runBySdk, type SdkCall } from "./harness/python-sdk.ts";
import { until } from "./harness/until.ts";

const sluice = new Installation({ gatewayWorkers: 2 });
const SERVICE = "/api/v2/services/local/sdk_echo";
before(async () => {
  await sluice.start();
  const file = join(sluice.home, "service.json");
  const spec = {
    name: "sdk_echo",
    processor_type: "python",
    processor_path: join(ROOT, "examples", "python-echo"),
    processor_entry: "app.py",
    metadata: { instance: 1, cpu: 1, memory: 256, group: "sdk" },
  };
  writeFileSync(file, JSON.stringify(spec));
  await sluice.ok("create", file);
});
after(() => sluice.stop());

const endpoint = () => new URL(sluice.clientConfig().gateway).host;
const call = (service: string, token: string, more: Partial<SdkCall> = {}): SdkCall => ({
  endpoint: endpoint(),
  service,
  token,
  body: "grüße",
  ...more,
});
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
const group = (): Promise<any> => sluice.json("GET", "/api/v2/groups/local/sdk");

test("the SDK's signature opens service, member and group; a long body, another content type, a raw token too", async () => {
  const token = (await sluice.service("sdk_echo")).AccessToken;
  const groupToken = (await group()).AccessToken;
  const long = "x".repeat(3_000_000);
  const url = `http://${endpoint()}/api/predict/sdk_echo`;
  const answers = callBySdk([
    call("sdk_echo", token),
    call("sdk.sdk_echo", token),
    call("sdk", groupToken),
    call("sdk_echo", groupToken),
    call("sdk_echo/some/path", token),
    call("sdk_echo", token, { body: "" }),
    call("sdk_echo", token, { body: long }),
    call("sdk_echo", token, { headers: { "Content-Type": "application/json", "X-Own": "1" } }),
    call("sdk_echo", token, { url }),
    call("sdk_echo", "wrong"),
    call("sdk", token),
  ]);
  const good = { body: "grüße" };
  assert.deepEqual(
    answers.map((a) => ("body" in a && a.body === long ? { body: "long" } : a)),
    [good, good, good, good, good, { body: "" }, { body: "long" }, good, good, { code: 401 }, { code: 401 }],
  );
});

test("the SDK tries again what is 500, and what does not answer in its time; nothing else", async () => {
  const folder = join(sluice.home, "moody");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "app.py"),
    `import collections, time
seen = collections.Counter()

def process(data, headers):
    seen[data] += 1
    word, number = data.decode().split()
    if word == "fails" and seen[data] < int(number):
        return "not yet", 500
    if word == "slow" and seen[data] == 1:
        time.sleep(float(number))
    return str(seen[data]), int(number) if word == "status" else 200
`,
  );
  const spec = {
    name: "moody",
    processor_type: "python",
    processor_path: folder,
    processor_entry: "app.py",
    metadata: { instance: 1, cpu: 1, memory: 256 },
  };
  writeFileSync(join(folder, "service.json"), JSON.stringify(spec));
  await sluice.ok("create", join(folder, "service.json"));
  const token = (await sluice.service("moody")).AccessToken;
  const moody = (body: string, more: Partial<SdkCall> = {}) =>
    call("moody", token, { body, retries: 5, ...more });
  const [slow, ...answers] = callBySdk([
    moody("slow 20", { timeoutMs: 1_000 }),
    moody("slow 19", { timeoutMs: 1_000, retries: 1 }),
    moody("fails 3"),
    moody("fails 9"),
    moody("status 502"),
    moody("status 502"),
    moody("fails 3", { token: "" }),
  ]);
  // The second try is answered at once; where the machine is slower than the timeout, a later one is.
  assert.ok(slow !== undefined && "body" in slow && Number(slow.body) >= 2, JSON.stringify(slow));
  assert.deepEqual(answers, [
    { code: 500 },
    { body: "3" },
    { code: 500 },
    { code: 502 },
    { code: 502 },
    { code: 401 },
  ]);
  const counted = await sluice.predict("moody", "status 502", token);
  assert.equal(counted.body, "3", "each 502 was asked for once");
});

test("the guide's program is one that works", async () => {
  const token = (await sluice.service("sdk_echo")).AccessToken;
  const guide = readFileSync(join(ROOT, "docs", "guide", "authentication.md"), "utf8");
  const program = /```python\n([\s\S]*?)```/.exec(guide)![1]!;
  const own = program
    .replace("127.0.0.1:8080", endpoint())
    .replace("stopping", "sdk_echo")
    .replace("YOUR_TOKEN", token);
  assert.match(runBySdk(own), /\[\{"speed": 10\}\]/);
});

test("tokens are rotated without a refused request, at the gateway and at the instance", async () => {
  const [instance] = (await sluice.json("GET", `${SERVICE}/instances`)).Instances;
  const direct = (token: string) =>
    http(`http://127.0.0.1:${instance.InstancePort}/api/predict/sdk_echo`, {
      method: "POST",
      headers: { authorization: token },
      body: "x",
    }).then((answer) => answer.status);
  const before = (await sluice.service("sdk_echo")).AccessToken;
  const said = await sluice.ok("token", "add", "sdk_echo");
  const after = (await sluice.service("sdk_echo")).AccessToken;
  assert.notEqual(after, before);
  assert.ok(said.includes(after) && !said.includes(before));

  const statuses = () => callBySdk([call("sdk_echo", before), call("sdk_echo", after)]);
  const good = { body: "grüße" };
  await until(
    async () => (await sluice.predict("sdk_echo", "x", after)).status === 200,
    "gateways to know it",
  );
  await until(async () => (await direct(after)) === 200, "the instance to know it");
  assert.deepEqual(statuses(), [good, good], "both are valid");
  assert.equal(await direct(before), 200);

  await sluice.ok("token", "revoke", "sdk_echo", "1", "-y");
  await until(
    async () => (await sluice.predict("sdk_echo", "x", before)).status === 401,
    "gateways to forget it",
  );
  await until(async () => (await direct(before)) === 401, "the instance to forget it");
  assert.equal(await direct(after), 200);
  const [still] = (await sluice.json("GET", `${SERVICE}/instances`)).Instances;
  assert.deepEqual([still.Pid, still.RestartCount], [instance.Pid, 0], "no instance was replaced");
  const refused = await sluice.cli("token", "revoke", "sdk_echo", "2", "-y");
  assert.match(refused.stderr, /TOKEN_IN_FORCE/);
});
