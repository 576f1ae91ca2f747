import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { claimPort } from "./port-claim.ts";

test("claimed ports are all different, free, and outside of those for outgoing connections", async () => {
  const claims = await Promise.all(Array.from({ length: 50 }, () => claimPort()));
  try {
    const ports = claims.map((c) => c.port);
    assert.equal(new Set(ports).size, 50);
    const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1")
      .trim()
      .split(/\s+/)
      .map(Number);
    if (range[0]! > 20_100) assert.ok(ports.every((port) => port >= 20_000 && port < range[0]!));
    const server = createServer().listen(ports[0], "127.0.0.1");
    await new Promise((done, fail) => server.once("listening", done).once("error", fail));
    await new Promise((done) => server.close(done));
  } finally {
    for (const claim of claims) claim.release();
  }
});

test("a claim is kept from others until it is released", async () => {
  const claim = await claimPort();
  const isNameFree = () =>
    new Promise<boolean>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(false));
      server.listen(`\0sluice-port-${claim.port}`, () => server.close(() => resolve(true)));
    });
  assert.equal(await isNameFree(), false);
  claim.release();
  const end = performance.now() + 10_000;
  while (!(await isNameFree())) assert.ok(performance.now() < end, "the name is free again");
});
