import assert from "node:assert/strict";
import test from "node:test";
import Schema, { Errors } from "typebox/schema";
import { OPERATIONS } from "../api/operations.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

type Api = ReturnType<typeof apiApp>;
// biome-ignore lint/suspicious/noExplicitAny: answers of all kinds pass through here
type Body = any;

async function validate(api: Api, document: unknown, query = ""): Promise<{ status: number; body: Body }> {
  const answer = await api.app.inject({
    method: "POST",
    url: `/api/v2/internal/validate${query}`,
    headers: { authorization: `Bearer ${TEST_KEY}` },
    payload: typeof document === "string" ? document : JSON.stringify(document),
  });
  const body: Body = JSON.parse(answer.body);
  if (answer.statusCode === 200) {
    assert.deepEqual(Errors(OPERATIONS.ValidateService.response, body)[1], [], "as the contract says");
  }
  return { status: answer.statusCode, body };
}

test("a good document: standing of each field, reasons and defaults; nothing is made", async () => {
  const api = apiApp();
  const { body } = await validate(api, { ...pmmlDocument("a", 2, { gpu: 1 }), cloud: {} });
  assert.deepEqual(
    [body.Valid, body.Exists, body.Runtime, body.Problems, body.Refusal],
    [true, false, "ready-made", [], null],
  );
  assert.deepEqual(body.NotEffective, ["$.metadata.gpu", "$.cloud"]);
  assert.deepEqual(
    body.Fields.find((field: Body) => field.Path === "$.metadata.gpu"),
    {
      Path: "$.metadata.gpu",
      Standing: "not-effective",
      Reason: "this processor's code is not one for GPUs",
    },
  );
  assert.ok(
    body.Defaults.some((given: Body) => given.Path === "$.metadata.rpc.keepalive" && given.Value === "5000"),
  );
  assert.equal(api.control.services.size, 0);
});

test("a bad one: all problems at once, where it is spelled so, and with 200: the question was answered", async () => {
  const api = apiApp();
  const { status, body } = await validate(api, {
    name: "A",
    "metadata.instance": "2",
    procesor: "pmml",
    token: "a secret",
    autoscaler: { min: 5, max: 1 },
  });
  assert.equal(status, 200);
  assert.equal(body.Valid, false);
  assert.deepEqual(body.Problems.map((problem: Body) => problem.Path).toSorted(), [
    "$.autoscaler.max",
    "$.name",
    "$.procesor",
    "$.processor",
    "$.token",
    '$["metadata.instance"]',
  ]);
  assert.equal(body.Refusal.Code, "INVALID_SPEC");
  assert.deepEqual([body.Fields, body.Defaults, body.Runtime], [[], [], null]);
  assert.doesNotMatch(JSON.stringify(body), /a secret/);
  assert.equal((await validate(api, "{")).body.Code, "INVALID_JSON");
  assert.equal((await validate(api, {}, "?ServiceName=a")).body.Code, "SERVICE_NOT_FOUND");
});

test("of a service that is there: what an update would change, and what is fixed; nothing is changed", async () => {
  const api = apiApp();
  await api.control.createService(pmmlDocument("a", 2));
  api.control.settle();
  const before = [...api.control.services.values()];
  const scale = await validate(api, { "metadata.instance": 3 }, "?ServiceName=a");
  assert.equal(scale.body.Plan.Change, "scale");
  const replace = await validate(api, pmmlDocument("a", 2), "?ServiceName=a&UpdateType=replace");
  assert.deepEqual([replace.body.Valid, replace.body.Plan.Change], [true, "nothing"]);
  const fixed = await validate(api, { name: "b", "metadata.group": "h" }, "?ServiceName=a");
  assert.deepEqual(
    fixed.body.Problems.map((problem: Body) => problem.Path),
    ["$.metadata.name", "$.metadata.group"],
  );
  const taken = await validate(api, pmmlDocument("a", 2));
  assert.deepEqual([taken.body.Valid, taken.body.Exists], [true, true]);
  assert.deepEqual([...api.control.services.values()], before);
});

test("the answer of create says why, beside the list of paths", async () => {
  const { app } = apiApp();
  const answer = await app.inject({
    method: "POST",
    url: "/api/v2/services",
    headers: { authorization: `Bearer ${TEST_KEY}` },
    payload: JSON.stringify({ ...pmmlDocument("a", 1), sinker: {} }),
  });
  const { NotEffective, NotEffectiveFields } = answer.json();
  assert.deepEqual(NotEffective, ["$.sinker"]);
  assert.match(NotEffectiveFields[0].Reason, /kept nowhere/);
});

test("the schema is there for editors, without a key", async () => {
  const answer = await apiApp().app.inject({ method: "GET", url: "/service.schema.json" });
  assert.equal(answer.statusCode, 200);
  const schema = answer.json();
  assert.equal(schema.title, "service.json");
  assert.ok(Schema.Check(schema, pmmlDocument("a", 1)));
  assert.ok(!Schema.Check(schema, { ...pmmlDocument("a", 1), unknown: 1 }));
});
