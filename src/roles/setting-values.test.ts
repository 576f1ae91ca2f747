import assert from "node:assert/strict";
import { test } from "node:test";
import { SettingProblem } from "../base/settings.ts";
import { ownAddress } from "./setting-values.ts";

test("the address that clients are told is one of IPv4 that they can call", () => {
  for (const good of ["127.0.0.1", "127.0.0.2", "10.0.0.7"]) assert.equal(ownAddress(good), good);
  for (const bad of ["0.0.0.0", "::1", "::", "localhost", "10.0.0", ""])
    assert.ok(ownAddress(bad) instanceof SettingProblem, bad);
});
