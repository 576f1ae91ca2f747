import assert from "node:assert/strict";
import { test } from "node:test";
import { type EndFacts, exitReason } from "./exit-reason.ts";

const end = (facts: Partial<EndFacts>): EndFacts => ({
  code: null,
  signal: null,
  oomKills: 0,
  lastLines: [],
  ...facts,
});

test("killed while the kernel killed for want of memory is out of memory; killed alone is not", () => {
  assert.equal(exitReason(end({ signal: "SIGKILL", oomKills: 1 })), "OOMKilled");
  assert.equal(exitReason(end({ code: 137, oomKills: 2 })), "OOMKilled");
  assert.equal(exitReason(end({ signal: "SIGKILL" })), "Error");
  assert.equal(exitReason(end({ signal: "SIGSEGV", oomKills: 1 })), "Error");
  assert.equal(exitReason(end({ code: 1, oomKills: 1 })), "Error");
  assert.equal(exitReason(end({ code: 0, oomKills: 1 })), "Completed");
});

const WORDS = [
  "MemoryError",
  "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array",
  'Exception in thread "main" java.lang.OutOfMemoryError: Java heap space',
  "terminate called after throwing an instance of 'std::bad_alloc'",
  "  what():  std::bad_alloc",
  "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
  "fatal error: runtime: out of memory",
  "memory allocation of 8589934592 bytes failed",
  "OSError: [Errno 12] Cannot allocate memory",
];
for (const line of WORDS) {
  test(`last words: ${line}`, () => {
    assert.equal(exitReason(end({ code: 1, lastLines: ["loading", line] })), "OOMKilled");
    assert.equal(exitReason(end({ signal: "SIGABRT", lastLines: [line, "Aborted"] })), "OOMKilled");
    assert.equal(exitReason(end({ code: 0, lastLines: [line] })), "Completed");
    const later = Array.from({ length: 5 }, (_, i) => `request ${i}`);
    assert.equal(exitReason(end({ code: 1, lastLines: [line, ...later] })), "Error", "it went on after that");
  });
}

test("words that only speak of memory are no reason", () => {
  for (const line of ["memory: 512 MB", "handled a MemoryError, went on", "KeyError: 'memory'"])
    assert.equal(exitReason(end({ code: 1, lastLines: [line] })), "Error");
});
