import assert from "node:assert/strict";
import test from "node:test";
import { Errors } from "typebox/schema";
import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import type { Service } from "../api/objects.ts";
import { OPERATION_LIST } from "../api/operations.ts";
import { type OperationName, PATHS } from "../api/paths.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

type Api = ReturnType<typeof apiApp>;
type Method = "GET" | "POST" | "PUT" | "DELETE";
// biome-ignore lint/suspicious/noExplicitAny: answers of all operations pass through here
type Body = any;

/** One request by raw URL. */
async function ask({ app }: Api, method: Method, url: string, payload?: unknown, headers: object = {}) {
  const given = { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json", ...headers };
  const answer = await app.inject({
    method,
    url,
    headers: Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    ...(payload === undefined
      ? {}
      : { payload: typeof payload === "string" ? payload : JSON.stringify(payload) }),
  });
  const body: Body = JSON.parse(answer.body);
  assert.match(body.RequestId, /^[0-9A-F-]{36}$/, "every answer has a RequestId");
  assert.equal(answer.headers["x-request-id"], body.RequestId);
  return { status: answer.statusCode, body, headers: answer.headers };
}

/** One operation that is expected to be accepted; its answer must fit the contract. */
async function call(
  api: Api,
  name: OperationName,
  target = "",
  query = "",
  payload?: unknown,
): Promise<Body> {
  const { method, path } = PATHS[name];
  const url = path.replace("{ClusterId}", "local").replace(/\{\w+\}/, target) + query;
  const { status, body } = await ask(api, method, url, payload);
  assert.equal(status, 200, `${name}: ${JSON.stringify(body)}`);
  const { response } = OPERATION_LIST.find((operation) => operation.name === name)!;
  assert.deepEqual(Errors(response, body)[1], [], `${name} answers as the contract says`);
  return body;
}

async function twoMembers(): Promise<Api> {
  const api = apiApp();
  await call(api, "CreateService", "", "", pmmlDocument("pmml_prod", 4));
  api.control.nowMs += 49_000;
  await call(api, "CreateService", "", "", pmmlDocument("pmml_grey", 1, { gpu: 1 }));
  api.control.settle();
  return api;
}

test("a service from create to delete, each answer as the contract says", async () => {
  const api = apiApp();
  const created = await call(api, "CreateService", "", "", pmmlDocument("pmml_prod", 4));
  assert.deepEqual(created, {
    RequestId: "00000000-0000-4000-8000-000000000001",
    Message: "Service [pmml_prod] in region [local] is creating",
    Generation: 1,
    ServiceName: "pmml_prod",
    ServiceId: "eas-m-1",
    Region: "local",
    Status: "Creating",
    InternetEndpoint: "http://127.0.0.1:8080/api/predict/pmml.pmml_prod",
    IntranetEndpoint: "http://127.0.0.1:8080/api/predict/pmml.pmml_prod",
  });
  const first = await call(api, "DescribeService", "pmml_prod");
  assert.equal(first.Status, "Creating");
  assert.equal(first.ObservedGeneration, 0);
  assert.deepEqual([first.TotalInstance, first.PendingInstance, first.RunningInstance], [4, 4, 0]);

  api.control.settle();
  const running = await call(api, "DescribeService", "pmml_prod");
  assert.deepEqual([running.Status, running.PendingInstance, running.RunningInstance], ["Running", 0, 4]);
  assert.equal(running.CreateTime, "2022-06-05T14:30:49Z");
  assert.equal(running.AccessToken, "token-1");
  assert.equal(running.Namespace, "pmml");
  assert.equal(running.Memory, 1000);
  assert.equal(JSON.parse(running.ServiceConfig).processor, "pmml");

  await call(api, "ScaleService", "pmml_prod", "", { Instance: 2 });
  assert.equal((await call(api, "DescribeService", "pmml_prod")).TotalInstance, 2);
  await call(api, "StopService", "pmml_prod");
  assert.equal((await call(api, "DescribeService", "pmml_prod")).Status, "Stopping");
  api.control.settle();
  assert.equal((await call(api, "DescribeService", "pmml_prod")).Status, "Stopped");
  await call(api, "StartService", "pmml_prod");
  assert.equal((await call(api, "DescribeService", "pmml_prod")).Status, "Starting");
  await call(api, "RestartService", "pmml_prod");
  api.control.settle();
  const names = (await call(api, "ListServiceInstances", "pmml_prod")).Instances.map(
    (i: Body) => i.InstanceName,
  );
  assert.deepEqual(names, ["pmml_prod-v1.1-0", "pmml_prod-v1.1-1"]);
  await call(
    api,
    "DeleteServiceInstances",
    "pmml_prod",
    "?InstanceList=pmml_prod-v1.1-0,%20pmml_prod-v1.1-1",
  );
  const { Versions } = await call(api, "ListServiceVersions", "pmml_prod");
  assert.equal(Versions[0].Version, 1);

  await call(api, "DeleteService", "pmml_prod");
  assert.equal((await call(api, "DescribeService", "pmml_prod")).Status, "Deleting");
  api.control.settle();
  const { status, body } = await ask(api, "GET", "/api/v2/services/local/pmml_prod");
  assert.deepEqual([status, body.Code, body.Service], [404, "SERVICE_NOT_FOUND", "pmml_prod"]);
});

test("weights are the percents that the seeds show", async () => {
  const api = await twoMembers();
  const weights = async () =>
    (await call(api, "ListServices")).Services.map((s: Service) => [s.ServiceName, s.Weight, s.TrafficState]);
  assert.deepEqual(await weights(), [
    ["pmml_prod", 80, "grouping"],
    ["pmml_grey", 20, "grouping"],
  ]);
  await call(api, "ReleaseService", "pmml_grey", "", { TrafficState: "standalone" });
  assert.deepEqual(await weights(), [
    ["pmml_prod", 100, "grouping"],
    ["pmml_grey", 0, "standalone"],
  ]);
  await call(api, "ReleaseService", "pmml_grey", "", { TrafficState: "grouping" });
  await call(api, "ReleaseService", "pmml_grey", "", { Weight: 27 });
  assert.deepEqual(await weights(), [
    ["pmml_prod", 73, "blue-green"],
    ["pmml_grey", 27, "blue-green"],
  ]);
  api.control.nowMs += 1000;
  await call(api, "CreateService", "", "", {
    name: "alone",
    processor: "pmml",
    model_path: "/m",
    metadata: { instance: 1 },
  });
  assert.deepEqual((await weights())[2], ["alone", 100, ""]);
});

test("lists are filtered, sorted and paged", async () => {
  const api = await twoMembers();
  const names = async (query: string) =>
    (await call(api, "ListServices", "", query)).Services.map((s: Service) => s.ServiceName);
  assert.deepEqual(await names("?Filter=grey"), ["pmml_grey"]);
  assert.deepEqual(await names("?GroupName=pmml&ServiceName=pmml_prod"), ["pmml_prod"]);
  assert.deepEqual(await names("?GroupName=other"), []);
  assert.deepEqual(await names("?ServiceStatus=Running&TrafficState=grouping&ServiceType=Standard"), [
    "pmml_prod",
    "pmml_grey",
  ]);
  assert.deepEqual(await names("?AutoscalerEnabled=true"), []);
  assert.deepEqual(await names("?Order=desc"), ["pmml_grey", "pmml_prod"]);
  assert.deepEqual(await names("?Sort=ServiceName"), ["pmml_grey", "pmml_prod"]);
  const second = await call(api, "ListServices", "", "?PageSize=1&PageNumber=2");
  assert.deepEqual(
    [second.TotalCount, second.PageNumber, second.Services[0].ServiceName],
    [2, 2, "pmml_grey"],
  );
  await call(api, "CreateService", "", `?Labels=${encodeURIComponent('{"team":"b"}')}`, {
    ...pmmlDocument("labelled", 1),
    labels: { env: "prod" },
  });
  assert.deepEqual(await names(`?Label=${encodeURIComponent('{"team":"b","env":"prod"}')}`), ["labelled"]);
});

test("what does nothing here is named in the answer", async () => {
  const api = apiApp();
  const created = await call(
    api,
    "CreateService",
    "",
    "?Develop=false",
    pmmlDocument("pmml_grey", 1, { gpu: 1 }),
  );
  assert.deepEqual(created.NotEffective, ["$.metadata.gpu"]);
  assert.match(created.Message, /Not effective here yet: \$\.metadata\.gpu/);
  assert.deepEqual((await call(api, "ListServices", "", "?Accessibility=PUBLIC")).NotEffective, [
    "?Accessibility",
  ]);
  const updated = await call(api, "UpdateService", "pmml_grey", "", { cloud: { computing: {} } });
  assert.ok(updated.NotEffective.length > 0);
});

test("groups: described, changed, refused while they have members", async () => {
  const api = await twoMembers();
  const group = await call(api, "DescribeGroup", "pmml");
  assert.equal(group.InternetEndpoint, "http://127.0.0.1:8080/api/predict/pmml");
  assert.equal((await call(api, "ListGroups")).TotalCount, 1);
  await call(api, "UpdateGroup", "pmml", "", { TrafficMode: "customized", Labels: { a: "b" } });
  assert.equal((await call(api, "DescribeGroup", "pmml")).TrafficMode, "customized");
  await call(api, "UpdateGroup", "pmml", "", { Sticky: "cookie:side" });
  assert.equal((await call(api, "DescribeGroup", "pmml")).Sticky, "cookie:side");
  const wrong = await ask(api, "PUT", "/api/v2/groups/local/pmml", { Sticky: "ip" });
  assert.deepEqual([wrong.status, wrong.body.Code], [400, "INVALID_ARGUMENT"]);
  await call(api, "UpdateGroup", "pmml", "", { Sticky: "off" });
  assert.equal((await call(api, "DescribeGroup", "pmml")).Sticky, "off");
  assert.deepEqual(
    (await call(api, "ListGroups", "", `?Labels=${encodeURIComponent('{"a":"b"}')}`)).TotalCount,
    1,
  );
  const refused = await ask(api, "DELETE", "/api/v2/groups/local/pmml");
  assert.deepEqual(
    [refused.status, refused.body.Code, refused.body.Members],
    [409, "GROUP_NOT_EMPTY", ["pmml_prod", "pmml_grey"]],
  );
  await call(api, "CreateGroup", "", "", { Name: "other" });
  await call(api, "DeleteGroup", "other");
  await call(api, "DeleteGroup", "pmml", "?CascadeDelete=true");
  const { Endpoints } = await call(api, "DescribeServiceEndpoints", "pmml_prod");
  assert.deepEqual(
    Endpoints.map((e: Body) => [e.PathType, e.Port]),
    [
      ["Service", 8080],
      ["Group", 8080],
    ],
  );
});

test("tokens: several at once, each with its number; a token where a number is due is not repeated", async () => {
  const api = await twoMembers();
  const { AccessToken: first } = await call(api, "DescribeService", "pmml_grey");
  const added = await call(api, "CreateServiceToken", "pmml_grey");
  assert.deepEqual([added.Number, added.IsNewest], [2, true]);
  const { Tokens } = await call(api, "ListServiceTokens", "pmml_grey");
  assert.deepEqual(
    Tokens.map((t: { Number: number; Token: string; IsNewest: boolean }) => [t.Number, t.Token, t.IsNewest]),
    [
      [2, added.Token, true],
      [1, first, false],
    ],
  );
  const url = (number: string) => `/api/v2/services/local/pmml_grey/tokens/${number}`;
  assert.equal((await ask(api, "DELETE", url("2"))).body.Code, "TOKEN_IN_FORCE");
  assert.equal((await ask(api, "DELETE", url("7"))).body.Code, "TOKEN_NOT_FOUND");
  const wrong = await ask(api, "DELETE", url(first));
  assert.deepEqual([wrong.status, wrong.body.Code], [400, "INVALID_ARGUMENT"]);
  assert.ok(!JSON.stringify(wrong.body).includes(first));
  assert.equal((await ask(api, "DELETE", url("1"))).status, 200);
  const group = await call(api, "CreateGroupToken", "pmml");
  assert.equal((await call(api, "DescribeGroup", "pmml")).AccessToken, group.Token);
  assert.equal((await ask(api, "DELETE", "/api/v2/groups/local/pmml/tokens/1")).status, 200);
  assert.equal((await call(api, "ListGroupTokens", "pmml")).Tokens.length, 1);
  const { Events } = await call(api, "DescribeServiceEvent", "pmml_grey");
  assert.deepEqual(
    Events.slice(0, 2).map((e: { Reason: string }) => e.Reason),
    ["TokenRevoked", "TokenAdded"],
  );
});

test("events and logs", async () => {
  const api = await twoMembers();
  const { Events } = await call(api, "DescribeServiceEvent", "pmml_prod", "?PageSize=1");
  assert.equal(Events.length, 1);
  assert.equal(Events[0].Time, "2022-06-05 14:30:49");
  assert.equal(JSON.parse(Events[0].Message).message, "Service [pmml_prod] is now creating");
  const before = "?EndTime=2022-06-05%2014:30:48";
  assert.equal((await call(api, "DescribeServiceEvent", "pmml_prod", before)).TotalCount, 0);
  const lines = Array.from({ length: 5 }, (_, i) => `line ${i}`);
  api.control.lines.set("pmml_grey-v1-0" as never, lines);
  const all = await call(api, "DescribeServiceLog", "pmml_grey");
  assert.deepEqual([all.TotalCount, all.Logs[0]], [5, "[pmml_grey-v1-0] line 0"]);
  const page = await call(
    api,
    "DescribeServiceLog",
    "pmml_grey",
    "?InstanceName=pmml_grey-v1-0&PageSize=2&PageNum=2",
  );
  assert.deepEqual([page.Logs, page.TotalPageNum], [["line 1", "line 2"], 3]);
  const found = await call(api, "DescribeServiceLog", "pmml_grey", "?Keyword=4");
  assert.deepEqual(found.Logs, ["[pmml_grey-v1-0] line 4"]);
  const nobody = await ask(api, "GET", "/api/v2/services/local/pmml_grey/logs?InstanceName=x");
  assert.equal(nobody.body.Code, "INSTANCE_NOT_FOUND");
});

test("what the control process does can be seen", async () => {
  const api = await twoMembers();
  assert.equal((await call(api, "DescribeRegions")).Regions[0].RegionId, "local");
  assert.equal((await call(api, "ListLoops")).Loops[0].NextDueInMs, 13);
  const { Gateways } = await call(api, "ListGatewayWorkers");
  assert.deepEqual([Gateways[0].TableNumber, Gateways[0].Refusal], [3, null]);
  assert.deepEqual(
    [Gateways[1].RefusedTableNumber, Gateways[1].Refusal],
    [4, "services[0].name: is not a name"],
  );
  await call(api, "RestartGatewayWorkers");
  assert.equal(api.control.restartCount, 1);
  const { Traffic } = await call(api, "DescribeTraffic", "", "?Seconds=5");
  assert.deepEqual([Traffic[0].Samples[0].Requests, Traffic[0].Samples[0].P99Us], [5, 15]);
  assert.equal((await call(api, "CheckHealth")).Status, "ok");
});

test("input that the contract does not know is refused, all of it at once", async () => {
  const api = await twoMembers();
  const { status, body } = await ask(
    api,
    "GET",
    "/api/v2/services?PageSize=0&Order=up&Nmae=x&Label=%7B&PageNumber=1.5",
  );
  assert.equal(status, 400);
  assert.equal(body.Code, "INVALID_ARGUMENT");
  const problems = new Map(body.Problems.map((p: Body) => [p.Path, `${p.Found}: ${p.Allowed}`]));
  assert.equal(problems.get("?PageSize"), "0: a whole number from 1 to 1000");
  assert.equal(problems.get("?Order"), '"up": asc, desc');
  assert.equal(problems.get("?PageNumber"), '"1.5": a whole number from 1 to 1000000');
  assert.equal(problems.get("?Label"), '"{": a JSON object of texts');
  assert.match(problems.get("?Nmae") as string, /^an unknown name: Filter, ServiceName/);
  const cases: [OperationName, unknown, RegExp][] = [
    ["ScaleService", { Instance: -1 }, /\$\.Instance: found -1, allowed: a whole number from 0 to 1000/],
    ["ScaleService", { Instance: 100_000 }, /found 100000/],
    ["ScaleService", {}, /\$\.Instance: found nothing/],
    ["ScaleService", { Instance: "4" }, /found "4"/],
    ["ScaleService", { Instance: 1, InstancesToDelete: [7] }, /\$\.InstancesToDelete\[0\]: found 7/],
    ["ScaleService", [], /\$: found \[\], allowed: a JSON object/],
    ["ReleaseService", {}, /\$: found {}, allowed: either TrafficState or Weight/],
    ["ReleaseService", { Weight: 1, TrafficState: "grouping" }, /allowed: either TrafficState or Weight/],
    ["ReleaseService", { TrafficState: "blue-green" }, /allowed: grouping, standalone/],
    ["ReleaseService", { Weight: 1001 }, /from -1 to 1000/],
  ];
  for (const [name, payload, expected] of cases) {
    const url = PATHS[name].path.replace("{ClusterId}", "local").replace("{ServiceName}", "pmml_grey");
    const refused = await ask(api, "PUT", url, payload);
    assert.equal(refused.body.Code, "INVALID_ARGUMENT", JSON.stringify(payload));
    assert.match(refused.body.Message, expected);
  }
});

test("bodies that are no JSON are refused by line and column, whatever they are called", async () => {
  const api = apiApp();
  const broken = await ask(api, "POST", "/api/v2/services", '{\n  "name": "x",,\n}');
  assert.deepEqual([broken.status, broken.body.Code], [400, "INVALID_JSON"]);
  assert.match(broken.body.Message, /line 2/);
  assert.equal((await ask(api, "POST", "/api/v2/services", "")).body.Code, "INVALID_JSON");
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json; charset=utf-8",
    "nonsense",
  ];
  for (const type of types) {
    const refused = await ask(api, "POST", "/api/v2/services", "[]", { "content-type": type });
    assert.equal(refused.body.Code, "INVALID_SPEC", type);
  }
});

test("names that nobody can have are not found, and regions are this one", async () => {
  const api = await twoMembers();
  for (const name of ["..", "%2e%2e", "a%20b", "a%2Fb", "x".repeat(200), "%00"]) {
    const { status, body } = await ask(api, "GET", `/api/v2/services/local/${name}/events`);
    assert.equal(status, 404, name);
    assert.ok(["SERVICE_NOT_FOUND", "NOT_FOUND"].includes(body.Code));
  }
  const elsewhere = await ask(api, "GET", "/api/v2/services/cn-shanghai/pmml_prod");
  assert.deepEqual(
    [elsewhere.status, elsewhere.body.Code, elsewhere.body.Own],
    [404, "REGION_NOT_FOUND", "local"],
  );
  const unknown = await ask(api, "POST", "/api/v2/regions");
  assert.deepEqual(
    [unknown.status, unknown.body.Code, unknown.body.Allowed],
    [405, "METHOD_NOT_ALLOWED", ["GET", "HEAD"]],
  );
  const nowhere = await ask(api, "POST", "/api/v2/region");
  assert.deepEqual([nowhere.status, nowhere.body.Code, nowhere.body.Method], [404, "NOT_FOUND", "POST"]);
  const badUrl = await ask(api, "GET", "/api/v2/services/local/%zz");
  assert.deepEqual([badUrl.status, badUrl.body.Code], [400, "BAD_REQUEST"]);
});

test("only a key opens the API; any of several does", async () => {
  const api = await twoMembers();
  for (const authorization of [
    undefined,
    "",
    TEST_KEY,
    "Bearer wrong",
    `Basic ${TEST_KEY}`,
    `Bearer ${TEST_KEY}x`,
  ]) {
    for (const url of ["/api/v2/services", "/nowhere"]) {
      const { status, body, headers } = await ask(api, "GET", url, undefined, { authorization });
      assert.deepEqual([status, body.Code], [401, "UNAUTHORIZED"], `${authorization} ${url}`);
      assert.match(String(headers["www-authenticate"]), /^Bearer/);
    }
  }
  assert.equal(
    (await ask(api, "GET", "/api/v2/services", undefined, { authorization: "bearer old-key" })).status,
    200,
  );
  assert.equal((await ask(api, "GET", "/healthz", undefined, { authorization: undefined })).status, 200);
});

test("a failure of ours is told by RequestId only, and logged; no secret is", async () => {
  const api = await twoMembers();
  api.control.loops = () => {
    throw new Error("the inside");
  };
  const { status, body } = await ask(api, "GET", "/api/v2/internal/loops");
  assert.deepEqual([status, body.Code], [500, "INTERNAL"]);
  assert.doesNotMatch(JSON.stringify(body), /the inside/);
  await call(api, "DescribeService", "pmml_prod");
  assert.ok(api.logged.some((line) => line.includes(body.RequestId)));
  assert.doesNotMatch(api.logged.join("\n"), /test-key|token-1/);
});

test("the OpenAPI document names every operation", async () => {
  const { app } = apiApp();
  const document = (await app.inject({ url: "/openapi.json" })).json();
  assert.equal(document.openapi, "3.1.0");
  const ids = Object.values(document.paths as Record<string, Record<string, Body>>).flatMap((methods) =>
    Object.values(methods).map((operation) => operation.operationId),
  );
  assert.deepEqual(ids.toSorted(), [...Object.keys(PATHS), ...Object.keys(NOT_IMPLEMENTED)].toSorted());
  const references = JSON.stringify(document).match(/#\/components\/schemas\/\w+/g)!;
  for (const reference of references)
    assert.ok(document.components.schemas[reference.split("/").at(-1)!], reference);
  assert.ok(references.includes("#/components/schemas/Service"));
});

test("orders about instances, the safety lock and diagnoses, each answer as the contract says", async () => {
  const api = await twoMembers();
  const url = (name: string) => `/api/v2/services/local/pmml_prod/instances/${name}`;
  const id = "pmml_prod-v1-0";
  const order = (body: unknown, name = id) => ask(api, "PUT", url(name), body);
  assert.equal((await order({ Isolate: true })).status, 200);
  assert.equal((await order({ Isolate: true, Hibernate: false })).body.NotEffective[0], "Hibernate");
  assert.equal((await order({})).body.Code, "INVALID_ARGUMENT");
  assert.equal((await order({ Detach: false })).body.Code, "INVALID_ARGUMENT");
  assert.equal((await order({ Isolate: true }, "pmml_prod-v9-0")).body.Code, "INSTANCE_NOT_FOUND");
  assert.equal((await order({ Detach: true })).status, 200);
  await call(api, "DeleteServiceInstances", "pmml_prod", "?InstanceList=pmml_prod-v1-1&SoftRestart=true");

  await call(api, "UpdateServiceSafetyLock", "pmml_prod", "", { Lock: "all" });
  assert.equal((await call(api, "DescribeService", "pmml_prod")).SafetyLock, "all");
  const { status, body } = await ask(api, "PUT", "/api/v2/services/local/pmml_prod/scale", { Instance: 1 });
  assert.deepEqual([status, body.Code, body.Lock], [409, "SAFETY_LOCKED", "all"]);
  const { DiagnosisList } = await call(api, "DescribeServiceDiagnosis", "pmml_prod");
  assert.equal(DiagnosisList[0].Kind, "Locked");
  const one = (await ask(api, "GET", `${url("pmml_prod-v1-1")}/diagnosis`)).body.Diagnosis;
  assert.deepEqual([one.Kind, one.InstanceName], ["Serving", "pmml_prod-v1-1"]);
  assert.equal((await ask(api, "GET", `${url("nobody")}/diagnosis`)).body.Code, "INSTANCE_NOT_FOUND");
});
