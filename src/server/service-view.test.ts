import assert from "node:assert/strict";
import { test } from "node:test";
import type { Picture } from "../control/control-plane.ts";
import { maskedState } from "../core/access/mask.ts";
import { desiredOf, recordOf } from "../testing/records.ts";
import { serviceView } from "./service-view.ts";

const HERE = { region: "local", gatewayAddress: "http://127.0.0.1:8080" };

function pictureOf(document: object = {}): Picture {
  const record = recordOf("a");
  const state = desiredOf([{ ...record, document: { ...record.document, ...document } }]);
  return { state, statuses: new Map(), shares: new Map() };
}

test("what was made for one request serves the next, whose place is an object of its own", () => {
  const picture = pictureOf();
  const [record] = picture.state.services.values();
  const first = serviceView(record!, picture, { ...HERE });
  assert.equal(serviceView(record!, picture, { ...HERE }), first);
  const moved = serviceView(record!, picture, { ...HERE, region: "other" });
  assert.equal(moved.Region, "other");
});

test("a viewer is never shown what was made for an operator, nor the other way round", () => {
  const picture = pictureOf({ token: "s3cret-token" });
  const masked = { ...picture, state: maskedState(picture.state) };
  for (const _ of [1, 2]) {
    const [record] = picture.state.services.values();
    const [hidden] = masked.state.services.values();
    assert.match(JSON.stringify(serviceView(record!, picture, HERE)), /s3cret-token/);
    assert.doesNotMatch(JSON.stringify(serviceView(hidden!, masked, HERE)), /s3cret-token/);
  }
});
