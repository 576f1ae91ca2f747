/** Tests without Sluice: `node --test`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { initialize, process } from "./app.js";

const path = (name) => fileURLToPath(new URL(name, import.meta.url));

initialize({ path: path("model"), entry: path("model/line.json"), config: null });

test("rows are answered in order", () => {
  assert.deepEqual(process(readFileSync(path("request.json"))), [{ y: 1 }, { y: 5 }]);
});

test("a body without rows is 400", () => {
  assert.equal(process(Buffer.from('{"x": 1}')).status, 400);
});

test("a row without its field is refused by its number", () => {
  assert.throws(() => process(Buffer.from('[{"x": 1}, {"z": 1}]')), /row 1 has no number x/);
});
