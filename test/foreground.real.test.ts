/** `sluice test`: one instance in the foreground, by the real program, and what is left of it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isSameProcess, parseIdentity } from "../src/base/process-identity.ts";
import { Place } from "./harness/foreground.ts";
import { http, ROOT } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";
import { until } from "./harness/until.ts";

const OWN_MODEL = join(ROOT, "examples", "own-model");

function specFile(place: Place, spec: object): string {
  const file = join(place.folder, "service.json");
  writeFileSync(file, JSON.stringify(spec));
  return file;
}

test("a request is sent when it is ready; standard output is the answer, and nothing is left", async (t) => {
  const place = new Place(t);
  const file = join(OWN_MODEL, "service.json");
  const run = place.run("test", file, "--request", join(OWN_MODEL, "request.json"));
  assert.equal(await run.ended(), "0", run.err);
  assert.match(run.out, /^\[\{"distance": 21\.74\d*\}, \{"distance": 65\.0\d*\}\]$/);
  assert.match(
    run.err,
    /\[OK\] Serving at: \[http:\/\/127\.0\.0\.1:\d+\/api\/predict\/stopping_distance\]\n/,
  );
  assert.deepEqual(place.leftOver(), []);
  assert(!existsSync(place.home));
});

test("several requests are answered in order; the first that is refused ends it with 1 and says why", async (t) => {
  const place = new Place(t);
  const wrong = join(place.folder, "wrong.json");
  writeFileSync(wrong, "no JSON");
  const right = join(OWN_MODEL, "request.json");
  const requests = [right, wrong, right].flatMap((file) => ["--request", file]);
  const run = place.run("test", join(OWN_MODEL, "service.json"), ...requests);
  assert.equal(await run.ended(), "1", run.err);
  assert.match(run.out, /^\[\{"distance": .*\}\]\n$/);
  assert.match(run.err, /\[ERROR\] HTTP 400 Bad Request \(PROCESSOR_REFUSED\)\nJSONDecodeError/);
  assert.match(run.err, /app\.py", line \d+, in process/); // the worker's log, too
});

test("a service.json with faults shows all of them, as create does; a processor that does not load says why", async (t) => {
  const place = new Place(t);
  const faulty = place.run("test", specFile(place, { name: "x", processor_type: "cobol", metadata: {} }));
  assert.equal(await faulty.ended(), "1");
  assert.match(faulty.err, /^\[ERROR\] INVALID_SPEC: \d problems\n {2}\$\.metadata\.instance: found /);
  assert.match(faulty.err, /\$\.processor_type: found "cobol", allowed: /);
  const broken = specFile(place, fixtureSpec("broken", "throws"));
  const run = place.run("test", broken, "--get");
  assert.equal(await run.ended(), "1");
  assert.match(run.err, /\[ERROR\] the service failed: /);
  assert.match(run.err, /Traceback/);
  const missing = place.run("test", "nothing.json");
  assert.equal(await missing.ended(), "1");
  assert.match(missing.err, /\[ERROR\] cannot read nothing\.json/);
  const noJson = join(place.folder, "broken.json");
  writeFileSync(noJson, '{\n  "name": "x",\n  oops\n}');
  const unread = place.run("test", noJson);
  assert.equal(await unread.ended(), "1");
  assert(unread.err.startsWith(`[ERROR] ${noJson} is not JSON: line 3, column 3: `), unread.err);
  const senseless = place.run("test", broken, "--port", "x");
  assert.equal(await senseless.ended(), "2");
  assert.deepEqual(place.leftOver(), []);
});

test("it serves with its logs until Ctrl-C, which drains; the line to paste works", async (t) => {
  const place = new Place(t);
  const run = place.run(
    "test",
    specFile(place, fixtureSpec("slow", "announces", { "rpc.keepalive": 60_000 })),
  );
  const line = await run.untilPrinted(/Try it: (curl .*)\n/);
  assert.equal(execFileSync("sh", ["-c", line.replace("YOUR DATA", "1")], { encoding: "utf8" }), "done");
  const url = /Serving at: \[(.*)\]/.exec(run.out)![1]!;
  const token = /Token: (\S+)/.exec(run.out)![1]!;
  assert.equal((await http(url, { method: "POST", body: "1" })).status, 401);
  const held = http(url, { method: "POST", headers: { authorization: token }, body: "1500" });
  await run.untilPrinted(/has begun with 1500/);
  run.child.kill("SIGINT");
  assert.equal((await held).body, "done");
  assert.equal(await run.ended(), "0", run.err);
  assert.match(run.out, /\[engine\] draining/);
  assert.match(run.out, /\[OK\] Service has drained and ended\n$/);
  assert.deepEqual(place.leftOver(), []);
});

test("Ctrl-C again ends it now, with 1", async (t) => {
  const place = new Place(t);
  const run = place.run(
    "test",
    specFile(place, fixtureSpec("slow", "announces", { "rpc.keepalive": 300_000 })),
  );
  const url = await run.untilPrinted(/Serving at: \[(.*)\]/);
  const token = await run.untilPrinted(/Token: (\S+)/);
  const held = http(url, { method: "POST", headers: { authorization: token }, body: "200000" });
  held.catch(() => {}); // its connection ends
  await run.untilPrinted(/has begun with 200000/);
  run.child.kill("SIGINT");
  await run.untilPrinted(/draining; once more/);
  run.child.kill("SIGINT");
  assert.equal(await run.ended(), "1", run.err);
  assert.deepEqual(place.leftOver(), []);
});

test("its instance does not outlive it, however it ends", async (t) => {
  const place = new Place(t);
  const run = place.run("test", specFile(place, fixtureSpec("slow", "slow")));
  await run.untilPrinted(/Serving at: \[(.*)\]/);
  const [folder] = readdirSync(place.temporary);
  const instances = join(place.temporary, folder!, "run", "instances");
  const [name] = readdirSync(instances);
  const identity = parseIdentity(readFileSync(join(instances, name!, "process.json"), "utf8"));
  assert(identity !== null && isSameProcess(identity));
  run.child.kill("SIGKILL");
  await until(() => !isSameProcess(identity), "the engine to end without its owner");
});

test("a port is served at, or said to be taken", async (t) => {
  const place = new Place(t);
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  const argv = ["test", join(OWN_MODEL, "service.json"), "--port", String(port), "--get"];
  const taken = place.run(...argv);
  assert.equal(await taken.ended(), "1");
  assert.match(taken.err, /the port is taken; free it, or choose another with --port/);
  await new Promise((done) => server.close(done));
  const run = place.run(...argv);
  assert.equal(await run.ended(), "0", run.err);
  assert.match(run.err, new RegExp(`Serving at: \\[http://127\\.0\\.0\\.1:${port}/api`));
  assert.match(run.out, /miles an hour/);
});

test("a server of one's own is run, too, at its own address", async (t) => {
  const place = new Place(t);
  const file = join(ROOT, "examples", "own-server", "service.json");
  const run = place.run("test", file, "-d", "to be or not to be", "--path", "count");
  assert.equal(await run.ended(), "0", run.err);
  assert.equal(run.out.trim(), '{"be": 2, "to": 2, "not": 1, "or": 1}');
  assert.deepEqual(place.leftOver(), []);
});
