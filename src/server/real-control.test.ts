import assert from "node:assert/strict";
import test from "node:test";
import { apiOver, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";
import { ControlWorld } from "../testing/control-world.ts";

test("the API over the real control plane: create, share, release, update, delete", async (t) => {
  const world = new ControlWorld();
  world.begin();
  t.after(() => world.stop());
  const { app } = apiOver(world.control, () => world.clock.now());
  const call = async (method: "GET" | "POST" | "PUT" | "DELETE", url: string, payload?: object) => {
    const answer = await app.inject({
      method,
      url: `/api/v2/services${url}`,
      headers: { authorization: `Bearer ${TEST_KEY}` },
      ...(payload ? { payload } : {}),
    });
    const body = answer.json();
    assert.equal(answer.statusCode, 200, answer.body);
    return body;
  };
  const shares = async () =>
    (await call("GET", "")).Services.map((s: { ServiceName: string; Weight: number }) => [
      s.ServiceName,
      s.Weight,
    ]);

  const prod = await call("POST", "", pmmlDocument("pmml_prod", 4));
  assert.equal(prod.Generation, 1);
  await call("POST", "", pmmlDocument("pmml_grey", 1));
  await world.untilRunning("pmml_prod");
  await world.untilRunning("pmml_grey");
  assert.deepEqual((await shares()).toSorted(), [
    ["pmml_grey", 20],
    ["pmml_prod", 80],
  ]);
  const running = await call("GET", "/local/pmml_prod");
  assert.deepEqual([running.Status, running.RunningInstance, running.PendingInstance], ["Running", 4, 0]);
  assert.ok(running.ObservedGeneration >= prod.Generation);

  await call("PUT", "/local/pmml_grey/release", { Weight: 27 });
  assert.deepEqual((await shares()).toSorted(), [
    ["pmml_grey", 27],
    ["pmml_prod", 73],
  ]);

  const updated = await call("PUT", "/local/pmml_grey", { model_config: "x" });
  const during = await call("GET", "/local/pmml_grey");
  assert.equal(during.Status, "Updating", "a change that was accepted a moment ago is not Running");
  await world.untilRunning("pmml_grey");
  const after = await call("GET", "/local/pmml_grey");
  assert.ok(after.ObservedGeneration >= updated.Generation);
  assert.deepEqual([after.CurrentVersion, after.LatestVersion], [2, 2]);
  const { Versions } = await call("GET", "/local/pmml_grey/versions");
  assert.deepEqual(
    Versions.map((v: { Version: number }) => v.Version),
    [2, 1],
  );
  const { Instances } = await call("GET", "/local/pmml_grey/instances");
  assert.deepEqual(
    Instances.map((i: { InstanceName: string; IsLatest: boolean }) => [i.InstanceName, i.IsLatest]),
    [["pmml_grey-v2-0", true]],
  );

  await call("DELETE", "/local/pmml_grey");
  await world.until("it is gone", () => world.store.state.services.size === 1);
  assert.deepEqual(await shares(), [["pmml_prod", 100]]);
});

test("two creates of one name: one is told so; and a delete while creating is obeyed", async (t) => {
  const world = new ControlWorld();
  world.begin();
  t.after(() => world.stop());
  const { app } = apiOver(world.control, () => world.clock.now());
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  const create = () =>
    app.inject({ method: "POST", url: "/api/v2/services", headers, payload: pmmlDocument("pmml_prod", 2) });
  const answers = await Promise.all([create(), create(), create()]);
  assert.deepEqual(answers.map((answer) => answer.statusCode).toSorted(), [200, 409, 409]);
  assert.ok(answers.every((answer) => answer.statusCode === 200 || answer.json().Code === "SERVICE_EXISTS"));
  const gone = await app.inject({ method: "DELETE", url: "/api/v2/services/local/pmml_prod", headers });
  assert.equal(gone.statusCode, 200);
  const again = await create();
  assert.deepEqual([again.statusCode, again.json().Code], [409, "SERVICE_DELETING"]);
  await world.until("it is gone", () => world.store.state.services.size === 0);
  assert.equal((await create()).statusCode, 200);
});
