import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FetchError } from "../../ports/files.ts";
import { type ArchiveEntry, tarGzOf, tarOf, zipOf } from "../../testing/archive-bytes.ts";
import { unpack } from "./archive.ts";
import { CACHE_LIMITS } from "./limits.ts";

/** More by hand: SLUICE_FUZZ_ROUNDS=5000. */
const ROUNDS = Number(process.env.SLUICE_FUZZ_ROUNDS ?? 60);
const BOUND_MS = 5000;

/** xorshift32: the same damage for the same seed. */
function damaged(bytes: Buffer, seed: number): Buffer {
  let state = seed * 2654435761 + 1;
  const next = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const copy = Buffer.from(bytes);
  for (let i = next(6); i >= 0; i--) copy[next(copy.length)] = next(256);
  return next(4) === 0 ? copy.subarray(0, next(copy.length)) : copy;
}

test("an archive with any damage is unpacked or refused, in time, and nothing of it is elsewhere", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sluice-fuzz-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const entries: ArchiveEntry[] = [
    { name: "a/b", content: "x".repeat(700) },
    { name: "a/link", target: "b", type: "SymbolicLink" },
    { name: "c", content: "y" },
  ];
  const whole = [tarOf(entries), tarGzOf(entries), zipOf(entries)];
  const limits = { ...CACHE_LIMITS, unpackedBytesMax: 100_000 };
  for (let seed = 1; seed <= ROUNDS; seed++) {
    for (const [kind, bytes] of whole.entries()) {
      const what = `seed ${seed} of kind ${kind}`;
      const home = join(dir, `${seed}-${kind}`);
      mkdirSync(join(home, "in", "to"), { recursive: true });
      writeFileSync(join(home, "archive"), damaged(bytes, seed));
      try {
        await unpack(join(home, "archive"), join(home, "in", "to"), limits, AbortSignal.timeout(BOUND_MS));
      } catch (error) {
        assert.ok(
          error instanceof FetchError || (error as NodeJS.ErrnoException).code === "ENAMETOOLONG",
          `${what}: ${error}`,
        );
      }
      assert.deepEqual(readdirSync(home).toSorted(), ["archive", "in"], what);
      assert.deepEqual(readdirSync(join(home, "in")), ["to"], what);
      rmSync(home, { recursive: true });
    }
  }
});
