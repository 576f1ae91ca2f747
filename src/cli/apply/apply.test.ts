import assert from "node:assert/strict";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { ServingError } from "../../core/errors.ts";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench } from "../../testing/cli-run.ts";

/** A folder with a group and two members of it. */
async function withFolder(t: TestContext) {
  const bench = await cliBench(t);
  mkdirSync(join(bench.home, "web"));
  const write = (name: string, content: unknown) => bench.write(join("web", name), content);
  const document = (name: string, instance: number, more: object = {}) => ({
    ...pmmlDocument(name, instance, more),
    model_path: "/",
  });
  write("group.json", { Name: "pmml", TrafficMode: "auto", Labels: { team: "risk" } });
  write("a.json", document("pmml_prod", 2));
  write("b.json", document("pmml_grey", 1));
  const labels = (name: string) =>
    (bench.control.services.get(name as never)!.document.labels ?? {}) as Record<string, string>;
  return { ...bench, write, document, labels };
}

test("apply creates what is not there, groups first; a second apply changes nothing", async (t) => {
  const { run, control, labels } = await withFolder(t);
  const plan = await run(["apply", "-f", "web", "--plan"]);
  assert.equal(plan.code, 3, plan.err);
  assert.match(plan.out, /\| group +\| pmml +\| +\| create +\| +\| web\/group\.json \|/);
  assert.match(plan.out, /Plan: 3 to create\n\[OK\] Nothing was changed\n$/);
  assert.equal(control.services.size, 0);

  assert.equal((await run(["apply", "-f", "web"])).code, 2, "nobody to ask");
  assert.equal((await run(["apply", "-f", "web"], { answers: ["n"] })).code, 1);
  assert.equal(control.services.size, 0);

  const first = await run(["apply", "-f", "web"], { answers: ["y"] });
  assert.equal(first.code, 0, first.err);
  assert.match(first.out, /Carry this out: 3 to create\? \[Y\/n\]y\n\[OK\] \[pmml\] Group \[pmml\]/);
  assert.match(first.out, /\[OK\] \[pmml_prod\] Running \[Total: 2, Pending: 0, Running: 2\]\n/);
  assert.match(first.out, /\[OK\] 3 created\n$/);
  assert.deepEqual(control.groups.get("pmml" as never)!.labels, { team: "risk" });
  assert.deepEqual(labels("pmml_prod"), {});

  const again = await run(["apply", "-f", "web"]);
  assert.equal(again.code, 0, again.err);
  assert.match(again.out, /Plan: 3 unchanged\n\[OK\] Everything is as described: nothing was changed\n$/);
  assert.equal((await run(["apply", "-f", "web", "--dry-run"])).code, 0);
  assert.equal((await run(["diff", "-f", "web"])).code, 0);
});

test("apply shows how far an update reaches, and does no more than differs", async (t) => {
  const { run, write, document, control } = await withFolder(t);
  await run(["apply", "-f", "web", "-y"]);
  const before = control.services.get("pmml_grey" as never)!.generation;
  write("a.json", document("pmml_prod", 3, { cpu: 1 }));
  const scaled = await run(["apply", "-f", "web", "-y"]);
  assert.equal(scaled.code, 0, scaled.err);
  assert.match(
    scaled.out,
    /\| pmml_prod +\| Running +\| update +\| only the number of instances: no new version \|/,
  );
  assert.match(scaled.out, /service pmml_prod:\n[\s\S]*\| \$\.metadata\.instance \| +2 +\| 3 +\|/);
  assert.match(scaled.out, /\[OK\] 1 updated, 2 unchanged\n$/);
  assert.equal(control.services.get("pmml_grey" as never)!.generation, before);

  // What a file no longer says is taken back, for the file is the whole truth.
  write("a.json", { ...document("pmml_prod", 3), labels: { a: "b" } });
  await run(["apply", "-f", "web", "-y"]);
  write("a.json", document("pmml_prod", 3));
  const diff = await run(["diff", "-f", "web"]);
  assert.deepEqual(
    [diff.code, diff.out],
    [1, `--- service pmml_prod, stored\n+++ web/a.json\n-$.labels.a: "b"\n`],
  );
  write("group.json", { Name: "pmml", TrafficMode: "customized", Labels: {} });
  const group = await run(["apply", "-f", "web/group.json", "-y"]);
  assert.equal(group.code, 0, group.err);
  assert.match(group.out, /\$\.Labels\["team"\] \| "risk" +\|/);
  assert.equal(control.groups.get("pmml" as never)!.mode, "customized");
  assert.deepEqual(control.groups.get("pmml" as never)!.labels, {});
});

test("--prune deletes what carries the set's label and is no longer described, and nothing else", async (t) => {
  const { run, write, control, labels, document, home } = await withFolder(t);
  await control.createService(pmmlDocument("stranger", 1));
  control.settle();
  const made = await run(["apply", "-f", "web", "--set", "web", "--prune", "-y"]);
  assert.equal(made.code, 0, made.err);
  assert.equal(labels("pmml_prod")["sluice.apply/set"], "web");
  assert.deepEqual(control.groups.get("pmml" as never)!.labels, { team: "risk", "sluice.apply/set": "web" });

  // By hand, without naming the set: it stays in it.
  write("a.json", document("pmml_prod", 3));
  const byHand = await run(["apply", "-f", "web/a.json", "-y"]);
  assert.equal(byHand.code, 0, byHand.err);
  assert.equal(labels("pmml_prod")["sluice.apply/set"], "web");

  write("b.json", document("pmml_next", 1));
  const shown = await run(["apply", "-f", "web", "--set", "web", "--prune", "--plan"]);
  assert.equal(shown.code, 3);
  assert.match(shown.out, /\| service \| pmml_grey +\| Running +\| delete +\|/);
  assert.match(shown.out, /Plan: 1 to create, 1 to delete, 2 unchanged\n/);
  assert.ok(control.services.has("pmml_grey" as never));
  const pruned = await run(["apply", "-f", "web", "--set", "web", "--prune", "-y"]);
  assert.equal(pruned.code, 0, pruned.err);
  assert.match(
    pruned.out,
    /\[OK\] \[pmml_grey\] Service was deleted successfully\n[\s\S]*1 created, 1 deleted, 2 unchanged\n$/,
  );
  assert.deepEqual([...control.services.keys()].toSorted(), ["pmml_next", "pmml_prod", "stranger"]);

  // Another set, and no set at all.
  const other = await run(["apply", "-f", "web/a.json", "--set", "other", "--prune", "--plan"]);
  assert.doesNotMatch(other.out, /delete/);
  assert.equal((await run(["apply", "-f", "web", "--prune", "-y"])).code, 2);
  // An empty folder is rather a mistake than the wish to delete all.
  mkdirSync(join(home, "empty"));
  const empty = await run(["apply", "-f", "empty", "--set", "web", "--prune", "-y"]);
  assert.equal(empty.code, 1);
  assert.match(empty.err, /there is no document in empty; nothing was changed/);
  // One document that cannot be read: nothing is done, and nothing is pruned.
  write("b.json", "{ broken");
  const broken = await run(["apply", "-f", "web", "--set", "web", "--prune", "-y"]);
  assert.equal(broken.code, 1);
  assert.match(broken.err, /nothing was changed, for web\/b\.json is not JSON/);
  assert.equal(control.services.size, 3);
});

test("-l chooses documents and what is pruned by a label of one's own", async (t) => {
  const { run, write, document, control } = await withFolder(t);
  write("a.json", { ...document("pmml_prod", 1), labels: { tier: "gold" } });
  write("b.json", { ...document("pmml_grey", 1), "labels.tier": "lead" });
  const gold = await run(["apply", "-f", "web", "-l", "tier=gold", "-y"]);
  assert.equal(gold.code, 0, gold.err);
  assert.deepEqual([...control.services.keys()], ["pmml_prod"]);
  await run(["apply", "-f", "web/b.json", "-y"]);
  // Described, though not chosen: it is not pruned.
  const kept = await run(["apply", "-f", "web", "-l", "tier=gold", "--prune", "--plan"]);
  assert.equal(kept.code, 0, kept.out);
  const gone = await run(["apply", "-f", "web/b.json", "-l", "tier=gold", "--prune", "-y"]);
  assert.equal(gone.code, 0, gone.err);
  assert.deepEqual([...control.services.keys()], ["pmml_grey"]);
  assert.equal((await run(["apply", "-f", "web", "-l", "gold", "-y"])).code, 2);
});

test("all that cannot be read, or that the server refuses, is told before anything is done", async (t) => {
  const { run, write, document, control } = await withFolder(t);
  write("c.json", [document("pmml_prod", 1), { metadata: {} }, 7]);
  write("d.json", { Name: "g", Mode: "x", TrafficMode: "y" });
  write("e.json", { ...document("e", 1), model_path: "nowhere.pmml" });
  write("f.json", "");
  const { code, err } = await run(["apply", "-f", "web", "-f", "none", "-y"]);
  assert.equal(code, 1);
  for (const part of [
    /nothing was changed, for 7 problems/,
    /web\/c\.json:1 names no service and no group/,
    /web\/c\.json:1: found no JSON object/,
    /web\/d\.json: \$\.Mode: an unknown field of a group/,
    /web\/d\.json: \$\.TrafficMode: allowed: auto, customized/,
    /web\/e\.json: \$\.model_path: there is no file or folder/,
    /web\/f\.json: there is nothing in it/,
    /cannot read none: ENOENT/,
    /pmml_prod is described in web\/a\.json and in web\/c\.json:1/,
  ])
    assert.match(err, part);
  assert.equal(control.services.size, 0);

  for (const file of ["c.json", "d.json", "e.json"])
    write(file, document(file.slice(0, 1), 1, { group: `of-${file[0]}` }));
  write("f.json", document("f", 1, { group: "of-f" }));
  assert.equal((await run(["apply", "-f", "web", "-y"])).code, 0);
  // The names of lines are the file's, though a label is put in.
  write("f.json", '{\n "name": "f",\n "name": "g"\n}');
  const twice = await run(["apply", "-f", "web", "--set", "s", "-y"]);
  assert.match(twice.err, /nothing was changed, for\n {2}web\/f\.json: INVALID_JSON: .*line 3/);
  write("f.json", { ...document("f", 1, { group: "of-f", instance: -1 }), "cpuu.x": 1 });
  const refused = await run(["diff", "-f", "web"]);
  assert.equal(refused.code, 2, "1 would say that it differs");
  assert.match(refused.err, /web\/f\.json: INVALID_SPEC: 2 problems/);
});

test("a new service that would be refused is told before anything is done", async (t) => {
  const { run, write, document, control, home } = await withFolder(t);
  write("c.json", document("INVALID NAME", 1));
  write("d.json", document("bad", 0, { cpu: -1 }));
  for (const verb of [["apply", "-y"], ["apply", "--plan"], ["diff"]]) {
    const { code, err } = await run([...verb, "-f", "web"]);
    assert.equal(code, verb[0] === "diff" ? 2 : 1, err);
    assert.match(err, /nothing was changed, for\n {2}web\/c\.json: INVALID_SPEC: [^\n]*found "INVALID NAME"/);
    assert.match(err, /\n {2}web\/d\.json: INVALID_SPEC: [^\n]*\$\.metadata\.cpu/);
  }
  assert.deepEqual([control.services.size, control.groups.size], [0, 0]);

  write("c.json", document("quick", 1));
  rmSync(join(home, "web", "d.json"));
  const validate = control.validate.bind(control);
  t.mock.method(control, "validate", async (request: Parameters<typeof validate>[0]) => {
    if (control.services.size === 0) await control.createService(pmmlDocument("quick", 1));
    return validate(request);
  });
  const taken = await run(["apply", "-f", "web", "-y"]);
  assert.equal(taken.code, 1);
  assert.match(taken.err, /nothing was changed, for\n {2}web\/c\.json: somebody else made a service quick /);
  assert.equal(control.services.size, 1);
});

test("a failure is told, does not keep the others, and prunes nothing", async (t) => {
  const { run, write, document, control } = await withFolder(t);
  await run(["apply", "-f", "web", "--set", "web", "-y"]);
  write("b.json", document("unlucky", 1));
  write("c.json", document("fine", 1));
  // What the plan cannot see: the disk fills up while it is carried out.
  const create = control.createService.bind(control);
  t.mock.method(control, "createService", async (wanted: { name?: string }) => {
    if (wanted.name === "unlucky") throw new ServingError("STORE_FULL", { detail: "no space left" });
    return create(wanted);
  });
  const { code, out, err } = await run(["apply", "-f", "web", "--set", "web", "--prune", "-y"]);
  assert.equal(code, 1);
  assert.match(out, /\[OK\] \[fine\] Service is running/);
  assert.match(err, /\[ERROR\] \[unlucky\] web\/b\.json: STORE_FULL/);
  assert.match(err, /\[WARNING\] 1 created, 2 unchanged\n/);
  assert.match(err, /service unlucky \(create\) failed: web\/b\.json: STORE_FULL/);
  assert.match(err, /service pmml_grey \(delete\) was left out: nothing is pruned after a failure/);
  assert.ok(control.services.has("pmml_grey" as never));
  write("d.json", document("later", 1));
  const stopped = await run(["apply", "-f", "web", "--stop-on-error", "--parallel", "1", "-y"]);
  assert.match(stopped.err, /service later \(create\) was left out: left out after a failure/);
  const json = await run(["apply", "-f", "web", "-y", "--output", "json"]);
  const { Results } = JSON.parse(json.out) as { Results: { Name: string; Outcome: string }[] };
  assert.deepEqual(
    [json.code, Results.map((r) => `${r.Name} ${r.Outcome}`).toSorted()],
    [1, ["fine unchanged", "later done", "pmml unchanged", "pmml_prod unchanged", "unlucky failed"]],
  );
  assert.equal((await run(["apply", "-f", "web", "--parallel", "0", "-y"])).code, 2);
  assert.equal((await run(["apply"])).code, 2);
});

test("a group that fails keeps its members from being begun", async (t) => {
  const { run, write, control } = await withFolder(t);
  write("group.json", { Name: "pmml", Sticky: "sideways" });
  const { code, err } = await run(["apply", "-f", "web", "-y"]);
  assert.equal(code, 1);
  assert.match(err, /service pmml_prod \(create\) was left out: its group pmml failed/);
  assert.equal(control.services.size, 0);
});

test("Ctrl-C ends the waiting, and begins nothing more", async (t) => {
  const { run, control } = await withFolder(t);
  const { code, err } = await run(["apply", "-f", "web", "--parallel", "1", "-y"], {
    onSleep: (interrupt) => interrupt(),
  });
  assert.equal(code, 1);
  assert.match(err, /\[WARNING\] \[pmml_prod\] No longer waiting/);
  assert.match(err, /service pmml_grey \(create\) was left out: interrupted before it was begun/);
  assert.equal(control.services.size, 1);
});

test("standard input, --no-wait, a stopped service, JSON of a plan", async (t) => {
  const { run, document, control } = await withFolder(t);
  const stdin = `${JSON.stringify(document("one", 1))}\n${JSON.stringify(document("two", 1, { group: "second" }))}`;
  const plan = await run(["apply", "-f", "-", "--plan", "--output", "json"], { stdin });
  assert.equal(plan.code, 3);
  const { Plan } = JSON.parse(plan.out) as { Plan: { Name: string; Action: string; Source: string }[] };
  assert.deepEqual(
    Plan.map((p) => [p.Name, p.Action, p.Source]),
    [
      ["one", "create", "standard input:1"],
      ["two", "create", "standard input:2"],
    ],
  );
  const quick = await run(["apply", "-f", "-", "--no-wait", "-y"], { stdin });
  assert.equal(quick.code, 0, quick.err);
  assert.doesNotMatch(quick.out, /is running/);
  control.settle();
  await run(["stop", "one", "-y"]);
  const changed = JSON.stringify(document("one", 2));
  const stopped = await run(["apply", "-f", "-", "-y"], { stdin: changed });
  assert.equal(stopped.code, 0, stopped.err);
  assert.match(stopped.out, /\[OK\] \[one\] Service was updated\n\[OK\] 1 updated\n$/);
  assert.equal((await run(["apply", "-f", "-", "-y"], { stdin: "" })).code, 1);
});

test("diff of one service and a file; secrets are masked; lines are coloured on a terminal only", async (t) => {
  const { run, write, document } = await withFolder(t);
  await run(["apply", "-f", "web", "-y"]);
  write("b.json", { ...document("pmml_grey", 2), token: "very-secret-token" });
  const plain = await run(["diff", "pmml_grey", "web/b.json"]);
  assert.equal(plain.code, 1, plain.err);
  assert.match(
    plain.out,
    /^--- service pmml_grey, stored\n\+\+\+ web\/b\.json\n[\s\S]*-\$\.metadata\.instance: 1\n/,
  );
  assert.match(plain.out, /\+\$\.token: "?\*\*\*"?\n/);
  assert.doesNotMatch(plain.out + plain.err, /very-secret/);
  const coloured = await run(["diff", "-f", "web"], { answers: [], env: { NO_COLOR: "" } });
  assert.ok(coloured.out.includes("\u001b[31m-$.metadata.instance: 1\u001b[0m"), coloured.out);
  assert.equal((await run(["diff", "pmml_grey", "web/a.json"])).code, 2);
  assert.equal((await run(["diff"])).code, 2);
  assert.equal((await run(["diff", "pmml_grey"])).code, 2);
  assert.equal((await run(["diff", "pmml_grey", "web/a.json", "-f", "web"])).code, 2);
  write("c.json", document("fresh", 1));
  const fresh = await run(["diff", "-f", "web/c.json"]);
  assert.deepEqual([fresh.code, fresh.out], [1, "--- service fresh, not there\n+++ web/c.json\n"]);
});
