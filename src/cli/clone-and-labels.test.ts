import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import type { ServiceName } from "../core/names.ts";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

async function withService(t: TestContext) {
  const bench = await cliBench(t);
  await bench.control.createService({ ...pmmlDocument("a", 2), labels: { team: "x" } });
  bench.control.settle();
  return bench;
}

const documentOf = ({ control }: Awaited<ReturnType<typeof withService>>, name: string) =>
  control.services.get(name as ServiceName)!.document;

test("clone: another name, what is otherwise, and labels; shown like create", async (t) => {
  const bench = await withService(t);
  const made = await bench.run([
    "clone",
    "a",
    "b",
    "-Dmetadata.instance=1",
    "--label",
    "side=new",
    "--no-wait",
  ]);
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, /Intranet Endpoint \| http:\/\/127\.0\.0\.1:8080\/api\/predict\/pmml\.b/);
  assert.match(made.out, /\[OK\] Service is now creating\n$/);
  const { metadata, labels } = documentOf(bench, "b");
  assert.deepEqual(metadata, { ...(documentOf(bench, "a").metadata as object), name: "b", instance: 1 });
  assert.deepEqual(labels, { team: "x", side: "new" });
  const again = await bench.run(["clone", "a", "b"]);
  assert.equal(again.code, 1);
  assert.match(again.err, /a service named b exists/);
});

test("label set and rm", async (t) => {
  const bench = await withService(t);
  const set = await bench.run(["label", "set", "a", "--label", "team=y", "--label", "b.c=1=2"]);
  assert.match(set.out, /\[OK\] Labels of service \[a\] in region \[local\] are updated/);
  assert.deepEqual(documentOf(bench, "a").labels, { team: "y", "b.c": "1=2" });
  await bench.run(["label", "rm", "a", "team, nobody"]);
  assert.deepEqual(documentOf(bench, "a").labels, { "b.c": "1=2" });
  assert.equal((await bench.run(["label", "set", "a"])).code, 2);
  assert.equal((await bench.run(["label", "rm", "a", ","])).code, 2);
  assert.equal((await bench.run(["label", "set", "a", "--label", "=1"])).code, 2);
});

test("containers and instances as tables, and as the API gives them", async (t) => {
  const { run } = await withService(t);
  const containers = await run(["containers", "a", "a-v1-0"]);
  assert.match(containers.out, /\| worker +\| Running \| true +\|/);
  const { Containers } = JSON.parse((await run(["containers", "a", "a-v1-0", "--output", "json"])).out);
  assert.equal(Containers[0].CurrentReaon, "");
  const kinds = await run(["instances"]);
  assert.match(kinds.out, /\| node\.16c7g +\| +16 \| +12\.5 \| +7G \| +1G \| +0 \| WithStock \|/);
});
