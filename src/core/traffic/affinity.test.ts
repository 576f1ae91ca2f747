import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { chooseByKey, keyOfText, parseAffinity, showAffinity, type Weighted } from "./affinity.ts";

const CLIENTS = Array.from({ length: 10_000 }, (_, i) => keyOfText(`client-${i}`));
const named = (weights: readonly number[]): Weighted[] =>
  weights.map((weight, i) => ({ seed: keyOfText(`member_${i}`), weight }));
const chosen = (weights: readonly number[]) => CLIENTS.map((key) => chooseByKey(named(weights), key));
/** Within this a share of 10,000 clients is as good as exact: 4 standard deviations of an even one. */
const ERROR = 4 * Math.sqrt(0.25 / CLIENTS.length);

test("header and cookie names are read and written; anything else is nothing", () => {
  assert.deepEqual(parseAffinity("header:X-User"), { kind: "header", name: "x-user" });
  assert.deepEqual(parseAffinity("cookie:Sid"), { kind: "cookie", name: "Sid" });
  assert.equal(showAffinity({ kind: "cookie", name: "Sid" }), "cookie:Sid");
  for (const bad of ["", "off", "header:", "cookie:a b", "cookie:a;b", "ip:x", `header:${"a".repeat(65)}`])
    assert.equal(parseAffinity(bad), null, bad);
});

test("from 20 to 27 percent: 7 percent of the clients move, all of them to the one that got more", () => {
  const before = chosen([80, 20]);
  const after = chosen([73, 27]);
  const moved = before.map((was, i) => [was, after[i]!] as const).filter(([was, is]) => was !== is);
  assert.ok(Math.abs(moved.length / CLIENTS.length - 0.07) < ERROR, `${moved.length}`);
  assert.ok(moved.every(([was, is]) => was === 0 && is === 1));
});

test("nobody is chosen from nobody", () => assert.equal(chooseByKey([], 7), -1));

const weights = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 5 });

test("property: shares over many clients follow the weights", () => {
  fc.assert(
    fc.property(weights, (ws) => {
      const total = ws.reduce((a, b) => a + b);
      const counts = ws.map(() => 0);
      for (const index of chosen(ws)) counts[index]! += 1;
      ws.forEach((w, i) => {
        assert.ok(Math.abs(counts[i]! / CLIENTS.length - w / total) < ERROR, `${ws}: ${counts}`);
      });
    }),
    { numRuns: 10 },
  );
});

test("property: when one weight changes, nobody moves between the others, and who moves goes its way", () => {
  fc.assert(
    fc.property(weights, fc.nat(4), fc.integer({ min: 1, max: 1000 }), (ws, at, weight) => {
      const index = at % ws.length;
      const before = chosen(ws);
      const after = chosen(ws.with(index, weight));
      const isMore = weight > ws[index]!;
      before.forEach((was, i) => {
        if (was !== after[i]) assert.equal(isMore ? after[i] : was, index);
      });
    }),
    { numRuns: 10 },
  );
});

test("property: when a candidate goes, only its own clients move", () => {
  fc.assert(
    fc.property(weights, (ws) => {
      const all = named(ws);
      for (const key of CLIENTS.slice(0, 500)) {
        const was = chooseByKey(all, key);
        const is = chooseByKey(all.slice(0, -1), key);
        if (was !== all.length - 1) assert.equal(is, was);
      }
    }),
    { numRuns: 10 },
  );
});
