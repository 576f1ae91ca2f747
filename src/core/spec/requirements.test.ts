import assert from "node:assert/strict";
import test from "node:test";
import { isPinned, packageOf, readRequirements, withoutPasswords } from "./requirements.ts";

const lines = (text: string) => {
  const read = readRequirements(text);
  assert(read.kind === "read", JSON.stringify(read));
  return read.lines;
};

test("two texts that mean the same for pip are the same text", () => {
  const one =
    "# ours\r\nNumPy == 1.26.4  # fast\n\nscikit_learn[b, A]>=1.0 , <2 ; python_version  < '3.13'\n";
  const two = "scikit-learn[a,B] <2,>=1.0; python_version < '3.13'\nnumpy==1.26.4\nnumpy ==1.26.4";
  assert.deepEqual(lines(one), lines(two));
  assert.deepEqual(lines(one), ["numpy==1.26.4", "scikit-learn[a,b]<2,>=1.0; python_version < '3.13'"]);
});

test("hashes, direct addresses and lines that go on are kept", () => {
  const text = "a==1 \\\n  --hash=sha256:bb \\\n --hash=sha256:aa\nTiny @ file:///x/tiny-1.whl#frag\n";
  assert.deepEqual(lines(text), [
    "a==1 --hash=sha256:aa --hash=sha256:bb",
    "tiny @ file:///x/tiny-1.whl#frag",
  ]);
  assert.deepEqual(lines(""), []);
});

for (const bad of [
  "-r other.txt",
  "--index-url=http://index.test/simple",
  "-e .",
  "./local.whl",
  "/abs/local.whl",
  "numpy=1.0",
  "numpy 1.0",
  "numpy==1.0 evil==2",
  "a @ not-a-url",
  "a\0==1",
  "a==1; ",
  `a==${"1".repeat(3000)}`,
]) {
  test(`refused, with its line: ${bad.slice(0, 40)}`, () => {
    const read = readRequirements(`ok==1\n\n${bad}\nalso==2`);
    assert(read.kind === "refused");
    assert.equal(read.line, 3);
    assert.match(read.allowed, /^a requirement such as/);
  });
}

test("the message of a refusal shows no password", () => {
  const read = readRequirements("--index-url https://me:s3cret@index.test/");
  assert(read.kind === "refused" && !read.found.includes("s3cret"));
  assert.equal(withoutPasswords("a https://u:p@h/x b"), "a https://h/x b");
});

test("what leaves no choice is told from what does", () => {
  assert.deepEqual(
    lines("a==1\nb>=1\nc\nd @ https://h.test/d.whl\ne==1.*\nf[x]===2; os_name == 'posix'").map((line) => [
      packageOf(line),
      isPinned(line),
    ]),
    [
      ["a", true],
      ["b", false],
      ["c", false],
      ["d", true],
      ["e", false],
      ["f", true],
    ],
  );
});
