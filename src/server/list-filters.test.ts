import assert from "node:assert/strict";
import { hostname } from "node:os";
import test from "node:test";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

type Api = ReturnType<typeof apiApp>;
// biome-ignore lint/suspicious/noExplicitAny: answers of all operations pass through here
type Body = any;

async function get({ app }: Api, path: string): Promise<Body> {
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  const answer = await app.inject({ method: "GET", url: `/api/v2/${path}`, headers });
  return { status: answer.statusCode, ...answer.json() };
}

async function threeServices(): Promise<Api> {
  const api = apiApp();
  const documents = [
    pmmlDocument("a", 2, { workspace_id: 7, resource: "eas-r-1", resource_burstable: true, caller_uid: "u" }),
    pmmlDocument("b", 1, { workspace_id: "8", quota_id: "q", type: "LLM" }),
    { ...pmmlDocument("c", 1), networking: { gateway: "gw-1" } },
  ];
  for (const document of documents) await api.control.createService(document);
  api.control.settle();
  return api;
}

test("services are filtered by what their documents say of where they belong", async () => {
  const api = await threeServices();
  const cases: [string, string[]][] = [
    ["WorkspaceId=7", ["a"]],
    ["WorkspaceId=7&IncludeNoWorkspace=true", ["a", "c"]],
    ["WorkspaceId=7&IncludeNoWorkspace=false", ["a"]],
    ["IncludeNoWorkspace=true", ["a", "b", "c"]],
    ["WorkspaceId=9", []],
    ["ResourceId=eas-r-1", ["a"]],
    ["ResourceName=eas-r-1", ["a"]],
    ["ResourceId=eas-r-2", []],
    ["ResourceAliasName=x", []],
    ["ResourceBurstable=true", ["a"]],
    ["ResourceBurstable=False", ["b", "c"]],
    ["ResourceType=DedicatedResource", ["a", "b", "c"]],
    ["ResourceType=PublicResource", []],
    ["QuotaId=q", ["b"]],
    ["Gateway=gw-1", ["c"]],
    ["CallerUid=u", ["a"]],
    ["Role=Standard", ["a", "b", "c"]],
    ["Role=Queue", []],
    ["ParentServiceUid=eas-m-9", []],
    ["ServiceType=LLM", ["b"]],
    ["Sort=ServiceName&Order=desc&PageSize=2", ["c", "b"]],
    ["Sort=ServiceName&Order=desc&PageSize=2&PageNumber=2", ["a"]],
  ];
  for (const [query, expected] of cases) {
    const { Services, NotEffective } = await get(api, `services?${query}`);
    assert.deepEqual([Services.map((s: Body) => s.ServiceName), NotEffective], [expected, undefined], query);
  }
  assert.deepEqual((await get(api, "services?Accessibility=PUBLIC")).NotEffective, ["?Accessibility"]);
});

test("instances are filtered by the node, the kind and the resource that they have", async () => {
  const api = await threeServices();
  const instances = "services/local/a/instances";
  const [first] = (await get(api, instances)).Instances;
  assert.deepEqual([first.HostName, first.InstanceType], [hostname(), "node.16c7g"]);
  const cases: [string, number][] = [
    ["InstanceType=node.16c7g", 2],
    ["InstanceType=ecs.gn6i", 0],
    ["ResourceType=PrivateResource&Role=Standard&IsSpot=false", 2],
    ["IsSpot=true", 0],
    ["Resource=eas-r-1", 2],
    ["Resource=eas-r-2", 0],
    ["QuotaId=q", 0],
    ["ReplicaName=x", 0],
  ];
  for (const [query, expected] of cases)
    assert.equal((await get(api, `${instances}?${query}`)).TotalCount, expected, query);
  assert.deepEqual((await get(api, `${instances}?ListReplica=true&MemberType=x`)).NotEffective.toSorted(), [
    "?ListReplica",
    "?MemberType",
  ]);
  api.control.room = null;
  assert.equal((await get(api, instances)).Instances[0].InstanceType, "");
});

test("an instance has one container, which its logs and its soft restart may name", async () => {
  const api = await threeServices();
  const path = "services/local/a/instances/a-v1-0/containers";
  const { ServiceName, Containers } = await get(api, path);
  assert.equal(ServiceName, "a");
  assert.equal(Containers.length, 1);
  const [{ CurrentTimestamp, ...container }] = Containers;
  assert.match(CurrentTimestamp, /^2022-06-05T14:30:49Z$/);
  assert.deepEqual(container, {
    Name: "worker",
    Image: "",
    Port: container.Port,
    Ready: true,
    RestartCount: 0,
    CurrentStatus: "Running",
    CurrentReaon: "",
    LastStatus: "",
    LastReason: "",
    LastTimestamp: "",
  });
  assert.equal((await get(api, path.replace("v1-0", "v9-0"))).Code, "INSTANCE_NOT_FOUND");
  assert.equal((await get(api, "services/local/a/logs?ContainerName=worker&Ip=127.0.0.1")).status, 200);
  assert.equal((await get(api, "services/local/a/logs?ContainerName=nginx")).Code, "INVALID_ARGUMENT");
  api.control.lines.set("a-v1-0" as never, ["one"]);
  assert.equal((await get(api, "services/local/a/logs?Ip=127.0.0.1")).TotalCount, 1);
  assert.equal((await get(api, "services/local/a/logs?Ip=10.0.0.1")).TotalCount, 0);
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  const restart = (container: string) =>
    api.app.inject({
      method: "DELETE",
      url: `/api/v2/services/local/a/instances?InstanceList=a-v1-0&SoftRestart=true&Container=${container}`,
      headers,
    });
  assert.equal((await restart("nginx")).json().Code, "INVALID_ARGUMENT");
  assert.equal((await restart("worker")).statusCode, 200);
  const url = "/api/v2/services/local/a/instances?InstanceList=a-v1-0&Container=nginx&IsReplica=true";
  const replaced = (await api.app.inject({ method: "DELETE", url, headers })).json();
  assert.deepEqual(replaced.NotEffective, ["?Container", "?IsReplica"]);
});

test("what has crashed waits for its next start, and tells its end", async () => {
  const api = await threeServices();
  const [instance] = api.control.statuses.get("a" as never)!.instances;
  const finishedAtMs = api.control.nowMs + 1000;
  const lastExit = {
    code: 1,
    signal: null,
    reason: "Error",
    message: "",
    startedAtMs: null,
    finishedAtMs,
  } as const;
  const containerWith = async (change: object) => {
    api.control.setStatus("a", { instances: [{ ...instance!, ...change }] });
    const { Containers } = await get(api, "services/local/a/instances/a-v1-0/containers");
    const { CurrentStatus, CurrentTimestamp, LastStatus, LastReason } = Containers[0];
    return [CurrentStatus, CurrentTimestamp, LastStatus, LastReason];
  };
  const end = "2022-06-05T14:30:50Z";
  const failed = { phase: "Failed", isReady: false, lastExit };
  assert.deepEqual(await containerWith({ ...failed, backoffUntilMs: 1 }), [
    "Waiting",
    end,
    "Terminated",
    "Error",
  ]);
  assert.deepEqual(await containerWith(failed), ["Terminated", end, "Terminated", "Error"]);
  const unborn = { phase: "Pending", startedAtMs: null, lastExit: null };
  assert.deepEqual(await containerWith(unborn), ["Waiting", "", "", ""]);
});

test("the node's kind, what is free of it, and sizes that fit", async () => {
  const api = await threeServices();
  const spec = await get(api, "public/instance_types");
  const [node] = spec.InstanceMetas;
  assert.deepEqual(
    [
      node.InstanceType,
      node.CPU,
      node.Memory,
      node.FreeCPU,
      node.FreeMemory,
      node.IsAvailable,
      node.StockStatus,
    ],
    ["node.16c7g", 16, 7, 12.5, 1, true, "WithStock"],
  );
  assert.deepEqual(spec.Types.at(-1), { CPU: 16, Memory: [1, 2, 4] });
  assert.equal((await get(api, "public/instance_types?InstanceTypes=x,node.16c7g")).InstanceMetas.length, 1);
  assert.equal((await get(api, "public/instance_types?InstanceTypes=x")).InstanceMetas.length, 0);
  const named = await get(api, "public/instance_types?ChargeType=PostPaid&ResourceType=PublicResource");
  assert.deepEqual(named.NotEffective.toSorted(), ["?ChargeType", "?ResourceType"]);
  api.control.room = { capacity: { cpu: 1.5, memoryMb: 900 }, free: { cpu: -1, memoryMb: 10 } };
  const full = await get(api, "public/instance_types");
  assert.deepEqual(full.Types, [{ CPU: 1, Memory: [] }]);
  const [small] = full.InstanceMetas;
  assert.deepEqual([small.InstanceType, small.FreeCPU, small.StockStatus], ["node.1c0g", 0, "WithoutStock"]);
});
