import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OomKills } from "./oom-kills.ts";

for (const [version, line, file] of [
  ["2", "0::/sluice/a-v1-0\n", "sluice/a-v1-0/memory.events"],
  ["1", "4:cpu,cpuacct:/x\n9:memory:/sluice/a-v1-0\n", "memory/sluice/a-v1-0/memory.oom_control"],
] as const) {
  test(`control groups of version ${version}: what was killed since, and nothing without them`, (t) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-oom-"));
    t.after(() => rmSync(folder, { recursive: true }));
    const roots = { proc: join(folder, "proc"), cgroup: join(folder, "cgroup") };
    assert.equal(new OomKills(7, roots).since(), 0);
    mkdirSync(join(roots.proc, "7"), { recursive: true });
    writeFileSync(join(roots.proc, "7", "cgroup"), line);
    const path = join(roots.cgroup, file);
    mkdirSync(join(path, ".."), { recursive: true });
    const say = (count: number) => writeFileSync(path, `low 0\noom 9\noom_kill ${count}\noom_group_kill 0\n`);
    say(3);
    const kills = new OomKills(7, roots);
    assert.equal(kills.since(), 0);
    say(5);
    assert.equal(kills.since(), 2);
    rmSync(path);
    assert.equal(kills.since(), 0, "the group is gone");
  });
}
