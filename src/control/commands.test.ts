import assert from "node:assert/strict";
import test from "node:test";
import type { ServiceName } from "../core/names.ts";
import { documentFor } from "../testing/control-world.ts";
import { KeptLog } from "../testing/kept-log.ts";
import { MemoryFiles } from "../testing/memory-files.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { SeededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { Commands } from "./commands.ts";
import { Known } from "./known.ts";
import { NodeRoom } from "./node-room.ts";

const a = "a" as ServiceName;

function begin() {
  const clock = new VirtualClock();
  const store = new MemoryStore();
  const known = new Known(store, new KeptLog());
  const committed: string[] = [];
  const commands = new Commands({
    store,
    known,
    clock,
    random: new SeededRandom(1),
    files: new MemoryFiles(clock),
    room: new NodeRoom(() => null),
    gpuCount: () => 0,
    versionsKept: 10,
    onCommitted: (changes) => committed.push(changes.map((c) => c.kind).join(" ")),
  });
  return { store, known, commands, committed };
}

/** Lets another command be committed first, `times` times. */
function disturb(store: MemoryStore, times: number): void {
  const commit = store.commit.bind(store);
  let left = times;
  store.commit = async (revision, changes) => {
    if (left-- > 0) await commit((await store.readDesired()).revision, []);
    return await commit(revision, changes);
  };
}

test("a command that comes second is decided anew on what is wanted now", async () => {
  const { store, known, commands, committed } = begin();
  disturb(store, 4);
  const { record, notEffective } = await commands.createService({ ...documentFor("a"), cloud: {} });
  assert.equal(store.state.services.get(a), record);
  assert.equal((await known.desired()).services.get(a), record);
  assert.deepEqual(committed, ["put-service put-version add-event"]);
  assert.ok(notEffective.length > 0);
});

test("after five times it is given up, with a code that says to try again", async () => {
  const { store, commands, committed } = begin();
  disturb(store, 5);
  await assert.rejects(commands.createService(documentFor("a")), {
    code: "WRITE_CONFLICT",
    isRetriable: true,
  });
  assert.deepEqual(committed, []);
});

test("a refusal changes nothing and wakes nobody", async () => {
  const { store, commands, committed } = begin();
  await assert.rejects(commands.scaleService(a, 1, []), { code: "SERVICE_NOT_FOUND" });
  await assert.rejects(commands.createService({ name: "A B" }), { code: "INVALID_SPEC" });
  assert.equal(store.writeCount, 0);
  assert.deepEqual(committed, []);
});

test("merge and replace: what a change reaches decides about the version", async () => {
  const { commands } = begin();
  await commands.createService(documentFor("a", { count: 2 }));
  const scaled = await commands.updateService(a, { "metadata.instance": 3 }, "merge");
  assert.deepEqual([scaled.record.version, scaled.record.generation], [1, 2]);
  const same = await commands.updateService(a, { metadata: { instance: 3 } }, "merge");
  assert.equal(same.record.generation, 2);
  const other = await commands.updateService(a, documentFor("a", { count: 1, cpu: 4 }), "replace");
  assert.deepEqual([other.record.version, other.record.generation], [2, 3]);
  await assert.rejects(commands.updateService(a, documentFor("b"), "replace"), { code: "INVALID_ARGUMENT" });
});
