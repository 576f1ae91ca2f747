import assert from "node:assert/strict";
import test from "node:test";
import { SMALL, SMALL_BODY } from "./side.ts";
import { luaScript } from "./wrk.ts";

test("the small request has 40 bytes", () => {
  assert.equal(Buffer.byteLength(SMALL_BODY), 40);
});

test("a script for wrk sets method, body and fields", () => {
  const script = luaScript(SMALL);
  assert.match(script, /^wrk\.method = "POST"$/m);
  assert.match(script, /^wrk\.body = "\[\{\\"sepal\\":5\.1,\\"petal\\":1\.4,\\"width\\":0\.2\}\]\\n"$/m);
  assert.match(script, /^wrk\.headers\["Authorization"\] = "Z3JvdXA="$/m);
});

test("a long body of one letter is made by the script", () => {
  assert.match(luaScript({ ...SMALL, body: "x".repeat(65536) }), /^wrk\.body = string\.rep\("x", 65536\)$/m);
});
