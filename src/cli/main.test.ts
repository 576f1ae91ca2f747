import assert from "node:assert/strict";
import test from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench, withPair } from "../testing/cli-run.ts";
import { VERBS } from "./verbs.ts";

/** A line of every verb, in an order in which each can be done. */
const LINES = [
  "create third.json",
  "validate third.json",
  "modify third -Dlabels.a=b",
  "clone third copy",
  "label set third --label c=d",
  "label rm third c",
  "containers third third-v1-0",
  "instances",
  "ls",
  "desc third",
  "explain third",
  "w third",
  "dw third third-v1-0 -y",
  "isolate third third-v1-1",
  "detach third third-v1-2 -y",
  "softrestart third third-v1-3",
  "lock third none",
  "release third -w 3 -y",
  "rollout third",
  "versions third",
  "version third 1",
  "mirror create third --target pmml_grey --ratio 10",
  "mirror update third --ratio 20",
  "mirror desc third",
  "mirror diffs third",
  "mirror delete third",
  "token add third",
  "token ls third",
  "token revoke third 1 -y",
  "stop third -y",
  "start third",
  "restart third",
  "scale third 2",
  "logs third",
  "events third",
  "group ls",
  "group desc pmml",
  "group create g",
  "group update g --mode auto",
  "group delete g -y",
  "diff pmml_prod pmml_prod.json",
  "apply -f third.json -y",
  "delete third -y",
  "key create --role viewer",
  "key ls",
  "key rotate sluice-000000000000 --grace 0",
  "key revoke sluice-000000000000 -y",
  "audit",
  "gateways ls",
  "loops",
  "gateways restart",
  "cache ls",
  "cache rm content-1",
  "env build requirements.txt",
  "env ls",
  "env rm lib==1 -y",
  "processor new python own",
  "config -k test-key",
  "config add other -e 127.0.0.1:1 -k some-key",
  "config use default",
  "config ls",
  "config show",
  "config rm other -y",
  "completion bash",
  "doctor",
  "backup backup.gz",
  "restore backup.gz --plan",
];
/** What prints something else, and why. */
const OTHERWISE = ["predict", "top"]; // the answer's own body; a document a second

test("every verb prints one JSON document: the API's where it asks it, and errors are JSON too", async (t) => {
  const { run, write, control } = await withPair(t);
  for (const name of ["third", "pmml_prod"])
    write(`${name}.json`, { ...pmmlDocument(name, 4, {}), model_path: "/" });
  write("requirements.txt", "lib==1\n");
  control.files.kept = [{ id: "content-1", bytes: 1, usedAtMs: 1, sources: [], isOf: () => false }];
  const said = LINES.map((line) => VERBS.filter((v) => `${line} `.startsWith(`${v.name} `)).at(-1)?.name);
  const missing = VERBS.map((v) => v.name).filter(
    (name) => !said.includes(name) && !OTHERWISE.includes(name),
  );
  assert.deepEqual(missing, [], "each verb has a line here");
  for (const line of LINES) {
    const { code, out, err } = await run([...line.split(" "), "--output", "json"]);
    assert.equal(code, line.startsWith("diff") ? 1 : 0, `${line}: ${err}`);
    assert.equal(typeof JSON.parse(out), "object", line);
    const isLocal = /^(config|completion|doctor|processor|diff|apply|backup)/.test(line);
    if (!isLocal) assert.match(JSON.parse(out).RequestId, /^[0-9A-F-]{36}$/, line);
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
