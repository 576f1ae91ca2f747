import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../spec/parse.ts";
import { instanceSpecOf } from "./instance-spec-of.ts";
import type { Wanted } from "./plan-input.ts";

const wanted = (document: object): Wanted => {
  const { spec } = parseSpec({ name: "own", metadata: { instance: 1 }, ...document });
  const record = { name: "own", version: 1, epoch: 0 } as Wanted["record"];
  return { record, spec, tokens: ["t"], files: { kind: "fetching", progress: [] } };
};
const files = (processorPath: string | null, modelPath: string | null) =>
  ({ kind: "ready", progress: [], processorPath, modelPath }) as const;
const containers = [{ script: "run", port: 9000, env: [{ name: "A", value: "b" }] }];

test("an instance of a command runs in the folder of processor_path, else in the model's", () => {
  const dirOf = (processorPath: string | null, modelPath: string | null) => {
    const { processor } = instanceSpecOf(wanted({ containers }), files(processorPath, modelPath), 0);
    assert(processor.kind === "command");
    return processor.dir;
  };
  assert.deepEqual(
    [dirOf("/code", "/model"), dirOf(null, "/model"), dirOf(null, null)],
    ["/code", "/model", null],
  );
});

test("it knows its command, its port and its variables, and nothing of where files came from", () => {
  const { processor } = instanceSpecOf(
    wanted({ containers, processor_path: "/code" }),
    files("/code", null),
    0,
  );
  assert.deepEqual(processor, {
    kind: "command",
    argv: ["/bin/sh", "-c", "run"],
    port: 9000,
    env: [{ name: "A", value: "b" }],
    dir: "/code",
  });
});

test("it knows where its warm-up is, when there is one", () => {
  const given = wanted({ processor: "pmml", model_path: "/m", warm_up_data_path: "/w.txt" });
  assert.equal(instanceSpecOf(given, { ...files(null, "/m"), warmUpPath: "/w.txt" }, 0).warmUpPath, "/w.txt");
  assert.equal("warmUpPath" in instanceSpecOf(given, files(null, "/m"), 0), false);
});
