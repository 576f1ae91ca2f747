import assert from "node:assert/strict";
import test from "node:test";
import { WriteGroup } from "./write-group.ts";

/** Transactions that keep what was done in them; one with `bad` in it is undone. */
function groupOver() {
  const kept: string[][] = [];
  let open: string[] = [];
  const group = new WriteGroup((work) => {
    open = [];
    work();
    kept.push(open);
  });
  const write = (text: string) =>
    group.add(() => {
      if (text === "bad") throw new Error("it is bad");
      open.push(text);
      return text.length;
    });
  return { group, kept, write };
}

test("writes of one turn are one transaction, in order, each with its own answer", async () => {
  const { kept, write } = groupOver();
  assert.deepEqual(await Promise.all([write("a"), write("bb"), write("ccc")]), [1, 2, 3]);
  assert.deepEqual(kept, [["a", "bb", "ccc"]]);
  await write("d");
  assert.deepEqual(kept, [["a", "bb", "ccc"], ["d"]]);
});

test("one that fails takes no other with it", async () => {
  const { kept, write } = groupOver();
  const outcomes = await Promise.allSettled([write("a"), write("bad"), write("c")]);
  assert.deepEqual(
    outcomes.map((o) => (o.status === "fulfilled" ? o.value : String(o.reason))),
    [1, "Error: it is bad", 1],
  );
  assert.deepEqual(kept, [["a"], ["c"]]);
});

test("who cannot wait has it done now, once", async () => {
  const { group, kept, write } = groupOver();
  const waiting = write("a");
  group.flush();
  assert.deepEqual(kept, [["a"]]);
  assert.equal(await waiting, 1);
  group.flush();
  assert.equal(kept.length, 1);
});
