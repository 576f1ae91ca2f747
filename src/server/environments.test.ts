import assert from "node:assert/strict";
import { test } from "node:test";
import { apiApp, TEST_KEY } from "../testing/api-app.ts";

const headers = { authorization: `Bearer ${TEST_KEY}` };
const url = "/api/v2/internal/environments";

test("environments are ordered, told of while they are made, listed with who refers to them, and removed", async (t) => {
  const { app, control } = apiApp();
  t.after(() => app.close());
  const list = async () => (await app.inject({ url, headers })).json();
  const order = (payload: object) => app.inject({ method: "POST", url, headers, payload });
  const remove = async (id: string) => {
    const { statusCode, json } = await app.inject({ method: "DELETE", url: `${url}/${id}`, headers });
    return [statusCode, json().Code];
  };

  control.environments.held.set("a==1", Promise.withResolvers());
  assert.equal((await order({ Requirements: ["A == 1", "# c"] })).json().EnvironmentId, "a==1");
  await new Promise(setImmediate);
  const progress = ["Installing Python packages: collecting a==1"];
  assert.deepEqual((await list()).Builds, [{ EnvironmentId: "a==1", Progress: progress, Failure: null }]);
  control.environments.held.get("a==1")!.resolve();
  await new Promise(setImmediate);
  assert.deepEqual((await list()).Builds, []);

  const service = {
    name: "own",
    metadata: { instance: 1 },
    containers: [{ script: "x", prepare: { pythonRequirements: ["a==1"] } }],
  };
  await control.createService(service);
  assert.equal((await order({ Document: service })).json().EnvironmentId, "a==1");
  assert.deepEqual((await list()).Environments, [
    {
      EnvironmentId: "a==1",
      Folder: "/environments/a==1",
      Python: "3.11.7",
      BasePython: "/usr/bin/python3",
      Requirements: ["a==1"],
      Packages: ["a 1"],
      Notes: [],
      Bytes: 7,
      LastUsedTime: "2026-01-02T00:00:00Z",
      Referrers: [{ ServiceName: "own", Version: 1 }],
    },
  ]);
  control.environments.inUse.add("a==1");
  assert.deepEqual(await remove("a==1"), [409, "ENVIRONMENT_IN_USE"]);
  control.environments.inUse.clear();
  assert.deepEqual(await remove("a==1"), [200, undefined]);
  assert.deepEqual(await remove("a==1"), [404, "ENVIRONMENT_NOT_FOUND"]);
});

test("a failed order is told of until it is tried again or removed; one under way is ended by its removal", async (t) => {
  const { app, control } = apiApp();
  t.after(() => app.close());
  const { environments, builds } = control;
  environments.broken.set("b==1", "pip cannot install them: no such package");
  await builds.begin({ lines: ["b==1"] });
  await new Promise(setImmediate);
  const told = async () => (await builds.list(control.state)).builds.map((b) => [b.address, b.failure]);
  assert.deepEqual(await told(), [["b==1", "pip cannot install them: no such package"]]);
  environments.broken.clear();
  environments.held.set("b==1", Promise.withResolvers());
  await builds.begin({ lines: ["b==1"] });
  assert.deepEqual(await told(), [["b==1", null]]);
  await builds.remove("b==1");
  await new Promise(setImmediate);
  assert.deepEqual(await told(), []);
  assert.equal(environments.kept.size, 0);
});

test("what cannot be made is refused with its place", async (t) => {
  const { app } = apiApp();
  t.after(() => app.close());
  const refusal = async (payload: object) => {
    const answer = await app.inject({ method: "POST", url, headers, payload });
    assert.equal(answer.statusCode, 400, answer.body);
    return answer.json().Message as string;
  };
  assert.match(await refusal({ Requirements: ["a==1", "-r x"] }), /\$\.Requirements\[1\]: found "-r x"/);
  assert.match(await refusal({}), /\$: found \{\}, allowed: either Requirements or Document/);
  const plain = { name: "own", metadata: { instance: 1 }, containers: [{ script: "x" }] };
  assert.match(await refusal({ Document: plain }), /without Python requirements/);
});
