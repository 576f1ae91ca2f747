import assert from "node:assert/strict";
import test from "node:test";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench, masked, withPair } from "../../testing/cli-run.ts";

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
