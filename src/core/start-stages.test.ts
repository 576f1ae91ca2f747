import assert from "node:assert/strict";
import test from "node:test";
import { loadingStages, startText, totalMs } from "./start-stages.ts";

test("what the worker tells apart comes before the rest, which is load", () => {
  const stages = loadingStages([{ name: "import", ms: 1900.4 }], 2310);
  assert.deepEqual(stages, [
    { name: "import", ms: 1900 },
    { name: "load", ms: 410 },
  ]);
  assert.equal(totalMs(stages), 2310);
  assert.equal(startText(stages), "2.31 s: import 1.90 s, load 0.41 s");
});

test("a worker that tells nothing of use has loaded all the time", () => {
  const ALL = [{ name: "load", ms: 50 }];
  const useless = [
    undefined,
    null,
    "import",
    [],
    [null, 3, "x", {}],
    [{ name: "import", ms: -1 }],
    [{ name: "import", ms: Number.NaN }],
    [{ name: "import", ms: 51 }],
    [{ name: "", ms: 1 }],
    [{ name: "x".repeat(33), ms: 1 }],
  ];
  for (const told of useless) assert.deepEqual(loadingStages(told, 50), ALL, JSON.stringify(told));
});

test("of very many stages only the first ones are taken", () => {
  const told = Array.from({ length: 1000 }, (_, i) => ({ name: `s${i}`, ms: 1 }));
  assert.equal(loadingStages(told, 5000).length, 9);
});
