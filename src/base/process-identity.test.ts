import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Writable } from "node:stream";
import { test } from "node:test";
import {
  isSameProcess,
  ownIdentity,
  parseIdentity,
  readProcessGroup,
  readStartTicks,
} from "./process-identity.ts";

test("the own process is alive and itself", () => {
  const own = ownIdentity();
  assert.equal(own.pid, process.pid);
  assert.ok(isSameProcess(own));
  assert.ok(!isSameProcess({ ...own, startTicks: own.startTicks - 1 }), "another process under the same pid");
});

test("a pid that nobody has is nobody", () => {
  assert.equal(readStartTicks(2 ** 30), null);
  assert.equal(readProcessGroup(2 ** 30), null);
});

test("a command name with spaces and parentheses does not shift the fields", async () => {
  const child = spawn("/bin/sh", ["-c", 'printf "a) R 1 (b" > /proc/self/comm; echo named; read line'], {
    detached: true,
    stdio: ["pipe", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const ticks = readStartTicks(child.pid!);
  const own = ownIdentity();
  assert.ok(ticks !== null && ticks >= own.startTicks && ticks < own.startTicks + 1e6, String(ticks));
  assert.equal(readProcessGroup(child.pid!), child.pid);
  child.stdin.end();
  await once(child, "exit");
  assert.equal(readStartTicks(child.pid!), null);
});

test("a zombie is dead", async (t) => {
  // The shell starts a child and becomes `cat`, which never asks for the end of a child it does not know.
  const shell = spawn("/bin/sh", ["-c", 'cat <&3 & echo "$!"; exec 3<&-; exec cat'], {
    stdio: ["pipe", "pipe", "ignore", "pipe"],
  });
  t.after(() => shell.kill("SIGKILL"));
  const [line] = (await once(shell.stdout!, "data")) as [Buffer];
  const zombie = Number(line.toString());
  await until(() => readFileSync(`/proc/${shell.pid}/comm`, "utf8") === "cat\n");
  assert.notEqual(readStartTicks(zombie), null, "alive until its input ends");
  (shell.stdio[3] as Writable).end();
  await until(() => readStartTicks(zombie) === null);
  assert.notEqual(readProcessGroup(zombie), null, "it is still in the process table");
  shell.stdin!.end();
  await once(shell, "exit");
});

async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!isSo()) {
    assert.ok(Date.now() < end, "not so within 20 s");
    await new Promise(setImmediate);
  }
}

test("only a whole identity is taken from a file", () => {
  assert.deepEqual(parseIdentity('{"pid":12,"startTicks":34,"more":1}'), { pid: 12, startTicks: 34 });
  for (const bad of [
    "",
    "{",
    "null",
    "7",
    "{}",
    '{"pid":1,"startTicks":3}',
    '{"pid":-5,"startTicks":3}',
    '{"pid":"12","startTicks":34}',
    '{"pid":12}',
    '{"pid":12,"startTicks":-1}',
    '{"pid":1.5,"startTicks":1}',
  ])
    assert.equal(parseIdentity(bad), null, bad);
});
