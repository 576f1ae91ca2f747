import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceId, ServiceName } from "../core/names.ts";
import { instanceSpecOf } from "../testing/runtime-conformance.ts";
import { NodeRoom } from "./node-room.ts";

const of = (service: string, slot: number) => instanceSpecOf(service, slot); // 1 core, 1000 MB
const [a, b] = ["a", "b"] as ServiceName[] as [ServiceName, ServiceName];

test("what one plan is about to start is taken before the next service is planned", () => {
  const room = new NodeRoom(() => ({ cpu: 4, memoryMb: 2500 }));
  room.take(a, [of("a", 0), of("a", 1)]);
  assert.deepEqual(room.free(), { cpu: 2, memoryMb: 500 });
  room.take(a, [of("a", 1)]);
  assert.deepEqual(room.free(), { cpu: 2, memoryMb: 500 }, "an instance counts once");
  room.take(b, [of("b", 0)]);
  assert.deepEqual(
    room.free(),
    { cpu: 1, memoryMb: -500 },
    "more than there is, after the capacity was made smaller",
  );
});

test("a look at a service replaces what was known of it: what lives, and what is on its way", () => {
  const room = new NodeRoom(() => ({ cpu: 4, memoryMb: 4000 }));
  room.take(a, [of("a", 0), of("a", 1)]);
  room.look(a, [of("a", 0)], [of("a", 1).id]);
  assert.deepEqual(room.free(), { cpu: 2, memoryMb: 2000 });
  room.look(a, [of("a", 0)], []);
  assert.deepEqual(room.free(), { cpu: 3, memoryMb: 3000 }, "the start has failed");
  room.look(a, [], ["a-v1-9" as InstanceId]);
  assert.deepEqual(
    room.free(),
    { cpu: 4, memoryMb: 4000 },
    "a start of another life, whose limits nobody knows",
  );
  room.take(b, [of("b", 0)]);
  room.forget(b);
  assert.deepEqual(room.free(), { cpu: 4, memoryMb: 4000 });
});

test("a node whose capacity is not known holds nothing back", () => {
  assert.equal(new NodeRoom(() => null).free(), null);
});
