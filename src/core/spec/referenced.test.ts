import assert from "node:assert/strict";
import test from "node:test";
import { desiredOf, serviceName } from "../../testing/records.ts";
import { applyChanges } from "../change/apply.ts";
import { createService } from "../change/create.ts";
import type { Decision } from "../change/decision.ts";
import { finishRemoval, removeService } from "../change/remove.ts";
import { updateService } from "../change/update.ts";
import type { DesiredState, ServiceRecord } from "../service.ts";
import { parseSpec } from "./parse.ts";
import { referencedSources, referrers } from "./referenced.ts";

const name = serviceName("a");
const context = { nowMs: 1, serviceId: "eas-m-1", serviceToken: "t", groupToken: "g", versionsKept: 2 };
/** Its model and its warm-up are of their own for each version. */
const parsed = (n: number) =>
  parseSpec({
    name,
    processor: "pmml",
    model_path: `s3://models/${n}.pmml`,
    warm_up_data_path: `http://files.example/${n}.txt`,
    metadata: { instance: 1 },
  });
const urls = (state: DesiredState) =>
  referencedSources(state).map((source) => (source.kind === "url" ? source.url : source.path));

test("files belong to the versions that are kept: with the last version that names them they may go", () => {
  let state = desiredOf();
  const does = ({ changes, record }: Decision<ServiceRecord>) => {
    // As when every update has come to its end.
    const rest = { kind: "put-service", record: { ...record, updatingFrom: null } } as const;
    state = applyChanges(applyChanges(state, changes), [rest]);
  };
  does(createService(state, parsed(1), context));
  for (const n of [2, 3, 4])
    does(updateService(state, { name, after: parsed(n), reach: "new-version" }, context));
  const kept = [
    "s3://models/4.pmml",
    "http://files.example/4.txt",
    "s3://models/3.pmml",
    "http://files.example/3.txt",
  ];
  assert.deepEqual(urls(state).toSorted(), kept.toSorted());
  assert.deepEqual([...new Set(referrers(state).map((r) => `${r.service} ${r.version}`))].toSorted(), [
    "a 3",
    "a 4",
  ]);
  state = applyChanges(state, removeService(state, name, { nowMs: 1 }).changes);
  assert.equal(urls(state).length, 4, "while its last instances end");
  state = applyChanges(state, finishRemoval(state, name, { nowMs: 1 }));
  assert.deepEqual(urls(state), []);
});

test("a document that cannot be read names nothing, and hides no other", () => {
  let state = applyChanges(desiredOf(), createService(desiredOf(), parsed(1), context).changes);
  const record = state.services.get(name)!;
  state = applyChanges(state, [{ kind: "put-service", record: { ...record, document: { of: "tomorrow" } } }]);
  assert.deepEqual(urls(state), ["s3://models/1.pmml", "http://files.example/1.txt"]);
});
