import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FAMILIES } from "../src/core/spec/processors.ts";
import { shellBlocks } from "../test/harness/guide.ts";
import { ASKED_ON_PAGE, PAGE_TITLE, PROCESSOR_PAGE } from "../test/harness/processor-page.ts";
import { PROCESSORS_FILE, processorReference } from "./reference-processors.ts";

const committed = readFileSync(PROCESSORS_FILE, "utf8");

test("the tables of processors.md are what the code says", () => {
  assert.equal(committed, processorReference(committed), "run: node tools/reference-processors.ts");
});

test("a page that lacks the place of a table, or has it twice, is not filled", () => {
  const begin = "<!-- table families: tools/reference-processors.ts -->\n";
  for (const wrong of [committed.replace(begin, ""), `${committed}${begin}<!-- end families -->`])
    assert.throws(() => processorReference(wrong), /not one place for the table families/);
});

test("every family has its section, with commands that are run and their output", () => {
  const run = new Set([PAGE_TITLE, ...Object.values(ASKED_ON_PAGE).flat()]);
  const blocks = shellBlocks(PROCESSOR_PAGE);
  for (const { heading } of blocks)
    assert(run.has(heading), `commands under "${heading}" are run by no test`);
  const sections = [...FAMILIES.map(({ family }) => family), "Open Inference Protocol"];
  for (const section of sections)
    assert(
      blocks.some(({ heading, shown }) => heading === section && shown !== null),
      section,
    );
});
