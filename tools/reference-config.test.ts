import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { SETTINGS_PAGE, settingsPage } from "./reference-settings.ts";

test("the page of settings is what the table says", () => {
  assert.equal(readFileSync(SETTINGS_PAGE, "utf8"), settingsPage(), "run: node tools/reference-settings.ts");
});
