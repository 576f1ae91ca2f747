import assert from "node:assert/strict";
import { test } from "node:test";
import { EJECTION_MS_MAX, ejectionMs } from "./ejection.ts";

test("the time doubles with each failure in a row, and is bounded", () => {
  assert.deepEqual(
    [1, 2, 3, 6].map((failures) => ejectionMs(failures, 1000)),
    [1000, 2000, 4000, EJECTION_MS_MAX],
  );
  assert.equal(ejectionMs(0, 1000), 1000);
  assert.equal(ejectionMs(1e9, 1), EJECTION_MS_MAX);
});
