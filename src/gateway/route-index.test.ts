import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Route, RouteIndex } from "./route-index.ts";

const route = (name: string): Route => ({ name, tokens: [], service: null, group: null });
const find = (index: RouteIndex, path: string) => {
  const buf = Buffer.from(`..${path}..`, "latin1");
  const found = index.find(buf, 2, 2 + path.length);
  return found === null ? null : [found.name, buf.toString("latin1", index.restFrom, 2 + path.length)];
};

test("a name ends at a slash, a query, or the end", () => {
  const index = new RouteIndex([route("a"), route("a.b"), route("ab")]);
  assert.deepEqual(find(index, "/api/predict/a"), ["a", ""]);
  assert.deepEqual(find(index, "/api/predict/a/x?y"), ["a", "/x?y"]);
  assert.deepEqual(find(index, "/api/predict/a?x/y"), ["a", "?x/y"]);
  assert.deepEqual(find(index, "/api/predict/a.b/"), ["a.b", "/"]);
  assert.deepEqual(find(index, "/api/predict/ab"), ["ab", ""]);
  for (const path of [
    "",
    "/",
    "/api/predict",
    "/api/predict/",
    "/api/predict//a",
    "/api/predict/A",
    "/api/predict/abc",
    "/xapi/predict/a",
  ])
    assert.equal(find(index, path), null, path);
  assert.equal(find(new RouteIndex([]), "/api/predict/a"), null);
});

test("property: an index that was changed finds what a new one finds", () => {
  const name = fc.stringMatching(/^[a-c]{1,3}$/); // few names: runs of neighbours, and holes in them
  const step = fc.tuple(fc.boolean(), name);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const index = new RouteIndex([]);
      const names = new Set<string>();
      for (const [isPut, each] of steps) {
        if (isPut) index.put(route(each));
        else index.remove(each);
        if (isPut) names.add(each);
        else names.delete(each);
        for (const [, any] of steps)
          assert.deepEqual(find(index, `/api/predict/${any}/r`), names.has(any) ? [any, "/r"] : null);
      }
    }),
  );
});

test("property: every name is found, and no other", () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9_.-]{0,20}$/);
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 60 }), name, (names, other) => {
      const index = new RouteIndex(names.map(route));
      for (const each of names) assert.deepEqual(find(index, `/api/predict/${each}/r`), [each, "/r"]);
      assert.equal(find(index, `/api/predict/${other}`) !== null, names.includes(other));
    }),
  );
});
