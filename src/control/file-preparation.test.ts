import assert from "node:assert/strict";
import test from "node:test";
import { MemoryEnvironments } from "../testing/memory-environments.ts";
import { MemoryFiles } from "../testing/memory-files.ts";
import { recordOf, specOf } from "../testing/records.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { FilePreparation } from "./file-preparation.ts";

const record = recordOf("a");
const url = { kind: "url", url: "http://files.test/m.tar.gz" } as const;
const spec = specOf({ name: record.name, model: { source: url, entry: null, config: null } });

function begin() {
  const clock = new VirtualClock();
  const files = new MemoryFiles(clock);
  const environments = new MemoryEnvironments();
  const causes: string[] = [];
  const preparation = new FilePreparation(files, environments, clock, (_, cause) => causes.push(cause));
  return { clock, files, causes, environments, preparation };
}

test("progress is told while files are on their way, and both paths when they are there", async () => {
  const { clock, files, causes, preparation } = begin();
  files.slowMs.set(url.url, 1_000);
  assert.equal(preparation.stateOf(record, spec).kind, "fetching");
  await clock.advance(10);
  assert.deepEqual(preparation.stateOf(record, spec), {
    kind: "fetching",
    progress: ["Downloading http file [50%]"],
  });
  await clock.advance(1_000);
  const ready = preparation.stateOf(record, spec);
  assert.ok(ready.kind === "ready");
  assert.deepEqual([ready.processorPath, ready.modelPath], ["/p", `/cache/${url.url}`]);
  assert.deepEqual(ready.stages, [
    { name: "processor fetch", ms: 0 },
    { name: "model fetch", ms: 1000 },
  ]);
  assert.deepEqual(causes, ["files on their way", "files prepared"]);
});

test("a failure is tried again after a wait, each time a longer one", async () => {
  const { clock, files, preparation } = begin();
  files.broken.set(url.url, { message: "no network", isRetriable: true });
  preparation.stateOf(record, spec);
  await clock.advance(0);
  const failed = preparation.stateOf(record, spec);
  assert.ok(failed.kind === "failed" && failed.message === "no network");
  assert.equal(preparation.retryInMs(record.name), 1_000);
  await clock.advance(1_000);
  preparation.stateOf(record, spec);
  await clock.advance(0);
  assert.equal(preparation.retryInMs(record.name), 2_000);
  files.broken.clear();
  await clock.advance(2_000);
  preparation.stateOf(record, spec);
  await clock.advance(0);
  assert.equal(preparation.stateOf(record, spec).kind, "ready");
});

test("another version ends what is under way and begins anew", async () => {
  const { clock, files, causes, preparation } = begin();
  files.slowMs.set(url.url, 60_000);
  preparation.stateOf(record, spec);
  await clock.advance(10);
  const next = { ...record, version: 2 };
  const local = { ...spec, model: { ...spec.model, source: null } };
  preparation.stateOf(next, local);
  await clock.advance(10);
  assert.equal(preparation.stateOf(next, local).kind, "ready");
  assert.equal(clock.timerCount, 0, "the download was ended");
  assert.equal(causes.filter((c) => c === "files prepared").length, 1);
});

test("what failed of a version that nobody asks for any more is waited for by nobody", async () => {
  const { clock, files, preparation } = begin();
  files.broken.set(url.url, { message: "gone", isRetriable: false });
  preparation.stateOf(record, spec, "before");
  await clock.advance(120_000);
  assert.equal(preparation.retryInMs(record.name), 0);
  preparation.forgetBefore(record.name);
  assert.equal(preparation.retryInMs(record.name), null);
  await preparation.close();
});

test("a warm-up is brought last; what is wrong with it names its field", async () => {
  const { clock, files, preparation } = begin();
  const warmUp = { kind: "path", path: "/w/warm.txt" } as const;
  const warm = { ...spec, warmUp };
  files.broken.set(warmUp.path, { message: "/w/warm.txt does not exist", isRetriable: false });
  preparation.stateOf(record, warm);
  await clock.advance(0);
  const failed = preparation.stateOf(record, warm);
  assert.ok(failed.kind === "failed" && !failed.isRetriable);
  assert.equal(failed.message, "warm_up_data_path: /w/warm.txt does not exist");
  files.broken.clear();
  await clock.advance(60_000);
  preparation.stateOf(record, warm);
  await clock.advance(0);
  const ready = preparation.stateOf(record, warm);
  assert.ok(ready.kind === "ready");
  assert.equal(ready.warmUpPath, "/w/warm.txt");
  // Another one is another purpose, and none is none.
  preparation.stateOf(record, { ...warm, warmUp: { kind: "path", path: "/w/other.txt" } });
  await clock.advance(0);
  preparation.stateOf(record, spec);
  await clock.advance(0);
  const none = preparation.stateOf(record, spec);
  assert.ok(none.kind === "ready" && none.warmUpPath === null);
});

test("packages come after the processor that may have their file, and name their field when they fail", async () => {
  const { clock, environments, preparation } = begin();
  const field = "requirements";
  const custom = (lines: readonly string[], file: string | null) =>
    specOf({
      name: record.name,
      processor: {
        kind: "custom",
        language: "python",
        source: { kind: "path", path: "/code" },
        entry: "app.py",
        requirements: { lines, file, field },
      },
    });
  const spec = custom(["a==1"], "r.txt");
  preparation.stateOf(record, spec);
  await clock.advance(0);
  const ready = preparation.stateOf(record, spec);
  assert.ok(ready.kind === "ready");
  assert.equal(ready.environmentPath, "/environments/a==1,/code/r.txt");
  assert.deepEqual(ready.progress, ["Installing Python packages: collecting a==1,/code/r.txt"]);
  assert.deepEqual(preparation.environmentPaths, [ready.environmentPath]);

  environments.broken.set("b==1", "pip cannot install them: no such package");
  const next = custom(["b==1"], null);
  preparation.stateOf(record, next);
  await clock.advance(0);
  const failed = preparation.stateOf(record, next);
  assert.ok(failed.kind === "failed" && failed.isRetriable);
  assert.equal(failed.message, "requirements: pip cannot install them: no such package");
  assert.deepEqual(preparation.environmentPaths, []);
});
