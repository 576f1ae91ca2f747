import assert from "node:assert/strict";
import test from "node:test";
import { withPair } from "../testing/cli-run.ts";
import { VERBS } from "./verbs.ts";

test("verbs whose change is in force at once wait only when told, until the service is as it is wanted", async (t) => {
  const { run, control } = await withPair(t);
  const lines = [
    "release pmml_grey -s standalone -y",
    "release pmml_grey -w 20 -y",
    "rollout pmml_grey --partition 1",
    "rollout pmml_grey pause",
    "rollout pmml_grey off",
    "mirror create pmml_prod --target pmml_grey --ratio 5",
    "mirror update pmml_prod --ratio 6",
    "mirror delete pmml_prod",
    "dw pmml_prod pmml_prod-v1-0 -y",
    "isolate pmml_prod pmml_prod-v1-1",
    "detach pmml_prod pmml_prod-v1-2 -y",
  ];
  for (const line of lines) {
    const { code, out, err } = await run([...line.split(" "), "--wait"]);
    assert.equal(code, 0, `${line}: ${err}`);
    assert.match(out, /\[OK\] Service is running\n$/, line);
    control.settle();
  }
  const quick = await run(["isolate", "pmml_prod", "pmml_prod-v1-1", "--off"]);
  assert.doesNotMatch(quick.out, /is running/);
  // A limit on waiting means nothing but that somebody waits.
  const late = await run(["isolate", "pmml_prod", "pmml_prod-v1-1", "--timeout", "2"], {
    onSleep: () => undefined,
  });
  assert.deepEqual([late.code, /is not running after 2 s/.test(late.err)], [1, true], late.err);
  assert.equal((await run(["isolate", "pmml_prod", "x", "--wait", "--timeout", "soon"])).code, 2);

  await run(["stop", "pmml_grey", "-y"]);
  const stopped = await run([..."mirror create pmml_grey --target pmml_prod --ratio 5 --wait".split(" ")]);
  assert.equal(stopped.code, 0, stopped.err);
  assert.match(stopped.out, /\[OK\] Service \[pmml_grey\] is Stopped: it takes the change when it starts\n$/);
});

test("group delete --cascade --wait ends when the group is gone; patience and Ctrl-C end it before", async (t) => {
  const { run, control } = await withPair(t);
  const verb = ["group", "delete", "pmml", "--cascade", "-y"];
  const late = await run([...verb, "--timeout", "1"], { onSleep: () => undefined });
  assert.deepEqual([late.code, /is still there after 1 s/.test(late.err)], [1, true], late.err);
  const left = await run([...verb, "--wait"], { onSleep: (interrupt) => interrupt() });
  assert.deepEqual([left.code, /No longer waiting\. Group \[pmml\]/.test(left.err)], [1, true], left.err);
  const whole = await run([...verb, "--wait"]);
  assert.equal(whole.code, 0, whole.err);
  assert.match(whole.out, /\[OK\] Group was deleted successfully\n$/);
  assert.equal(control.services.size, 0);
});

test("verbs that wait take --wait, too, and every verb that waits can be told not to, and for how long", async (t) => {
  const { run } = await withPair(t);
  assert.match((await run(["scale", "pmml_prod", "3", "--wait"])).out, /is running\n$/);
  assert.doesNotMatch((await run(["scale", "pmml_prod", "2", "--no-wait"])).out, /is running/);
  const flagsOf = (verb: (typeof VERBS)[number]) => verb.options.map((option) => option.flags.split(" ")[0]);
  for (const verb of VERBS.filter((v) => flagsOf(v).includes("--timeout")))
    assert.deepEqual(
      ["--wait", "--no-wait"].filter((flag) => !flagsOf(verb).includes(flag)),
      [],
      verb.name,
    );
});

test("help is as wide as the terminal", async (t) => {
  const { run } = await withPair(t);
  const { out } = await run(["apply", "--help"], { columns: 60 });
  assert.ok(
    out.split("\n").every((line) => line.length <= 60),
    out,
  );
});
