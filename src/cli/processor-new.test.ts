import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { cliBench } from "../testing/cli-run.ts";

async function begin(t: TestContext) {
  const { home: folder, run } = await cliBench(t);
  return { folder, make: (...argv: string[]) => run(["processor", "new", ...argv]) };
}

test("a processor is written under the folder's name, with what to do next", async (t) => {
  const { folder, make } = await begin(t);
  const { code, out } = await make("python", "My-Scores");
  assert.equal(code, 0);
  assert.match(out, /^\[OK\] Wrote My-Scores\/\.gitignore\n/);
  assert.match(
    out,
    /\nNext, in My-Scores:\n {2}python3 -m unittest\n {2}sluice test service\.json --request request\.json\n {2}sluice create service\.json\n$/,
  );
  const text = (file: string) => readFileSync(join(folder, "My-Scores", file), "utf8");
  assert.equal(JSON.parse(text("service.json")).name, "my_scores");
  assert.match(text("README.md"), /^# my_scores\n/);
  assert.equal(text("README.md").trimEnd().split("\n").length, 10);
  const written = [...out.matchAll(/Wrote My-Scores\/(.*)/g)].map((match) => match[1]);
  const there = readdirSync(join(folder, "My-Scores"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, "My-Scores").length + 1));
  assert.deepEqual(written.toSorted(), there.toSorted());
});

test("a folder that is empty is filled; one that has something is left alone", async (t) => {
  const { folder, make } = await begin(t);
  mkdirSync(join(folder, "empty"));
  assert.equal((await make("py", "empty")).code, 0);
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full", "mine"), "");
  const { code, err } = await make("python", "full");
  assert.equal(code, 1);
  assert.match(err, /full is not empty; name a folder that is new/);
  assert.deepEqual(readdirSync(join(folder, "full")), ["mine"]);
  writeFileSync(join(folder, "file"), "");
  const onFile = await make("python", "file");
  assert.equal(onFile.code, 1);
  assert.match(onFile.err, /cannot be written/);
});

test("a language without a template is misuse, and says which there are", async (t) => {
  const { make } = await begin(t);
  const { code, err } = await make("cobol", "x");
  assert.equal(code, 2);
  assert.match(err, /there is no template for cobol; there are: python, java, cpp, node/);
});

test("a name that no service may have becomes one", async (t) => {
  const { folder, make } = await begin(t);
  for (const [dir, name] of [
    ["__Ünter wegs", "nter_wegs"],
    ["日本", "my_processor"],
    ["1st", "1st"],
  ] as const) {
    assert.equal((await make("python", dir)).code, 0);
    assert.equal(JSON.parse(readFileSync(join(folder, dir, "service.json"), "utf8")).name, name);
  }
});
