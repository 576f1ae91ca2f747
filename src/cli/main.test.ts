import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

/** The seeds' two services, running. */
async function withPair(t: TestContext) {
  const bench = await cliBench(t);
  await bench.control.createService(pmmlDocument("pmml_prod", 4));
  bench.control.nowMs += 49_000;
  await bench.control.createService(pmmlDocument("pmml_grey", 1));
  bench.control.settle();
  return bench;
}

/** RequestIds count up in the test server. */
const masked = (text: string) => text.replace(/[0-9A-F]{8}-[0-9A-F-]{27}/g, "<id>");

test("create shows addresses, token and every step until the service runs", async (t) => {
  const { run, write, control } = await cliBench(t);
  write("lr.pmml", "<PMML/>");
  const document = { ...pmmlDocument("pmml_prod", 4, { gpu: 1 }), model_path: "./lr.pmml" };
  write("service.json", document);
  const steps = [
    () => undefined,
    () =>
      control.setStatus("pmml_prod", {
        phase: "Creating",
        instances: [],
        progress: ["Downloading http file [43%]"],
      }),
    () =>
      control.setStatus("pmml_prod", {
        phase: "Waiting",
        instances: [],
        progress: [
          "Downloading http file [43%]",
          "Successfully downloaded all artifacts",
          "Waiting [Total: 4, Pending: 4, Running: 0]",
        ],
      }),
    () => undefined,
    () => control.settle(),
  ];
  const { code, out, err } = await run(["create", "service.json"], { onSleep: () => void steps.shift()!() });
  assert.equal(
    masked(out),
    `\
[RequestId]: <id>
+-------------------+--------------------------------------------------+
| Internet Endpoint | http://127.0.0.1:8080/api/predict/pmml.pmml_prod |
| Intranet Endpoint | http://127.0.0.1:8080/api/predict/pmml.pmml_prod |
|             Token | token-1                                          |
+-------------------+--------------------------------------------------+
[OK] Service is now creating
[OK] Downloading http file [43%]
[OK] Successfully downloaded all artifacts
[OK] Waiting [Total: 4, Pending: 4, Running: 0]
[OK] Running [Total: 4, Pending: 0, Running: 4]
[OK] Service is running
`,
  );
  assert.equal(
    err,
    "[WARNING] $.metadata.gpu has no effect here: this processor's code is not one for GPUs\n",
  );
  assert.equal(code, 0);
});

test("create makes paths absolute by the file's folder, and refuses one that leads nowhere", async (t) => {
  const { run, write, control, home } = await cliBench(t);
  write("lr.pmml", "<PMML/>");
  write("service.json", { ...pmmlDocument("pmml_prod", 1), model_path: "lr.pmml" });
  assert.equal((await run(["create", "service.json", "--no-wait"])).code, 0);
  assert.equal([...control.services.values()][0]!.document.model_path, join(home, "lr.pmml"));
  write("missing.json", { ...pmmlDocument("other", 1), model_path: "nowhere/lr.pmml" });
  const missing = await run(["create", "missing.json"]);
  assert.equal(missing.code, 1);
  assert.equal(
    missing.err,
    `[ERROR] missing.json: $.model_path: there is no file or folder ${join(home, "nowhere/lr.pmml")}\n`,
  );
  const noFile = await run(["create", "none.json"]);
  assert.equal(noFile.code, 1);
  assert.match(noFile.err, /^\[ERROR\] cannot read none\.json/);
});

test("create tells what is wrong with a document: all of it, by path; and where JSON breaks", async (t) => {
  const { run, write } = await cliBench(t);
  write("bad.json", { name: "x", processor: "pmml", model_path: "/", metadata: { instance: -1, cpuu: 1 } });
  const bad = await run(["create", "bad.json"]);
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^\[ERROR\] INVALID_SPEC: 2 problems\n {2}\$\.metadata\./);
  assert.match(bad.err, /\$\.metadata\.instance: found -1/);
  assert.match(bad.err, /\[RequestId\]: [0-9A-F-]{36}\n$/);
  write("broken.json", '{\n  "name": "x",\n  "model_path": ,\n}');
  assert.match((await run(["create", "broken.json"])).err, /INVALID_JSON: .*line 3/);
  write("twice.json", '{\n  "model_path": "bad.json",\n  "name": "x",\n  "name": "y"\n}');
  assert.match((await run(["create", "twice.json"])).err, /INVALID_JSON: .*line 4/);
});

test("create fails with the instance's own words", async (t) => {
  const { run, write, control } = await cliBench(t);
  write("service.json", { ...pmmlDocument("pmml_prod", 1), model_path: "/" });
  const onSleep = () => {
    control.settle();
    const [instance] = control.statuses.get("pmml_prod" as never)!.instances;
    const failed = { ...instance!, phase: "Failed" as const, isReady: false, message: "not a PMML document" };
    control.setStatus("pmml_prod", {
      phase: "Failed",
      message: "Service could not start",
      instances: [failed],
    });
  };
  const { code, out, err } = await run(["create", "service.json"], { onSleep });
  assert.equal(code, 1);
  assert.equal(
    err,
    "[ERROR] Service could not start\n[ERROR] Instance [pmml_prod-v1-0] failed: not a PMML document\n",
  );
  assert.doesNotMatch(out, /is running/);
});

test("an update that does not come up ends the wait, and says that the old version serves", async (t) => {
  const { run, control } = await withPair(t);
  const onSleep = () =>
    control.setStatus("pmml_grey", {
      phase: "Updating",
      reason: "UPDATE_FAILING",
      message: "Version 2 is failing",
    });
  const { code, err } = await run(["modify", "pmml_grey", "-Dmodel_entry=x"], { onSleep });
  assert.deepEqual([code, err], [1, "[ERROR] Version 2 is failing\n"]);
});

test("Ctrl-C leaves the service as it is, and says so; so does the end of patience", async (t) => {
  const { run, write, control } = await cliBench(t);
  write("service.json", { ...pmmlDocument("pmml_prod", 1), model_path: "/" });
  const stopped = await run(["create", "service.json"], { onSleep: (interrupt) => interrupt() });
  assert.equal(stopped.code, 1);
  assert.match(stopped.err, /\[WARNING\] No longer waiting\. Service \[pmml_prod\] was left as it is/);
  assert.equal(control.services.size, 1);
  const late = await run(["scale", "pmml_prod", "3", "--timeout", "2"], { onSleep: () => undefined });
  assert.equal(late.code, 1);
  assert.match(late.err, /\[ERROR\] Service \[pmml_prod\] is not running after 2 s\. It goes on/);
});

test("a control process that is away does not end the wait; patience does", async (t) => {
  const { run, write, app, address } = await cliBench(t);
  write("service.json", { ...pmmlDocument("pmml_prod", 1), model_path: "/" });
  const { code, err } = await run(["create", "service.json", "--timeout", "3"], {
    onSleep: () => void app.server.close().closeAllConnections(),
  });
  assert.equal(code, 1);
  const [away, end] = err.split("\n");
  assert.ok(away!.startsWith(`[WARNING] no answer from ${address}: `), err);
  assert.match(end!, /^\[ERROR\] Service \[pmml_prod\] is not running after 3 s\./);
});

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

test("release asks and answers in the seeds' words", async (t) => {
  const { run } = await withPair(t);
  // Seed 000, "Instance-based allocation".
  const out = await run(["release", "pmml_grey", "-s", "standalone"], { answers: ["yes"] });
  assert.equal(
    masked(out.out),
    `\
Confirmed to release service [pmml_grey] to group traffic [Y/n]yes
[RequestId]: <id>
[OK] Service [pmml_grey] has entered the traffic state: standalone
`,
  );
  const back = await run(["release", "pmml_grey", "-s", "grouping"], { answers: ["Y"] });
  assert.match(back.out, /\n\[OK\] Service \[pmml_grey\] has entered the traffic state: grouping\n$/);
  // Seed 001, blue-green.
  const weight = await run(["release", "pmml_grey", "-w", "27"], { answers: ["yes"] });
  assert.equal(
    masked(weight.out),
    `\
Confirmed to release service [pmml_grey] at weight [27%]? [Y/n]yes
[RequestId]: <id>
[OK] Service [pmml_grey] is weighted to 27% now
`,
  );
  assert.match((await run(["ls"])).out, / 73 \| blue-green {3}\|[\s\S]* 27 \| blue-green {3}\|/);
  const refused = await run(["release", "pmml_grey", "-s", "standalone", "-y"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^\[ERROR\] MODE_IS_EXCLUSIVE: /);
});

test("in a larger group a weight is no percent", async (t) => {
  const { run, control } = await withPair(t);
  await control.createService(pmmlDocument("third", 1));
  const { out } = await run(["release", "third", "-w", "300"], { answers: ["yes"] });
  assert.match(out, /^Confirmed to release service \[third\] at weight \[300\]\? \[Y\/n\]yes\n/);
  assert.match(out, /\[OK\] Service \[third\] is weighted to 300 now\n$/);
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

test("tokens: listed, added, revoked, of services and groups", async (t) => {
  const { run } = await withPair(t);
  const added = await run(["token", "add", "pmml_grey"]);
  assert.equal(added.code, 0, added.err);
  const token = /\| +Token \| (\S+)/.exec(added.out)![1]!;
  assert.match((await run(["desc", "pmml_grey"])).out, new RegExp(`AccessToken \\| ${token} `));
  const listed = (await run(["token", "ls", "pmml_grey"])).out;
  assert.match(listed, /\| +2 \| \S+ +\| yes +\|[\s\S]*\| +1 \| \S+ +\| {8}\|/);
  assert.equal((await run(["token", "revoke", "pmml_grey", "1"])).code, 2, "nobody to ask");
  assert.match((await run(["token", "revoke", "pmml_grey", "2", "-y"])).err, /TOKEN_IN_FORCE/);
  assert.match((await run(["token", "revoke", "pmml_grey", token, "-y"])).err, /INVALID_ARGUMENT/);
  const revoked = await run(["token", "revoke", "pmml_grey", "1"], { answers: ["y"] });
  assert.match(revoked.out, /\[OK\] Token 1 of service \[pmml_grey\] in region \[local\] is revoked/);
  assert.doesNotMatch((await run(["token", "list", "pmml_grey"])).out, /\| +1 \|/);

  assert.equal((await run(["token", "add", "pmml", "--group"])).code, 0);
  assert.match((await run(["token", "ls", "pmml", "--group"])).out, /group-token-1/);
  assert.equal((await run(["token", "revoke", "pmml", "1", "--group", "-y"])).code, 0);
  assert.doesNotMatch((await run(["token", "ls", "pmml", "--group"])).out, /group-token-1/);
  assert.match((await run(["token", "ls", "pmml"])).err, /SERVICE_NOT_FOUND/);
});

test("groups, logs and events", async (t) => {
  const { run, control } = await withPair(t);
  assert.match((await run(["group", "ls"])).out, /\| pmml +\| auto +\|/);
  const desc = (await run(["group", "desc", "pmml"])).out;
  assert.match(desc, /\| +AccessToken \| group-token-1 +\|[\s\S]*\| pmml_prod +\|/);
  assert.equal((await run(["group", "update", "pmml", "--mode", "customized", "--label", "a=b"])).code, 0);
  assert.equal(control.groups.get("pmml" as never)!.mode, "customized");
  assert.equal((await run(["group", "create", "other", "--label", "x=y"])).code, 0);
  assert.equal((await run(["group", "delete", "other", "-y"])).code, 0);
  assert.match((await run(["group", "delete", "pmml", "-y"])).err, /GROUP_NOT_EMPTY/);
  assert.equal((await run(["group", "update", "pmml"])).code, 2);

  control.lines.set("pmml_grey-v1-0" as never, ["one", "two", "three"]);
  assert.equal(
    (await run(["logs", "pmml_grey", "--instance", "pmml_grey-v1-0", "-n", "2"])).out,
    "two\nthree\n",
  );
  control.logs = async function* (_instance, options) {
    assert.equal(options.isFollowing, true);
    yield* ["a", "b"];
  };
  assert.deepEqual(await run(["logs", "-f", "pmml_grey", "--instance", "pmml_grey-v1-0"]), {
    code: 0,
    out: "a\nb\n",
    err: "[WARNING] The log ended: its instances are gone, or there are none yet\n",
  });
  assert.match(
    (await run(["events", "pmml_grey"])).out,
    /\| 2022-06-05 14:31:38 \| Normal \| Creating +\| +\| Service \[pmml_grey\] is now creating +\|/,
  );
});

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

test("config writes the client's file, readable by its owner only", async (t) => {
  const { run, address, home } = await cliBench(t);
  const file = join(home, "other.json");
  const host = address.replace("http://", "");
  const { code, out } = await run(["-c", file, "config", "-i", "me", "-k", "test-key", "-e", host]);
  assert.deepEqual([code, out], [0, `[OK] Configuration was written to ${file}\n`]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    address,
    region: "local",
    keyId: "me",
    key: "test-key",
  });
  assert.equal((await run(["-c", file, "ls"])).code, 0);
  assert.equal(
    (await run(["ls", "-e", host, "-k", "test-key"], { env: { SLUICE_HOME: "/nowhere" } })).code,
    0,
  );
  assert.equal((await run(["config"])).code, 2);
  const away = await run(["-c", file, "config", "-e", "127.0.0.1:1"]);
  assert.equal(away.code, 0);
  assert.match(
    away.err,
    /^\[WARNING\] no answer from http:\/\/127\.0\.0\.1:1: .*It was written nevertheless/,
  );
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), {
    address: "http://127.0.0.1:1",
    keyId: "me",
    key: "test-key",
  });
});

test("gateways ls shows a refused table with its reason; gateways restart waits for the new workers", async (t) => {
  const { run, control } = await cliBench(t);
  const list = await run(["gateways", "ls"]);
  assert.match(list.out, /\| gateway-0 +\| 7 +\| yes +\| 3 +\| 1 +\|/);
  assert.match(list.err, /gateway-1 refused table 4: services\[0\]\.name: is not a name/);
  const { code, out } = await run(["gateways", "restart"]);
  assert.deepEqual([code, control.restartCount], [0, 1]);
  assert.match(out, /New gateway workers serve/);
  control.restartGateways = async () => {}; // they do not come up
  const late = await run(["gateways", "restart", "--timeout", "1"]);
  assert.equal(late.code, 1);
  assert.match(late.err, /0 of 2 new gateway workers listen after 1 s/);
});

test("isolate, detach, softrestart, lock: accepted, shown by w and desc, explained, and a lock refuses", async (t) => {
  const { run, control } = await withPair(t);
  const isolated = await run(["isolate", "pmml_prod", "pmml_prod-v1-0"]);
  assert.match(
    isolated.out,
    /\[OK\] Instance \[pmml_prod-v1-0\] of service \[pmml_prod\] in region \[local\] is isolated\n$/,
  );
  assert.match((await run(["isolate", "pmml_prod", "pmml_prod-v1-0", "--off"])).out, /is back in traffic\n$/);
  assert.match((await run(["detach", "pmml_prod", "pmml_prod-v1-0"], { answers: ["n"] })).err, /Nothing was/);
  assert.match((await run(["detach", "pmml_prod", "pmml_prod-v1-0", "-y"])).out, /is detached\n$/);
  assert.deepEqual(control.services.get("pmml_prod" as never)?.detached, ["pmml_prod-v1-0"]);
  const soft = await run(["softrestart", "pmml_prod", "pmml_prod-v1-1"]);
  assert.match(
    soft.out,
    /is restarting the processor of instance\(s\) pmml_prod-v1-1\n[\s\S]*Service is running/,
  );
  assert.equal(soft.err, "");
  const all = control.statuses.get("pmml_prod" as never)!.instances;
  const others = all.filter((i) => i.id === "pmml_prod-v1-1");
  control.setStatus("pmml_prod", { instances: others });
  const alone = await run(["softrestart", "pmml_prod", others[0]!.id]);
  assert.match(
    alone.err,
    /^\[WARNING\] pmml_prod-v1-\d is the only instance that gets requests: until it has started again, the service answers 503\. Without a gap: sluice restart pmml_prod\n$/,
  );
  assert.match(alone.out, /is restarting the processor/);
  const scaled = await run(["scale", "pmml_prod", "3", "--delete", "pmml_prod-v1-2"]);
  assert.equal(scaled.code, 0);
  assert.deepEqual(control.services.get("pmml_prod" as never)?.retiredSlots, [0, 2]);

  assert.match((await run(["lock", "pmml_prod", "dangerous"])).out, /has the safety lock dangerous\n$/);
  const refused = await run(["stop", "pmml_prod", "-y"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /SAFETY_LOCKED|has the safety lock dangerous, which refuses to delete, to stop/);
  assert.equal((await run(["lock", "pmml_prod", "some"])).code, 2);

  control.settle();
  const explained = await run(["explain", "pmml_prod"]);
  assert.match(
    explained.out,
    /\nService \[pmml_prod\] is Running, version 1, 3 of 3 wanted instances serving/,
  );
  assert.match(
    explained.out,
    /\n\[i\] Its safety lock refuses[\s\S]*\n {4}-> To take it off: sluice lock pmml_prod none\./,
  );
  const one = await run(["explain", "pmml_prod", "pmml_prod-v1-1"]);
  assert.match(one.out, /\[i\] Instance \[pmml_prod-v1-1\] is ready and gets requests\./);
  const json = JSON.parse((await run(["explain", "pmml_prod", "--output", "json"])).out);
  assert.equal(json.DiagnosisList[0].Kind, "Locked");
  assert.equal((await run(["explain", "pmml_prod", "pmml_prod-v9-9"])).code, 1);
});
