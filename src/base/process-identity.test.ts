import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
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

test("a zombie is dead", async () => {
  // The shell starts a child that ends at once, and becomes `cat`, which never asks for the child's end.
  const shell = spawn("/bin/sh", ["-c", 'true & echo "$!"; exec cat'], { stdio: ["pipe", "pipe", "ignore"] });
  const [line] = (await once(shell.stdout, "data")) as [Buffer];
  const zombie = Number(line.toString());
  while (readStartTicks(zombie) !== null) await new Promise(setImmediate);
  assert.notEqual(readProcessGroup(zombie), null, "it is still in the process table");
  shell.stdin.end();
  await once(shell, "exit");
});

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
