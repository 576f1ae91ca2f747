import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { ControlWorld } from "../src/testing/control-world.ts";
import { DiskStore } from "./disk-store.ts";
import { checkTheNight, liveTheDay } from "./scripted-day.ts";

/** In memory where there is such a place: what counts is what is in the files, not how long a disk takes to keep it. */
const PLACE = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const dir = mkdtempSync(join(PLACE, "sluice-day-"));
after(() => rmSync(dir, { recursive: true, force: true }));

async function writesOfOneDay(): Promise<number> {
  const world = new ControlWorld();
  await liveTheDay(world);
  await checkTheNight(world);
  return world.store.writeCount;
}

const writes = await writesOfOneDay();

test("whichever write of the day fails, everything comes right", async (t) => {
  assert.ok(writes > 150, `${writes} writes`);
  for (let n = 1; n <= writes; n++) {
    const world = new ControlWorld();
    world.store.onWrite = (i) => {
      if (i === n) throw new Error(`write ${n} failed`);
    };
    await inTheDay(world, `write ${n} fails`);
  }
  t.diagnostic(`${writes} days`);
});

for (const when of ["before", "after"] as const) {
  test(`killed ${when} whichever write of the day, the next control process goes on from the file that was left`, async (t) => {
    for (let n = 1; n <= writes; n++) {
      const store = new DiskStore(mkdtempSync(join(dir, "store-")));
      const world = new ControlWorld({ store });
      let isDead = false;
      const die = () => {
        isDead = true;
        world.kill();
        void store.reopen().then(() => world.begin());
      };
      store.onBefore = (i) => {
        if (isDead || when !== "before" || i !== n) return;
        die();
        throw new Error("killed");
      };
      store.onAfter = (i) => {
        if (!isDead && when === "after" && i === n) die();
      };
      await inTheDay(world, `killed ${when} write ${n}`);
      assert.ok(isDead);
      await store.close();
    }
    t.diagnostic(`${writes} days`);
  });
}

async function inTheDay(world: ControlWorld, what: string): Promise<void> {
  try {
    await liveTheDay(world);
    await checkTheNight(world);
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
