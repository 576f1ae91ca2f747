import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { until } from "../../test/harness/until.ts";
import { isPaused, ownIdentity, readStartTicks } from "../base/process-identity.ts";
import { HomeInUse, releaseControl, seizeControl } from "./control-lock.ts";

let dir: string;
let file: string;
let holder: ChildProcess;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), "sluice-lock-"));
  file = join(dir, "control.json");
  holder = spawn("sleep", ["600"], { stdio: "ignore" });
  await once(holder, "spawn");
});
afterEach(async () => {
  holder.kill("SIGKILL");
  if (holder.exitCode === null && holder.signalCode === null) await once(holder, "exit");
  rmSync(dir, { recursive: true });
});

const claim = { installation: "i", term: 7 };
const identity = () => ({ pid: holder.pid!, startTicks: readStartTicks(holder.pid!)! });
const holds = (more: object) => writeFileSync(file, JSON.stringify({ ...identity(), ...more }));
const seize = () => seizeControl(file, dir, claim);

test("one of an earlier term that is paused is ended at once, and the home is taken", async () => {
  holds({ installation: "i", term: 6 });
  holder.kill("SIGSTOP");
  await until(() => isPaused(identity()), "the holder to be paused");
  const gone = once(holder, "exit");
  assert.deepEqual(await seize(), ownIdentity());
  assert.equal((await gone)[1], "SIGKILL");
  assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), { ...ownIdentity(), ...claim });
  releaseControl(file, ownIdentity());
  assert.ok(!existsSync(file));
});

test("one that runs is given a moment to leave by itself", async () => {
  holds({ installation: "i", term: 6 });
  const taken = seize();
  releaseControl(file, identity()); // as it does when it has stopped to act
  await taken;
  assert.equal(holder.signalCode, null);
});

test("one that does not leave is ended", async () => {
  holds({ installation: "i", term: 6 });
  const gone = once(holder, "exit");
  await seize();
  assert.equal((await gone)[1], "SIGKILL");
});

test("a holder who leads by another store, or by a later term, is left alone", async () => {
  for (const more of [
    {},
    { installation: "j", term: 1 },
    { installation: "i", term: 7 },
    { installation: "i", term: 8 },
  ]) {
    holds(more);
    await assert.rejects(seize(), HomeInUse);
    assert.equal(holder.signalCode, null);
    rmSync(file);
  }
});
