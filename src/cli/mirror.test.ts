import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";
import { serviceName } from "../testing/records.ts";

const names = ["foo", "foo2", "foo3"] as const;
const [foo, foo2] = [serviceName("foo"), serviceName("foo2")];
const document = (name: string) => ({ ...pmmlDocument(name, 1), metadata: { cpu: 1, instance: 1 } });

async function bench(t: TestContext) {
  const made = await cliBench(t);
  for (const name of names) await made.control.createService(document(name));
  made.control.settle();
  return made;
}
/** RequestIds count up in the test server. */
const masked = (text: string) => text.replace(/[0-9A-F]{8}-[0-9A-F-]{27}/g, "<id>");

test("the API has EAS' shapes: whole numbers and a list in, texts out", async () => {
  const { app, control } = apiApp();
  for (const name of names) await control.createService(document(name));
  const call = async (method: "GET" | "POST" | "PUT" | "DELETE", payload?: object, rest = "") => {
    const answer = await app.inject({
      method,
      url: `/api/v2/services/local/foo/mirror${rest}`,
      headers: { authorization: `Bearer ${TEST_KEY}` },
      ...(payload ? { payload } : {}),
    });
    const { RequestId, ...body } = answer.json();
    assert.equal(typeof RequestId, "string");
    return [answer.statusCode, body];
  };
  assert.deepEqual((await call("GET"))[1].Code, "MIRROR_NOT_FOUND");
  assert.deepEqual(await call("POST", { Ratio: 70, Target: ["foo2", "foo3"] }), [
    200,
    { Message: "Traffic mirroring is ON for service [foo] in region [local], ratio [70%]", Generation: 2 },
  ]);
  assert.deepEqual((await call("POST", { Ratio: 70, Target: ["foo2"] }))[1].Code, "MIRROR_EXISTS");
  assert.deepEqual(await call("PUT", { Ratio: 50 }), [
    200,
    {
      Message: "Traffic mirroring is updating for service [foo] in region [local], ratio [50%]",
      Generation: 3,
    },
  ]);
  assert.deepEqual(await call("GET"), [
    200,
    { ServiceName: "foo", Ratio: "50", Target: "foo2,foo3", Counts: [] },
  ]);
  for (const bad of [
    { Ratio: 101 },
    { Ratio: "5" },
    { Target: ["foo"] },
    { Compare: { Mode: "x" } },
    { X: 1 },
  ]) {
    const [status, body] = await call("PUT", bad);
    assert.deepEqual([status, body.Code], [400, "INVALID_ARGUMENT"], JSON.stringify(bad));
  }
  assert.deepEqual(await call("GET", undefined, "/differences"), [200, { Differences: [] }]);
  assert.deepEqual(await call("DELETE"), [
    200,
    { Message: "Traffic mirroring is OFF for service [foo] in region [local]", Generation: 4 },
  ]);
  assert.equal((await call("DELETE"))[0], 404);
});

test("mirror create, update, delete", async (t) => {
  const { run, control } = await bench(t);
  const made = await run(["mirror", "create", "foo", "--target", "foo2, foo3", "--ratio", "70"]);
  assert.equal(
    masked(made.out),
    "[RequestId]: <id>\n[OK] Traffic mirroring is ON for service [foo] in region [local], ratio [70%]\n",
  );
  const update = ["mirror", "update", "foo", "--compare", "json", "--tolerance", "0.01", "--ignore", "$.at"];
  assert.equal((await run([...update, "--ignore", "$.id", "--samples", "5"])).code, 0);
  assert.deepEqual(control.services.get(foo)!.mirror, {
    ratio: 70,
    targets: ["foo2", "foo3"],
    compare: { mode: "json", tolerance: 0.01, ignorePaths: ["$.at", "$.id"], sampleCount: 5 },
  });
  assert.equal((await run(["mirror", "update", "foo", "--compare", "off", "--ratio", "5"])).code, 0);
  assert.deepEqual(control.services.get(foo)!.mirror?.compare, null);
  assert.equal((await run(["mirror", "delete", "foo"])).code, 0);
  assert.equal(control.services.get(foo)!.mirror, null);
  const refused = await run(["mirror", "desc", "foo"]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /^\[ERROR\] MIRROR_NOT_FOUND: service foo is not mirrored\n/);
});

test("what makes no sense is refused with 2, before anything is sent", async (t) => {
  const { run, control } = await bench(t);
  const wrong = [
    ["mirror", "create", "foo", "--target", "foo2"],
    ["mirror", "create", "foo", "--ratio", "5"],
    ["mirror", "create", "foo", "--target", "foo2", "--ratio", "5%"],
    ["mirror", "create", "foo", "--target", "foo2", "--ratio", "5", "--samples", "5"],
    ["mirror", "create", "foo", "--target", "foo2", "--ratio", "5", "--compare", "json", "--tolerance", "x"],
    ["mirror", "update", "foo"],
  ];
  for (const argv of wrong) assert.equal((await run(argv)).code, 2, argv.join(" "));
  assert.equal(control.services.get(foo)!.mirror, undefined);
});

test("mirror desc shows what became of the copies; mirror diffs the pairs", async (t) => {
  const { run, control } = await bench(t);
  const create = ["mirror", "create", "foo", "--target", "foo2", "--ratio", "50"];
  await run([...create, "--compare", "exact", "--samples", "20"]);
  const dropped = { ...NO_MIRROR_COUNTS.dropped, busy: 10, tooLarge: 2 };
  control.copies.push({
    ...NO_MIRROR_COUNTS,
    service: foo,
    target: foo2,
    sent: 100,
    answered: 97,
    failed: 3,
    dropped,
    compared: 97,
    differing: 1,
  });
  assert.equal(
    masked((await run(["mirror", "desc", "foo"])).out),
    `\
[RequestId]: <id>
+-------------+-------+
| ServiceName | foo   |
|      Target | foo2  |
|       Ratio | 50    |
|     Compare | exact |
|     Samples | 20    |
+-------------+-------+
+--------+------+----------+--------+--------------------------+----------+-----------+
| TARGET | SENT | ANSWERED | FAILED |         DROPPED          | COMPARED | DIFFERING |
+--------+------+----------+--------+--------------------------+----------+-----------+
| foo2   |  100 |       97 |      3 | 12 (TooLarge 2, Busy 10) |       97 |         1 |
+--------+------+----------+--------+--------------------------+----------+-----------+
`,
  );
  control.differences.push({
    atMs: Date.UTC(2022, 5, 5),
    service: foo,
    target: foo2,
    requestId: "abc",
    text: "bodies differ from byte 0 on",
    primary: { status: 200, body: "[1]", isCut: false },
    copy: { status: 200, body: "[2", isCut: true },
  });
  const shown = await run(["mirror", "diffs", "foo"]);
  assert.match(shown.out, /X-Request-Id \| abc/);
  assert.match(shown.out, /Primary \| 200 \[1\] /);
  assert.match(shown.out, /Copy \| 200 \[2… /);
  control.differences.length = 0;
  await run(["mirror", "update", "foo", "--compare", "exact"]);
  assert.match((await run(["mirror", "diffs", "foo"])).err, /no differing pairs are kept/);
});
