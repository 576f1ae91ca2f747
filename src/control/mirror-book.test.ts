import assert from "node:assert/strict";
import test from "node:test";
import { type MirrorDifference, type MirrorRule, NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { recordOf, serviceName } from "../testing/records.ts";
import { MirrorBook } from "./mirror-book.ts";

const [a, b, c] = [serviceName("a"), serviceName("b"), serviceName("c")];
const rule = (sampleCount: number, targets = [b]): MirrorRule => ({
  ratio: 1,
  targets,
  compare: { mode: "exact", tolerance: 0, ignorePaths: [], sampleCount },
});
const put = (mirror: MirrorRule | null) => [
  { kind: "put-service" as const, record: recordOf("a", { mirror }) },
];
const sample = (target = b, sent = 1) => ({ ...NO_MIRROR_COUNTS, service: a, target, sent });
const pair = (atMs: number): MirrorDifference => ({
  atMs,
  service: a,
  target: b,
  requestId: String(atMs),
  text: "",
  primary: { status: 200, body: "", isCut: false },
  copy: { status: 200, body: "", isCut: false },
});

test("counts of all gateways are summed by target, for as long as it is one", () => {
  const book = new MirrorBook();
  book.add([sample()], []);
  assert.deepEqual(book.counts(a), [], "nothing is kept of a service that is not mirrored");
  book.adopt([recordOf("a", { mirror: rule(0, [c, b]) })]);
  book.add([sample(), sample(c, 5)], []);
  book.add([sample(b, 2)], []);
  assert.deepEqual(
    book.counts(a).map((x) => [x.target, x.sent]),
    [
      [b, 3],
      [c, 5],
    ],
  );
  book.onCommitted(put(rule(0)));
  book.add([sample(c)], []);
  assert.deepEqual(
    book.counts(a).map((x) => [x.target, x.sent]),
    [[b, 3]],
  );
  book.onCommitted(put(null));
  book.onCommitted(put(rule(0)));
  assert.deepEqual(book.counts(a), [], "a new mirror begins at zero");
});

test("pairs: the newest, as many as are asked for, and none when none are", () => {
  const book = new MirrorBook();
  book.onCommitted(put(rule(2)));
  book.add([], [pair(3), pair(1)]);
  book.add([], [pair(2)]);
  assert.deepEqual(
    book.differences(a).map((d) => d.atMs),
    [3, 2],
  );
  book.onCommitted(put(rule(0)));
  assert.deepEqual(book.differences(a), [], "no longer asked for: thrown away");
  book.add([], [pair(4)]);
  assert.deepEqual(book.differences(a), []);
  book.onCommitted([{ kind: "remove-service", name: a }]);
  assert.deepEqual(book.differences(a), []);
});
