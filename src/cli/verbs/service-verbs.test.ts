import assert from "node:assert/strict";
import test from "node:test";
import { pmmlDocument } from "../../testing/api-app.ts";
import { masked, withPair } from "../../testing/cli-run.ts";

test("ls is the seeds' listing under its RequestId", async (t) => {
  const { run, control } = await withPair(t);
  const { code, out } = await run(["ls"]);
  assert.equal(code, 0);
  assert.match(out, /^\[RequestId\]: [0-9A-F-]{36}\n\+-{27}\+/);
  assert.match(
    out,
    /\n\| pmml_prod {17}\| {8}4 \| {3}1 \| 1000M {2}\| 2022-06-05T14:30:49Z \| .* \| Running \| {5}80 \| grouping {5}\| pmml/,
  );
  assert.equal((await run(["list"])).out.length, out.length);
  const json = await run(["ls", "--output", "json", "--filter", "grey"]);
  assert.deepEqual(
    JSON.parse(json.out).Services.map((s: { ServiceName: string }) => s.ServiceName),
    ["pmml_grey"],
  );
  for (let i = 0; i < 1001; i += 1)
    await control.createService(pmmlDocument(`s${i}`, 0, { group: undefined }));
  assert.equal(
    JSON.parse((await run(["ls", "--output", "json"])).out).Services.length,
    1003,
    "over all pages",
  );
});

test("what takes something away asks first; without a terminal it needs -y", async (t) => {
  const { run, control } = await withPair(t);
  const verbs: [string[], string][] = [
    [["delete", "pmml_grey"], "Are you sure to delete the service [pmml_grey] in [local]? [Y/n]"],
    [["stop", "pmml_grey"], "Are you sure to stop the service [pmml_grey] in [local]? [Y/n]"],
    [
      ["dw", "pmml_grey", "a,b"],
      "Are you sure to delete the instances [a,b] of service [pmml_grey] in [local]? [Y/n]",
    ],
    [["group", "delete", "pmml"], "Are you sure to delete the group [pmml] in [local]? [Y/n]"],
    [["release", "pmml_grey", "-w", "5"], "Confirmed to release service [pmml_grey] at weight [5%]? [Y/n]"],
  ];
  for (const [argv, question] of verbs) {
    const alone = await run(argv);
    assert.equal(alone.code, 2, argv.join(" "));
    assert.ok(alone.err.includes(question) && alone.err.includes("-y"), alone.err);
    const no = await run(argv, { answers: ["n"] });
    assert.equal(no.code, 1);
    assert.equal(no.out, `${question}n\n`);
    assert.equal(no.err, "Nothing was changed.\n");
    assert.equal((await run(argv, { answers: [""] })).code, 1, "an empty answer is no yes");
  }
  assert.ok(
    [...control.services.values()].every((s) => s.generation === 1),
    "nothing was changed",
  );
});

test("delete waits until the service is gone", async (t) => {
  const { run, control } = await withPair(t);
  const { code, out } = await run(["delete", "pmml_grey"], { answers: ["yes"] });
  assert.equal(code, 0);
  assert.equal(
    masked(out),
    `\
Are you sure to delete the service [pmml_grey] in [local]? [Y/n]yes
[RequestId]: <id>
[OK] Service [pmml_grey] in region [local] is terminating
[OK] Service is terminating
[OK] Service was deleted successfully
`,
  );
  assert.equal(control.services.size, 1);
  const gone = await run(["delete", "pmml_grey", "-y"]);
  assert.deepEqual(
    [gone.code, masked(gone.err)],
    [1, "[ERROR] SERVICE_NOT_FOUND: no service named pmml_grey\n[RequestId]: <id>\n"],
  );
});

test("stop, start, restart, scale, version: accepted, then waited for", async (t) => {
  const { run, control } = await withPair(t);
  const stopped = await run(["stop", "pmml_prod", "-y"]);
  assert.match(
    stopped.out,
    /\[OK\] Service \[pmml_prod\] in region \[local\] is stopping\n\[OK\] Service is stopping\n\[OK\] Service was stopped successfully\n$/,
  );
  const started = await run(["start", "pmml_prod"]);
  assert.match(
    started.out,
    /is starting\n[\s\S]*\[OK\] Running \[Total: 4, Pending: 0, Running: 4\]\n\[OK\] Service is running\n$/,
  );
  assert.match((await run(["restart", "local/pmml_prod"])).out, /is restarting\n/);
  assert.match((await run(["scale", "pmml_prod", "2"])).out, /is scaling\n[\s\S]*Running \[Total: 2, /);
  assert.equal((await run(["version", "pmml_prod", "1"])).code, 0);
  const unknown = await run(["version", "pmml_prod", "7"]);
  assert.match(unknown.err, /VERSION_NOT_FOUND: service pmml_prod has no version 7/);
  assert.match(
    (await run(["versions", "pmml_prod"])).out,
    /\| {7}1 \| yes {5}\| 2022-06-05T14:30:49Z \| true {5}\| Service was created \|/,
  );
  const noWait = await run(["scale", "pmml_prod", "3", "--no-wait"], {
    onSleep: () => assert.fail("it waited"),
  });
  assert.equal(noWait.code, 0);
  assert.equal(control.services.size, 2);
});

test("modify takes fields in eascmd's spelling, several of them", async (t) => {
  const { run, control, write } = await withPair(t);
  const sent: unknown[] = [];
  const update = control.updateService.bind(control);
  control.updateService = (name, document) => {
    sent.push(document);
    return update(name, { labels: { a: "b" } });
  };
  const { code, out } = await run([
    "modify",
    "pmml_grey",
    "-Dmetadata.instance=2",
    "-D",
    "metadata.memory=2000",
    "-Dmodel_entry=x=y",
  ]);
  assert.equal(code, 0);
  assert.deepEqual(sent, [{ "metadata.instance": 2, "metadata.memory": 2000, model_entry: "x=y" }]);
  assert.match(out, /\[OK\] Service is running\n$/);
  write("part.json", { labels: { a: "b" } });
  control.updateService = async (name) => ({ record: control.services.get(name)!, notEffective: [] });
  const again = await run(["modify", "pmml_grey", "-s", "part.json"]);
  assert.equal(again.code, 0);
  assert.match(again.out, /\[OK\] Service \[pmml_grey\] is as it was: nothing changed\n$/);
  for (const argv of [[], ["-Da=1", "-s", "part.json"], ["-Dnothing"], ["-Da=1", "--replace"]]) {
    assert.equal((await run(["modify", "pmml_grey", ...argv])).code, 2, argv.join(" "));
  }
});

test("desc and w show the rows and columns of eascmd", async (t) => {
  const { run, control } = await withPair(t);
  const desc = (await run(["desc", "pmml_grey"])).out;
  const keys = [...desc.matchAll(/^\| +(\w+) \|/gm)].map((match) => match[1]);
  assert.deepEqual(
    keys.join(" "),
    "Status ServiceName Region CreateTime UpdateTime AccessToken PrivateToken TotalInstance RunningInstance " +
      "PendingInstance CPU GPU Memory Image Processor Weight LatestVersion CurrentVersion Message Startup APIGatewayUrl APIGatewayAppKey " +
      "APIGatewayAppSecret IntranetEndpoint ServiceConfig",
  );
  assert.match(desc, /\n\| {14}Status \| Running {2,}\|\n/);
  assert.match(desc, /\| {14}Memory \| 1000M/);
  assert.match(desc, /\| {7}ServiceConfig \| \{ +\|\n\| {20} \| {3}"/);
  const [instance] = control.statuses.get("pmml_grey" as never)!.instances;
  const lastExit = {
    code: 247,
    signal: null,
    reason: "Error" as const,
    message: "m",
    startedAtMs: 0,
    finishedAtMs: 1000,
  };
  control.setStatus("pmml_grey", { instances: [{ ...instance!, restarts: 2, lastExit }] });
  const { out } = await run(["w", "pmml_grey"]);
  assert.match(
    out,
    /\| +INSTANCENAME +\| +INNERIP +\| +HOSTIP +\| +STARTAT +\| RESTARTS \| STATUS +\| READY \| REASON \| +LASTSTATE +\|/,
  );
  assert.match(
    out,
    /\| pmml_grey-v1-0 \| 127\.0\.0\.1 \| 127\.0\.0\.1 \| 2022-06-05T14:31:38Z \| {8}2 \| Running \| \[1\/1\] \| {8}\| \{"exitCode":247,"finishedAt":"1970-01-01T00:00:01Z","reason":"Error","startedAt":"1970-01-01T00:00:00Z"\} \|/,
  );
  assert.doesNotMatch(out, /Last lines/);
  const stages = [
    { name: "start", ms: 104 },
    { name: "import", ms: 1900 },
    { name: "load", ms: 406 },
  ];
  const prepared = { version: 1, epoch: 0, stages: [{ name: "model fetch", ms: 2000 }] };
  control.setStatus("pmml_grey", { prepared, instances: [{ ...instance!, stages }] });
  assert.match(
    (await run(["desc", "pmml_grey"])).out,
    /\| {13}Startup \| 4\.41 s: model fetch 2\.00 s, start 0\.10 s, import 1\.90 s, load 0\.41 s +\|/,
  );
  const killed = {
    ...lastExit,
    code: null,
    signal: "SIGKILL",
    reason: "OOMKilled" as const,
    lastLines: ["a", "b c"],
  };
  const notReady = { ...instance!, isReady: false, lastExit: killed };
  control.setStatus("pmml_grey", { instances: [notReady] });
  const failed = await run(["w", "pmml_grey"]);
  assert.match(failed.out, /\{"exitCode":137,"finishedAt":"[^"]+","reason":"OOMKilled",/);
  assert.match(
    failed.out,
    /\nLast lines of pmml_grey-v1-0 before it ended \(OOMKilled, 1970-01-01T00:00:01Z\):\n {2}a\n {2}b c\n$/,
  );
  control.setStatus("pmml_grey", { instances: [instance!] });
  const deleted = await run(["deleteworkers", "pmml_grey", "pmml_grey-v1-0", "-y"]);
  assert.match(
    deleted.out,
    /\[OK\] Instance\(s\) \[pmml_grey-v1-0\] for service \[pmml_grey\] in region \[local\] was deleted successfully\n$/,
  );
});
