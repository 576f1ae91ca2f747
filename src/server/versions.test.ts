/** Versions and rollouts in the words of eas-reference §6.4 and §8.2. */
import assert from "node:assert/strict";
import test from "node:test";
import { Errors } from "typebox/schema";
import { OPERATION_LIST } from "../api/operations.ts";
import { type OperationName, PATHS } from "../api/paths.ts";
import type { ServiceName } from "../core/names.ts";
import type { RolloutProgress } from "../core/rollout.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

const name = "pmml_prod" as ServiceName;
const headers = { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json" };

/** An operation on the service. What is accepted has to fit the contract. */
async function ask({ app }: ReturnType<typeof apiApp>, operation: OperationName, payload?: object) {
  const { method, path } = PATHS[operation];
  const url = path.replace("{ClusterId}", "local").replace("{ServiceName}", name);
  const body = payload === undefined ? {} : { payload: JSON.stringify(payload) };
  const answer = await app.inject({ method, url, headers, ...body });
  const { response } = OPERATION_LIST.find((o) => o.name === operation)!;
  if (answer.statusCode === 200) assert.deepEqual(Errors(response, answer.json())[1], []);
  return { status: answer.statusCode, body: answer.json() };
}

test("a version has its whole service.json, when it was made, and whether it can be run", async (t) => {
  const api = apiApp();
  t.after(() => api.app.close());
  const { control } = api;
  await control.createService(pmmlDocument(name, 4));
  control.nowMs += 60_000;
  await control.updateService(name, { metadata: { cpu: 2 } });
  await control.updateService(name, { metadata: { cpu: 3 } });
  await control.updateService(name, { metadata: { instance: 5 } });
  control.runnable.set(2, { kind: "unknown" });
  control.runnable.set(1, { kind: "false", why: "/models/lr.pmml is gone" });
  const { body } = await ask(api, "ListServiceVersions");
  const of = (v: Record<string, string>) => [
    v.Version,
    v.ServiceRunnable,
    v.ImageAvailable,
    JSON.parse(v.ServiceConfig!).metadata.cpu,
  ];
  assert.deepEqual(body.Versions.map(of), [
    [3, "true", "true", 3],
    [2, "unknown", "unknown", 2],
    [1, "false", "false", 1],
  ]);
  assert.equal(body.TotalCount, 3, "another number of instances is no version");
  const [newest, , oldest] = body.Versions;
  assert.equal(Date.parse(newest.BuildTime) - Date.parse(oldest.BuildTime), 60_000);
  assert.match(oldest.Message, /; cannot be run: \/models\/lr\.pmml is gone$/);
});

test("a rollout: how far it is, where it waits, and what it was asked to be", async (t) => {
  const api = apiApp();
  t.after(() => api.app.close());
  const { control } = api;
  await control.createService(pmmlDocument(name, 4));
  control.settle();
  const described = async () => (await ask(api, "DescribeServiceRollout")).body.Rollout;
  const { Message, ...still } = (await described()).Status;
  assert.equal(Message, "all instances run version 1");
  assert.deepEqual(still, {
    Phase: "Completed",
    TotalReplicas: 4,
    UpdatedReplicas: 4,
    CurrentRevision: "1",
    UpdateRevision: "1",
    NextBatchStartTime: "",
  });
  const rule = { Partition: { Partition: "25%" }, Batch: { BatchSize: "1", Interval: "5m" } };
  assert.equal((await ask(api, "CreateServiceRollout", rule)).status, 200);
  await control.updateService(name, { metadata: { cpu: 2 } });
  assert.equal(
    (await described()).Status.Phase,
    "Pending",
    "what was told of the version before says nothing",
  );
  const nextBatchAtMs = Date.UTC(2026, 4, 8, 16, 10, 56);
  const step = { version: 2, wantedCount: 1, readyCount: 1, isHeld: true, nextBatchAtMs } as const;
  const phases: readonly RolloutProgress["phase"][] = ["Pending", "Running", "Paused", "Failed"];
  for (const phase of phases) {
    control.setStatus(name, { rollout: { ...step, phase } });
    const { Status, Strategy } = await described();
    assert.equal(Status.Phase, phase);
    assert.equal(Status.NextBatchStartTime, "2026/05/08 16:10:56");
    assert.deepEqual([Status.CurrentRevision, Status.UpdateRevision], ["1", "2"]);
    assert.deepEqual(Strategy, { ...rule, Paused: false });
  }
  assert.equal((await ask(api, "UpdateServiceRollout", { Paused: true })).status, 200);
  assert.deepEqual((await described()).Strategy, { ...rule, Paused: true }, "what is left out stays");
  assert.equal((await ask(api, "CreateServiceRollout", {})).status, 200);
  assert.deepEqual((await described()).Strategy, { Paused: false }, "what is left out holds nothing back");
  assert.equal((await ask(api, "DeleteServiceRollout")).status, 200);
  assert.deepEqual((await described()).Strategy, {});
});
