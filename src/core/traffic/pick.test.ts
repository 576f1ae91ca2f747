import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { continueRotation, leastBusy, lessBusyOfTwo, nextMember, startRotation } from "./pick.ts";

const named = (weights: readonly number[]) => weights.map((weight, i) => ({ service: `s${i}`, weight }));
const picks = (weights: readonly number[], count: number) => {
  const rotation = startRotation(named(weights));
  return Array.from({ length: count }, () => nextMember(rotation));
};
const countsOf = (picked: readonly number[], size: number) =>
  Array.from({ length: size }, (_, i) => picked.filter((p) => p === i).length);

test("80/20 is smooth: no member gets its share in one block", () => {
  assert.deepEqual(picks([4, 1], 10), [0, 0, 1, 0, 0, 0, 0, 1, 0, 0]);
  assert.deepEqual(picks([5, 1, 1], 7), [0, 0, 1, 0, 2, 0, 0]);
});

test("nobody to pick is -1, one member gets all", () => {
  assert.deepEqual(picks([], 2), [-1, -1]);
  assert.deepEqual(picks([3], 3), [0, 0, 0]);
});

const weights = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });

test("property: any window of one cycle gives each member exactly its weight", () => {
  fc.assert(
    fc.property(weights, fc.nat(300), (ws, offset) => {
      const total = ws.reduce((a, b) => a + b, 0);
      const picked = picks(ws, offset + total).slice(offset);
      assert.deepEqual(countsOf(picked, ws.length), ws);
    }),
  );
});

test("property: at no time is a member a whole request or more ahead of, or the number of members behind, its share", () => {
  fc.assert(
    fc.property(weights, (ws) => {
      const total = ws.reduce((a, b) => a + b, 0);
      const picked = picks(ws, total);
      const got = ws.map(() => 0);
      picked.forEach((p, i) => {
        got[p]! += 1;
        ws.forEach((w, m) => {
          const ahead = got[m]! - ((i + 1) * w) / total;
          assert.ok(ahead < 1 && ahead > -ws.length);
        });
      });
    }),
  );
});

test("property: an update that changes nothing leaves the cycle where it is; one that does starts anew", () => {
  fc.assert(
    fc.property(weights, fc.nat(100), (ws, before) => {
      const total = ws.reduce((a, b) => a + b, 0);
      let rotation = startRotation(named(ws));
      const picked: number[] = [];
      for (let i = 0; i < total; i++) {
        if (i === before % total) rotation = continueRotation(rotation, named(ws));
        picked.push(nextMember(rotation));
      }
      assert.deepEqual(countsOf(picked, ws.length), ws);
      const changed = named(ws.map((w, i) => (i === 0 ? w + 1 : w)));
      assert.notEqual(continueRotation(rotation, changed), rotation);
      assert.notEqual(continueRotation(rotation, named([...ws, 1])), rotation);
      assert.notEqual(
        continueRotation(
          rotation,
          named(ws).map((m) => ({ ...m, service: "x" })),
        ),
        rotation,
      );
    }),
  );
  assert.deepEqual(continueRotation(null, named([1])).credits, new Float64Array(1));
});

test("least in flight wins, ties go round, the excepted one is left out", () => {
  const busy = (...counts: number[]) => counts.map((inFlight) => ({ inFlight, isSuspect: false }));
  assert.equal(leastBusy(busy(2, 1, 3), 0, -1), 1);
  assert.deepEqual(
    [0, 1, 2, 3].map((start) => leastBusy(busy(1, 1, 1), start, -1)),
    [0, 1, 2, 0],
  );
  assert.equal(leastBusy(busy(2, 1, 3), 0, 1), 0);
  assert.equal(leastBusy(busy(0), 0, 0), -1);
  assert.equal(leastBusy([], 0, -1), -1);
  const suspect = { inFlight: 0, isSuspect: true };
  assert.equal(leastBusy([suspect, ...busy(9)], 0, -1), 1);
  assert.equal(leastBusy([suspect, ...busy(9)], 0, 1), 0);
});

test("of two at random the less busy one; a suspect or the excepted one only when nobody else is left", () => {
  const of = (inFlight: number, isSuspect = false) => ({ inFlight, isSuspect });
  const three = [of(3), of(1), of(2)];
  assert.equal(lessBusyOfTwo(three, 0, 0, -1), 1); // 0 and 1
  assert.equal(lessBusyOfTwo(three, 0, 0.9, -1), 2); // 0 and 2
  assert.equal(lessBusyOfTwo(three, 0, 0, 1), 0);
  assert.equal(lessBusyOfTwo([of(3), of(1, true), of(2)], 0, 0, -1), 0);
  assert.equal(lessBusyOfTwo([of(0, true), of(0, true), of(9)], 0, 0, -1), 2);
  assert.equal(lessBusyOfTwo([of(0)], 0.5, 0.5, 0), -1);
  assert.equal(lessBusyOfTwo([], 0, 0, -1), -1);
});

test("property: random-two is always somebody who may be taken, and never the busiest of three or more", () => {
  const candidates = fc.array(fc.nat(50), { minLength: 2, maxLength: 9 });
  const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(candidates, chance, chance, fc.nat(8), (counts, one, two, at) => {
      const list = counts.map((inFlight) => ({ inFlight, isSuspect: false }));
      const except = at % list.length;
      const index = lessBusyOfTwo(list, one, two, except);
      assert.ok(index >= 0 && index < list.length && index !== except);
      const most = Math.max(...counts);
      const isOnly = counts.filter((n) => n === most).length === 1;
      if (isOnly) assert.notEqual(counts[lessBusyOfTwo(list, one, two, -1)], most);
    }),
  );
});
