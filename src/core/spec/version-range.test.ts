import assert from "node:assert/strict";
import test from "node:test";
import { FAMILIES } from "./processors.ts";
import { acceptedPackage, isAccepted } from "./version-range.ts";

test("a version is compared by the numbers of its release", () => {
  const torch = acceptedPackage("torch>=1.13,<3");
  const inside = ["1.13", "1.13.0a0+gitunknown", "1.13.1", "2", "2.10.0+cpu", "v2.0", "1.130"];
  const outside = ["1.12.9", "1.2", "3.0", "3.0.0rc1", "10", "", "unknown", "1,13"];
  for (const version of inside) assert(isAccepted(version, torch), version);
  for (const version of outside) assert(!isAccepted(version, torch), version);
});

test("what is no range of the one form is a mistake in the table, which has none", () => {
  for (const text of ["torch", "torch==1", "torch>=1", "torch>=1,<2,!=1.5", "Torch>=1,<2"])
    assert.throws(() => acceptedPackage(text));
  for (const family of FAMILIES) {
    const accepts = "accepts" in family ? family.accepts : undefined;
    for (const text of accepts?.has ?? []) acceptedPackage(text);
  }
});
