import assert from "node:assert/strict";
import { test } from "node:test";
import { hierarchiesOf } from "./hierarchies.ts";

test("a tree of version 2", () => {
  const mountinfo = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw",
    "30 22 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
  ].join("\n");
  assert.deepEqual(hierarchiesOf(mountinfo, "0::/user.slice/a.scope\n"), [
    { version: 2, controllers: [], mount: "/sys/fs/cgroup", own: "/user.slice/a.scope" },
  ]);
});

test("trees of version 1, one with two controllers, beside one of version 2 without any", () => {
  const mountinfo = [
    "31 22 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct",
    "32 22 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
    "33 22 0:29 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd",
    "34 22 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
  ].join("\n");
  const own = "5:memory:/a\n3:cpu,cpuacct:/\n2:name=systemd:/b\n0::/\n";
  assert.deepEqual(hierarchiesOf(mountinfo, own), [
    { version: 1, controllers: ["cpu", "cpuacct"], mount: "/sys/fs/cgroup/cpu,cpuacct", own: "/" },
    { version: 1, controllers: ["memory"], mount: "/sys/fs/cgroup/memory", own: "/a" },
    { version: 1, controllers: ["name=systemd"], mount: "/sys/fs/cgroup/systemd", own: "/b" },
    { version: 2, controllers: [], mount: "/sys/fs/cgroup/unified", own: "/" },
  ]);
});

test("a container sees its own part of a tree", () => {
  const mountinfo = "32 22 0:28 /docker/c1 /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory";
  const at = (own: string) => hierarchiesOf(mountinfo, `5:memory:${own}\n`).map((h) => h.own);
  assert.deepEqual(at("/docker/c1"), ["/"]);
  assert.deepEqual(at("/docker/c1/inner"), ["/inner"]);
  assert.deepEqual(at("/docker/c10"), [], "not in what is mounted");
});

test("a mount point with a blank, and lines that are none", () => {
  const mountinfo = "\nrubbish\n1 2 0:1 / /tmp/a\\040b rw - cgroup2 none rw";
  assert.equal(hierarchiesOf(mountinfo, "0::/\nx")[0]?.mount, "/tmp/a b");
  assert.deepEqual(hierarchiesOf("", ""), []);
});
