import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench, masked, withPair } from "../../testing/cli-run.ts";

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
  assert.equal(err, "[WARNING] $.metadata.gpu has no effect here yet\n");
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
