import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { pmmlDocument } from "../testing/api-app.ts";
import { cliBench } from "../testing/cli-run.ts";

const MAIN = join(import.meta.dirname, "..", "main.ts");

/** The program as users start it, against the API in this process; killed if the test leaves it behind. */
function start(t: TestContext, home: string, argv: readonly string[]): ChildProcess & { text: () => string } {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { ...process.env, SLUICE_HOME: home, NODE_TEST_CONTEXT: undefined },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => void child.kill("SIGKILL"));
  let text = "";
  const gather = (chunk: Buffer) => {
    text += String(chunk);
  };
  for (const stream of [child.stdout, child.stderr]) stream!.on("data", gather);
  return Object.assign(child, { text: () => text });
}

const exitOf = async (child: ChildProcess) =>
  ((await once(child, "close")) as [number | null, string | null]).join();

/** Resolves when the program has written what matches. */
async function untilWritten(child: ReturnType<typeof start>, pattern: RegExp): Promise<void> {
  while (!pattern.test(child.text()))
    await once(child.stdout!, "data", { signal: AbortSignal.timeout(20_000) });
}

test("SIGINT while waiting leaves the service as it is, and exits with 1", async (t) => {
  const { app, home, write, control } = await cliBench(t);
  write("service.json", { ...pmmlDocument("pmml_prod", 1), model_path: "/" });
  const child = start(t, home, ["create", join(home, "service.json")]);
  await untilWritten(child, /now creating/);
  // Its next question is the wait's first look.
  await once(app.server, "request", { signal: AbortSignal.timeout(20_000) });
  child.kill("SIGINT");
  assert.equal(await exitOf(child), "1,");
  assert.match(child.text(), /\[WARNING\] No longer waiting\. Service \[pmml_prod\] was left as it is/);
  assert.equal(control.services.size, 1);
});

test("SIGINT ends a log that is followed, and that is no failure", async (t) => {
  const { home, control } = await cliBench(t);
  await control.createService(pmmlDocument("pmml_prod", 1));
  control.settle();
  control.lines.set("pmml_prod-v1-0" as never, ["hello"]);
  const child = start(t, home, ["logs", "-f", "pmml_prod"]);
  await untilWritten(child, /\[pmml_prod-v1-0\] hello\n/);
  child.kill("SIGINT");
  assert.equal(await exitOf(child), "0,");
});

test("a reader that has enough is no failure", async (t) => {
  const { home, control } = await cliBench(t);
  for (let i = 0; i < 2000; i += 1)
    await control.createService(pmmlDocument(`s${i}`, 0, { group: undefined }));
  const child = start(t, home, ["ls"]);
  await untilWritten(child, /RequestId/);
  child.stdout!.destroy();
  assert.equal(await exitOf(child), "0,");
  assert.doesNotMatch(child.text(), /EPIPE/);
});

test("many waits at once are interrupted by one Ctrl-C, without a word of Node's", async (t) => {
  const { home, write, control } = await cliBench(t);
  const documents = Array.from({ length: 15 }, (_, at) => ({
    ...pmmlDocument(`s${at}`, 1, { group: undefined }),
    model_path: "/",
  }));
  write("many.json", documents);
  const child = start(t, home, ["apply", "-f", join(home, "many.json"), "--parallel", "15", "-y"]);
  await untilWritten(child, /(is now creating[\s\S]*){15}/);
  child.kill("SIGINT");
  assert.equal(await exitOf(child), "1,");
  assert.equal(child.text().match(/No longer waiting/g)?.length, 15);
  assert.doesNotMatch(child.text(), /MaxListeners/);
  assert.equal(control.services.size, 15);
});
