import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceWork } from "../core/instance-work.ts";
import type { InstanceId } from "../core/names.ts";
import { WorkFile } from "./work-file.ts";
import { WorkMeter } from "./work-meter.ts";

test("work is written when there is more of it; a full disk is told once, and tried again", () => {
  const meter = new WorkMeter();
  const written: InstanceWork[] = [];
  const lines: string[] = [];
  let isFull = false;
  const dir = {
    writeWork(work: InstanceWork) {
      if (isFull) throw new Error("no space left");
      written.push(work);
    },
  };
  const log = { line: (text: string) => void lines.push(text) };
  const file = new WorkFile({ instance: "a-v1-0" as InstanceId, dir, log, meter });
  file.write();
  assert.equal(written.length, 0, "nothing was done");
  meter.computed(1);
  file.write();
  file.write();
  assert.deepEqual(written, [{ instance: "a-v1-0", computed: 1, computeUs: 1000 }]);
  meter.batch(3);
  file.write();
  assert.equal(written[1]?.batchedRequests, 3);
  isFull = true;
  for (let i = 0; i < 2; i++) {
    meter.computed(1);
    file.write();
  }
  assert.deepEqual(lines, ["work.json cannot be written: no space left"]);
  isFull = false;
  meter.computed(1);
  file.write();
  assert.equal(written[2]?.computed, 4);
});
