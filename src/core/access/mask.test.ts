import assert from "node:assert/strict";
import { test } from "node:test";
import { desiredOf, groupOf, recordOf, serviceName } from "../../testing/records.ts";
import type { JsonObject } from "../spec/service-spec.ts";
import { maskedState, originalOf } from "./mask.ts";

const DOCUMENT: JsonObject = {
  name: "a",
  token: "hush-1",
  model_path: "https://user:hush-2@host.example/m?sig=hush-3",
  processor_envs: [{ name: "KEY", value: "hush-4" }],
  dockerAuth: "hush-5",
  containers: [{ image: "i", env: [{ name: "N", value: "hush-6" }], port: 8000 }],
  metadata: { instance: 2, group: "g" },
  labels: { who: "me" },
};

test("of a service.json a viewer sees all but secrets, in the same structure", () => {
  const older = [{ number: 1, token: "hush-7", addedAtMs: 0 }];
  const record = recordOf("a", { document: DOCUMENT, token: "hush-8", olderTokens: older });
  const group = groupOf("g", { token: "hush-9", olderTokens: older });
  const version = { service: serviceName("a"), version: 1, document: DOCUMENT, createdAtMs: 0, message: "" };
  const state = desiredOf([record], [group], [version]);
  const masked = maskedState(state);
  const text = JSON.stringify([[...masked.services], [...masked.groups], [...masked.versions]]);
  assert(!text.includes("hush"), text);
  const seen = masked.services.get(serviceName("a"))!;
  assert.deepEqual(seen.document, {
    name: "a",
    token: "***",
    model_path: "https://***@host.example/m?***",
    processor_envs: [{ name: "KEY", value: "***" }],
    dockerAuth: "***",
    containers: [{ image: "i", env: [{ name: "N", value: "***" }], port: 8000 }],
    metadata: { instance: 2, group: "g" },
    labels: { who: "me" },
  });
  assert.equal(originalOf(seen.document), DOCUMENT);
  assert.equal(originalOf(DOCUMENT), DOCUMENT);
  assert.equal(maskedState(state).services.get(serviceName("a"))!.document, seen.document, "made once");
  assert.equal(state.services.get(serviceName("a"))!.token, "hush-8", "what is wanted is not touched");
});
