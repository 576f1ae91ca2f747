import assert from "node:assert/strict";
import test from "node:test";
import { NOT_IMPLEMENTED } from "../api/not-implemented.ts";
import { PATHS } from "../api/paths.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

const authorization = `Bearer ${TEST_KEY}`;

test("each of them is refused with its name and what to use instead, whatever region, query and body say", async () => {
  const { app } = apiApp();
  for (const [operation, { method, path, instead }] of Object.entries(NOT_IMPLEMENTED)) {
    const url = `${path.replace(/\{\w+\}/g, "elsewhere")}?Nonsense=1`;
    const headers = { authorization, host: "sluice.example:8081", "content-type": "text/plain" };
    const payload = method === "GET" || method === "DELETE" ? {} : { payload: "no JSON {" };
    const answer = await app.inject({ method, url, headers, ...payload });
    const body = answer.json();
    assert.deepEqual([answer.statusCode, body.Code], [501, "NotImplemented"], `${operation}: ${answer.body}`);
    assert.equal(body.Message, `${operation} is not implemented here; ${instead}`);
    assert.deepEqual(
      [body.Operation, body.Instead, body.HostId],
      [operation, instead, "sluice.example:8081"],
    );
    assert.match(body.RequestId, /^[0-9A-F-]{36}$/);
  }
});

test("without a key nothing is told of them", async () => {
  const { app } = apiApp();
  for (const { method, path } of Object.values(NOT_IMPLEMENTED)) {
    const answer = await app.inject({ method, url: path.replace(/\{\w+\}/g, "x") });
    assert.deepEqual([answer.statusCode, answer.json().Code], [401, "UNAUTHORIZED"], path);
    assert.equal(answer.json().Instead, undefined);
  }
});

test("no operation is both there and refused, and each way to ask leads to one", () => {
  const ways = [...Object.values(PATHS), ...Object.values(NOT_IMPLEMENTED)].map(
    ({ method, path }) => `${method} ${path.replace(/\{\w+\}/g, "{}")}`,
  );
  assert.equal(new Set(ways).size, ways.length);
  for (const name of Object.keys(NOT_IMPLEMENTED)) assert.ok(!Object.hasOwn(PATHS, name), name);
});

test("a service in development is refused with the same advice, and created when it is none", async () => {
  const { app } = apiApp();
  const create = (query: string) =>
    app.inject({
      method: "POST",
      url: `/api/v2/services${query}`,
      headers: { authorization },
      payload: JSON.stringify(pmmlDocument("a", 1)),
    });
  const refused = await create("?Develop=true");
  assert.deepEqual([refused.statusCode, refused.json().Code], [400, "INVALID_ARGUMENT"]);
  assert.ok(refused.json().Message.includes(NOT_IMPLEMENTED.DevelopService!.instead));
  assert.equal((await create("?Develop=false")).statusCode, 200);
});
