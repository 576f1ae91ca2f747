import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { limits } from "./limits.ts";
import { allLimits, CONFIG_PAGE, configPage, VARIABLES } from "./reference-config.ts";

const ROOT = join(import.meta.dirname, "..");

test("the page of settings is what the code says", () => {
  assert.equal(readFileSync(CONFIG_PAGE, "utf8"), configPage(), "run: node tools/reference-config.ts");
});

test("every limit has its reason beside it", () => {
  const bare = allLimits().filter(({ reason }) => reason === "");
  assert.deepEqual(
    bare.map(({ file, name }) => `${file}: ${name} says not why it is so`),
    [],
  );
  assert.ok(limits().length > 150, "the limits are no longer found");
});

test("every variable that the sources read is on the page, and none besides", () => {
  const read = new Set<string>();
  for (const file of globSync("src/**/*.ts", { cwd: ROOT })) {
    if (/\.test\.ts$|^src\/testing\//.test(file)) continue;
    const text = readFileSync(join(ROOT, file), "utf8");
    for (const [, name] of text.matchAll(/\benv(?:\.|\[")([A-Z][A-Z0-9_]+)/g)) read.add(name!);
  }
  for (const name of Object.keys(VARIABLES)) if (name.startsWith("SLUICE_")) read.delete(name);
  const told = new Set(Object.keys(VARIABLES));
  assert.deepEqual(
    [...read].filter((name) => !told.has(name)),
    [],
  );
});
