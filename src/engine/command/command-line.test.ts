import assert from "node:assert/strict";
import { test } from "node:test";
import type { CommandSpec } from "../../core/instance-spec.ts";
import { instanceSpecOf } from "../../testing/runtime-conformance.ts";
import { commandLine } from "./command-line.ts";

const command: CommandSpec = {
  kind: "command",
  argv: ["node", "server.js"],
  port: 8000,
  env: [
    { name: "KEY", value: "secret" },
    { name: "OMP_NUM_THREADS", value: "7" },
  ],
  dir: import.meta.dirname,
};
const spec = {
  ...instanceSpecOf("own", 2),
  processor: command,
  model: { path: "/m", entry: "/m/a.bin", config: null },
};
const given = {
  port: 20_001,
  folder: "/run/own-v1-2",
  inherited: { PATH: "/bin", PORT: "1", NODE_COMPILE_CACHE: "/c" },
};

test("the program is told its port, its place and its model; its own variables win over our hints", () => {
  const { env, cwd } = commandLine(spec, command, given);
  assert.equal(cwd, import.meta.dirname);
  const { MKL_NUM_THREADS, OMP_NUM_THREADS, PATH, KEY, PORT, NODE_COMPILE_CACHE } = env;
  assert.deepEqual(
    { MKL_NUM_THREADS, OMP_NUM_THREADS, PATH, KEY, PORT, NODE_COMPILE_CACHE },
    {
      MKL_NUM_THREADS: "1",
      OMP_NUM_THREADS: "7",
      PATH: "/bin",
      KEY: "secret",
      PORT: "20001",
      NODE_COMPILE_CACHE: undefined,
    },
  );
  const ours = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith("SLUICE_")));
  assert.deepEqual(ours, {
    SLUICE_INSTANCE: "own-v1-2",
    SLUICE_INSTANCE_DIR: "/run/own-v1-2",
    SLUICE_MODEL_ENTRY: "/m/a.bin",
    SLUICE_MODEL_PATH: "/m",
    SLUICE_PORT: "20001",
    SLUICE_SERVICE: "own",
  });
});

test("the command line has the limit of memory and the program as it was given, and no value of a variable", () => {
  const { file, args } = commandLine(spec, command, given);
  assert.equal(file, "/bin/sh");
  assert.deepEqual(args.slice(2), ["1024000", "node", "server.js"]);
  assert.ok(!JSON.stringify(args).includes("secret"));
});

test("without a folder of its own it runs in the instance's; one that is not there is said", () => {
  assert.equal(commandLine(spec, { ...command, dir: null }, { ...given, folder: "/tmp" }).cwd, "/tmp");
  assert.throws(
    () => commandLine(spec, { ...command, dir: "/no/such" }, given),
    /\/no\/such .* is not there/,
  );
});
