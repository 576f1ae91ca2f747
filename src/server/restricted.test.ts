/** What a restricted key learns and does: nothing of services that are not its own, by any operation of the contract. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { OPERATION_LIST } from "../api/operations.ts";
import type { AuditEntry } from "../core/access/audit-entry.ts";
import type { ServiceSample } from "../core/gateway-report.ts";
import { documentFor } from "../testing/control-world.ts";
import { keyedApi } from "../testing/keyed-api.ts";

/** Stands in every name and text of what the key must not learn of. */
const HIDDEN = "hidden";

async function open(t: TestContext, restriction: object, role = "operator") {
  const api = await keyedApi(t, { Role: role, ...restriction });
  const create = async (name: string, metadata: object = {}) => {
    await api.create(name, metadata);
    await api.world.untilRunning(name);
  };
  return { ...api, create };
}

function sampleOf(service: string): ServiceSample {
  const counts = {
    requests: 1,
    statuses: { "200": 1 },
    bytesIn: 1,
    bytesOut: 1,
    latency: [15, 1],
    latencyUs: 15,
  };
  const rest = {
    retries: 0,
    ejections: 0,
    queued: 0,
    queueUs: 0,
    queueUsMax: 0,
    inFlight: 1,
    grouped: 0,
    limits: {},
    instances: [],
  };
  return { ...counts, ...rest, service: service as never };
}

/** Paths of every operation: with what is hidden in each place, and with the key's own service and what is hidden beside it. */
function urlsOf(path: string): string[] {
  const url = (names: Readonly<Record<string, string>>) =>
    path.replace(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "7");
  const hidden = {
    ClusterId: "local",
    ServiceName: "hidden_one",
    GroupName: "hidden_group",
    InstanceName: "hidden_one-v1-0",
  };
  return [...new Set([url(hidden), url({ ...hidden, ServiceName: "mine", GroupName: "mine_group" })])];
}

for (const role of ["viewer", "operator"]) {
  test(`no operation tells a restricted ${role} of what is not its own`, async (t) => {
    const { world, admin, own, create } = await open(t, { Groups: ["mine_group"] }, role);
    await create("hidden_one", { group: "hidden_group" });
    await create("mine", { group: "mine_group" });
    await create("hidden_alone");
    await admin("POST", "/api/v2/services/local/mine/mirror", { Ratio: 5, Target: ["hidden_one"] });
    await admin("POST", "/api/v2/services/local/hidden_one/mirror", { Ratio: 5, Target: ["mine"] });
    world.fleet.live[0]!.session!.onMessage({
      type: "report",
      atMs: world.clock.now(),
      samples: ["hidden_one", "mine"].map(sampleOf),
      inFlight: {},
      connections: 1,
      unrouted: 0,
      process: { cpuUs: 1, rssBytes: 1 },
      accessLog: { written: 0, dropped: 0 },
    });
    await world.clock.advance(10);
    let seen = 0;
    for (const operation of OPERATION_LIST.filter((o) => o.method === "GET" && !o.isOpen)) {
      for (const url of urlsOf(operation.path)) {
        const { status, text, body } = await own("GET", url);
        // Its own words may come back in a refusal: what was asked for is not learnt.
        const told = status === 200 ? text : text.replaceAll(/hidden_one-v1-0|hidden_one|hidden_group/g, "");
        assert(!told.includes(HIDDEN), `${operation.name} ${url}: ${text}`);
        assert(status < 500, `${operation.name} ${url}: ${text}`);
        if (url.includes("/hidden_"))
          assert.match(String(body.Code), /_NOT_FOUND$|FORBIDDEN/, `${operation.name} ${url}`);
        if (status === 200) seen += 1;
        if (operation.isInstallationWide) assert.deepEqual([status, body.Code], [403, "FORBIDDEN"], url);
      }
    }
    assert(seen > 10, `it sees its own by ${seen} operations`);
    const metrics = await own("GET", "/metrics");
    assert.equal(metrics.status, 200);
    assert(!metrics.text.includes(HIDDEN), metrics.text);
    assert(metrics.text.includes("mine"));
    assert(
      (await admin("GET", "/metrics")).text.includes(HIDDEN),
      "what it was looked for is there for others",
    );
    const { Traffic } = (await own("GET", "/api/v2/internal/traffic")).body;
    assert(JSON.stringify(Traffic).includes("mine"), "the test has traffic to look at");
    const mirror = (await own("GET", "/api/v2/services/local/mine/mirror")).body;
    assert.equal(mirror.Target, "");
    assert.deepEqual(
      (await own("GET", "/api/v2/services")).body.Services.map((s: { ServiceName: string }) => s.ServiceName),
      ["mine"],
    );
  });
}

test("no operation lets a restricted key change what is not its own", async (t) => {
  const { world, own, create } = await open(t, { Groups: ["mine_group"] });
  await create("hidden_one", { group: "hidden_group" });
  await create("mine", { group: "mine_group" });
  const before = JSON.stringify([...world.store.state.services, ...world.store.state.groups]);
  const bodies: Readonly<Record<string, object>> = {
    CloneService: { metadata: { name: "cloned", group: "mine_group" } },
    UpdateServiceLabel: { Labels: { a: "b" } },
    UpdateService: { metadata: { instance: 3 } },
    ScaleService: { Instance: 3 },
    ReleaseService: { Weight: 10 },
    UpdateServiceSafetyLock: { Lock: "all" },
    UpdateServiceVersion: { Version: 1 },
    CreateServiceMirror: { Ratio: 5, Target: ["mine"] },
    UpdateServiceMirror: { Ratio: 5 },
    CreateServiceRollout: { Paused: true },
    UpdateServiceRollout: { Paused: true },
    UpdateServiceInstance: { Isolate: true },
    UpdateGroup: { TrafficMode: "customized" },
    CreateGroup: { Name: "other" },
    CreateService: documentFor("hidden_two", { group: "hidden_group" }),
    CreateAccessKey: { Role: "admin" },
    ValidateService: { metadata: { instance: 3 } },
    BuildEnvironment: { Requirements: ["six"] },
  };
  let count = 0;
  for (const operation of OPERATION_LIST.filter((o) => o.method !== "GET")) {
    const url = operation.path.replace(
      /\{(\w+)\}/g,
      (_, name: string) =>
        ({
          ClusterId: "local",
          ServiceName: "hidden_one",
          GroupName: "hidden_group",
          InstanceName: "hidden_one-v1-0",
          TokenNumber: "1",
        })[name] ?? "7",
    );
    const query =
      operation.name === "DeleteServiceInstances"
        ? "?InstanceList=hidden_one-v1-0"
        : operation.name === "DeleteGroup"
          ? "?CascadeDelete=true"
          : operation.name === "ValidateService"
            ? "?ServiceName=hidden_one"
            : "";
    if (operation.name === "DeleteServiceLabel") continue; // its query is told first; UpdateServiceLabel has the same way in
    const { status, body, text } = await own(operation.method, url + query, bodies[operation.name]);
    // 501: an operation that does nothing for anybody.
    assert([403, 404, 501].includes(status), `${operation.name}: ${text}`);
    assert.match(String(body.Code), /FORBIDDEN|_NOT_FOUND|NotImplemented|NOT_IMPLEMENTED/, operation.name);
    count += 1;
  }
  assert(count > 20);
  assert.equal(JSON.stringify([...world.store.state.services, ...world.store.state.groups]), before);
});

test("a restricted key works on its own, makes services within its groups, and takes none out of them", async (t) => {
  const { world, own, create } = await open(t, { Groups: ["mine_group"], Workspaces: ["77"] });
  await create("hidden_one", { group: "hidden_group" });
  const make = (name: string, metadata: object) =>
    own("POST", "/api/v2/services", documentFor(name, metadata as never));
  assert.equal((await make("mine", { group: "mine_group" })).status, 200);
  assert.equal((await make("spaced", { workspace_id: "77" })).status, 200);
  assert.equal(
    (await make("paired", { workspace_id: "77", group: "new_group" })).status,
    200,
    "a group of its own",
  );
  for (const [name, metadata] of [
    ["loose", {}],
    ["joins", { group: "hidden_group" }],
    ["joins", { group: "hidden_group", workspace_id: "77" }],
    ["other", { workspace_id: "78" }],
  ] as const) {
    const { status, body } = await make(name, metadata);
    assert.deepEqual([status, body.Code], [403, "FORBIDDEN"], JSON.stringify(metadata));
    assert.match(body.Message, /restricted to groups mine_group and workspaces 77/);
  }
  assert.deepEqual((await make("hidden_one", { workspace_id: "77" })).body.Code, "SERVICE_EXISTS");
  const leave = await own("PUT", "/api/v2/services/local/spaced", { metadata: { workspace_id: "78" } });
  assert.deepEqual([leave.status, leave.body.Code], [403, "FORBIDDEN"]);
  const target = await own("POST", "/api/v2/services/local/mine/mirror", {
    Ratio: 5,
    Target: ["hidden_one"],
  });
  const nobody = await own("POST", "/api/v2/services/local/mine/mirror", { Ratio: 5, Target: ["nobody_at"] });
  assert.equal(
    target.body.Message.replaceAll("hidden_one", "nobody_at"),
    nobody.body.Message,
    "as if it were not there",
  );
  assert.equal((await own("PUT", "/api/v2/services/local/spaced/scale", { Instance: 2 })).status, 200);
  assert.equal(world.store.state.services.size, 4);
  const names = (await own("GET", "/api/v2/groups")).body.Groups.map((g: { Name: string }) => g.Name);
  assert.deepEqual(names, ["mine_group", "new_group"]);
});

test("of a group with services of others, a workspace's key sees its member, and changes no share or token", async (t) => {
  const { own, create } = await open(t, { Workspaces: ["77"] });
  await create("mine", { group: "shared", workspace_id: "77" });
  await create("hidden_one", { group: "shared" });
  assert.equal((await own("GET", "/api/v2/services/local/mine")).body.ServiceGroup, "shared");
  assert.equal((await own("GET", "/api/v2/groups/local/shared")).body.Code, "GROUP_NOT_FOUND");
  assert.deepEqual((await own("GET", "/api/v2/groups")).body.Groups, []);
  assert.equal((await own("POST", "/api/v2/groups/local/shared/tokens")).body.Code, "GROUP_NOT_FOUND");
  const weight = await own("PUT", "/api/v2/services/local/mine/release", { Weight: 90 });
  assert.equal(weight.body.Code, "FORBIDDEN", weight.text);
  const why = await own("GET", "/api/v2/services/local/mine/diagnosis");
  assert.equal(why.status, 200);
  assert(!why.text.includes(HIDDEN), why.text);
});

test("events of an earlier service of the same name are not told to a restricted key", async (t) => {
  const { world, admin, own, create } = await open(t, { Groups: ["mine_group"] });
  await create("name", { group: "hidden_group" });
  await admin("DELETE", "/api/v2/services/local/name");
  await world.until("gone", () => world.store.state.services.size === 0);
  await world.clock.advance(5000);
  await create("name", { group: "mine_group" });
  const { Events } = (await own("GET", "/api/v2/services/local/name/events")).body;
  assert(Events.length > 0);
  assert(!JSON.stringify(Events).includes("delet"), JSON.stringify(Events));
  const all = (await admin("GET", "/api/v2/services/local/name/events")).body;
  assert(all.TotalCount > Events.length, "the admin sees both lives");
});

test("a viewer reads no secret: tokens, values of env, passwords", async (t) => {
  const { admin, own } = await open(t, {}, "viewer");
  const document = {
    ...documentFor("one", { group: "g" }),
    token: "s3cret-token",
    processor_path: "https://user:s3cret-word@example.invalid/p.tar.gz?s3cret=1",
    containers: [{ image: "i", env: [{ name: "KEY", value: "s3cret-value" }] }],
    dockerAuth: "s3cret-auth",
  };
  const made = await admin("POST", "/api/v2/services", document);
  assert.equal(made.status, 200, made.text);
  await admin("POST", "/api/v2/services/local/one/tokens");
  const tokens = (await admin("GET", "/api/v2/services/local/one/tokens")).body.Tokens.map(
    (x: { Token: string }) => x.Token,
  );
  const group = (await admin("GET", "/api/v2/groups/local/g")).body.AccessToken;
  const secrets = [...tokens, group, "s3cret"];
  assert.equal(secrets.length, 4);
  const admins = await admin("GET", "/api/v2/services/local/one");
  assert(admins.text.includes("s3cret-value"), "an admin does see it");
  const paths = { ClusterId: "local", ServiceName: "one", GroupName: "g", InstanceName: "one-v1-0" };
  for (const { name, method, path } of OPERATION_LIST.filter((o) => o.method === "GET" && !o.isOpen)) {
    const url = path.replace(/\{(\w+)\}/g, (_, key: string) => paths[key as keyof typeof paths] ?? "7");
    const { text } = await own(method, url);
    for (const secret of secrets) assert(!text.includes(secret), `${name}: ${text}`);
  }
  const shown = (await own("GET", "/api/v2/services/local/one")).body;
  assert.equal(shown.AccessToken, "***");
  assert.deepEqual(JSON.parse(shown.ServiceConfig).containers[0].env, [{ name: "KEY", value: "***" }]);
  assert.equal(shown.TotalInstance, 1);
});

test("who changed what is told, what was not allowed too, and no secret", async (t) => {
  const { world, admin, own, create, logged, keyId } = await open(t, { Groups: ["mine_group"] });
  await create("mine", { group: "mine_group" });
  await create("hidden_one");
  const scaled = await own("PUT", "/api/v2/services/local/mine/scale", { Instance: 3 });
  await own("DELETE", "/api/v2/services/local/hidden_one");
  await own("PUT", "/api/v2/internal/gateways/restart");
  await own("POST", "/api/v2/services/local/mine/tokens");
  await admin("PUT", "/api/v2/services/local/mine", { token: "s3cret-token" });
  await admin("PUT", `/api/v2/access-keys/${keyId}/rotate`);
  const list = async (query = "") => (await admin("GET", `/api/v2/audit${query}`)).body;
  const { Entries, TotalCount } = await list();
  const short = Entries.map((e: Record<string, string>) => [
    e.Operation,
    e.Target,
    e.Outcome === "done" ? e.Change : e.Code,
  ]);
  assert.deepEqual(short.slice(0, 6), [
    ["RotateAccessKey", `key/${keyId}`, `key ${keyId}: secret rotated`],
    ["UpdateService", "service/mine", 'service mine: tokens 1 2 → 1 3, $.token none → "***"'],
    ["CreateServiceToken", "service/mine", "service mine: tokens 1 → 1 2"],
    ["RestartGatewayWorkers", "", "FORBIDDEN"],
    ["DeleteService", "service/hidden_one", "SERVICE_NOT_FOUND"],
    ["ScaleService", "service/mine", "service mine: $.metadata.instance 1 → 3"],
  ]);
  assert.equal(TotalCount, short.length);
  const entry = Entries[5];
  assert.deepEqual(
    [entry.AccessKeyId, entry.RequestId, entry.RemoteAddress],
    [keyId, scaled.body.RequestId, "127.0.0.1"],
  );
  const refused = await list(`?Outcome=refused&AccessKeyId=${keyId}`);
  assert.equal(refused.TotalCount, 2);
  const page = await list("?Target=service/mine&PageSize=1&PageNumber=2");
  assert.deepEqual([page.TotalCount, page.Entries[0].Operation], [4, "CreateServiceToken"]);
  const kept: AuditEntry[] = world.store.audit;
  assert(!JSON.stringify([kept, logged]).includes("s3cret"));
  assert.equal(kept.length, TotalCount);
});

test("a key that hammers on what it may not leaves a bounded number of entries", async (t) => {
  const { world, own, create } = await open(t, {}, "viewer");
  await create("one");
  const before = world.store.audit.length;
  for (let i = 0; i < 50; i++) assert.equal((await own("DELETE", "/api/v2/services/local/one")).status, 403);
  assert.equal(world.store.audit.length - before, 20);
});
