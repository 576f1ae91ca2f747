import assert from "node:assert/strict";
import test from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench, withPair } from "../testing/cli-run.ts";

test("every verb prints the API's JSON, and errors are JSON too", async (t) => {
  const { run, write } = await withPair(t);
  write("third.json", { ...pmmlDocument("third", 1), model_path: "/" });
  const verbs = [
    ["create", "third.json"],
    ["modify", "third", "-Dlabels.a=b"],
    ["ls"],
    ["desc", "third"],
    ["w", "third"],
    ["dw", "third", "third-v1-0", "-y"],
    ["release", "third", "-w", "3", "-y"],
    ["versions", "third"],
    ["version", "third", "1"],
    ["stop", "third", "-y"],
    ["start", "third"],
    ["restart", "third"],
    ["scale", "third", "2"],
    ["logs", "third"],
    ["events", "third"],
    ["group", "ls"],
    ["group", "desc", "pmml"],
    ["group", "create", "g"],
    ["group", "update", "g", "--mode", "auto"],
    ["group", "delete", "g", "-y"],
    ["delete", "third", "-y"],
  ];
  for (const argv of verbs) {
    const { code, out, err } = await run([...argv, "--output", "json"]);
    assert.equal(code, 0, `${argv.join(" ")}: ${err}`);
    assert.match(JSON.parse(out).RequestId, /^[0-9A-F-]{36}$/, argv.join(" "));
  }
  const refused = await run(["desc", "third", "--output", "json"]);
  assert.deepEqual([refused.code, refused.out, JSON.parse(refused.err).Code], [1, "", "SERVICE_NOT_FOUND"]);
});

test("command lines that make no sense are 2, and help is 0", async (t) => {
  const { run } = await withPair(t);
  const senseless = [
    ["nonsense"],
    ["desc"],
    ["desc", "a", "b"],
    ["ls", "--nope"],
    ["ls", "--output", "xml"],
    ["release", "pmml_grey"],
    ["release", "pmml_grey", "-s", "sideways"],
    ["release", "pmml_grey", "-w", "1.5"],
    ["release", "pmml_grey", "-w", "1", "-s", "grouping"],
    ["scale", "pmml_grey", "many"],
    ["version", "pmml_grey", "0"],
    ["create", "x.json", "--timeout", "soon"],
    ["logs", "pmml_grey", "-n", "0"],
    ["group"],
  ];
  for (const argv of senseless) {
    const { code, err } = await run(argv);
    assert.equal(code, 2, argv.join(" "));
    assert.notEqual(err, "", argv.join(" "));
  }
  assert.equal((await run([])).code, 2, "no verb");
  const help = await run(["--help"]);
  assert.equal(help.code, 0);
  assert.match(help.out, /release \[options\] <service>/);
  assert.equal((await run(["release", "--help"])).code, 0);
  assert.equal((await run(["--version"])).out, "9.8.7\n");
});

test("who does not answer is named, with what to do", async (t) => {
  const { run, write, address, app } = await cliBench(t);
  const empty = await run(["ls"], { env: { SLUICE_HOME: "/nowhere" } });
  assert.deepEqual(
    [empty.code, empty.err.includes("/nowhere/config.json"), empty.err.includes("sluice serve")],
    [1, true, true],
  );
  write("broken.json", "{");
  assert.match((await run(["-c", "broken.json", "ls"])).err, /broken\.json is not JSON/);
  write("half.json", { address });
  assert.match((await run(["ls", "-c", "half.json"])).err, /has no "address" and "key"/);
  assert.match((await run(["ls", "-k", "wrong"])).err, /^\[ERROR\] UNAUTHORIZED: /);
  await app.close();
  const silent = await run(["ls"]);
  assert.equal(silent.code, 1);
  assert.ok(silent.err.includes(address) && silent.err.includes("sluice serve"), silent.err);
});
