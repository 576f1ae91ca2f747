import assert from "node:assert/strict";
import test from "node:test";
import { NO_MIRROR_COUNTS } from "../../core/traffic/mirror.ts";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench } from "../../testing/cli-run.ts";
import { serviceName } from "../../testing/records.ts";
import { duration } from "./top.ts";

test("durations are told in the unit that fits", () => {
  assert.deepEqual([null, 7, 870, 1234, 12_345, 123_456, 2_500_000].map(duration), [
    "-",
    "7 µs",
    "870 µs",
    "1.23 ms",
    "12.3 ms",
    "123.5 ms",
    "2.50 s",
  ]);
});

test("one table a second, as many as asked for; redrawn only at a terminal", async (t) => {
  const { control, run } = await cliBench(t);
  await control.createService(pmmlDocument("a", 1));
  const plain = await run(["top", "--seconds", "2"]);
  assert.deepEqual([plain.code, plain.err], [0, ""]);
  assert.equal(plain.out.match(/\bSERVICE\b/g)!.length, 2);
  assert.match(plain.out, /\| a +\| +3 \| +15 µs \| +15 µs \| +15 µs \| 200:3 +\| +1 \| +0 \| +0 \|/);
  assert.ok(!plain.out.includes("\u001b["));
  const terminal = await run(["top", "a", "--seconds", "1"], { answers: [] });
  assert.ok(terminal.out.startsWith("\u001b[H"));
});

test("limits that were met and copies that were made have columns, in seconds with any", async (t) => {
  const { control, run } = await cliBench(t);
  for (const name of ["a", "b"]) await control.createService(pmmlDocument(name, 1));
  const columns = async () => /^\| .*\bSERVICE\b.*$/m.exec((await run(["top", "--seconds", "1"])).out)![0];
  assert.doesNotMatch(await columns(), /LIMITS|MIRROR/);
  control.copies.push({
    ...NO_MIRROR_COUNTS,
    service: serviceName("a"),
    target: serviceName("b"),
    sent: 70,
    dropped: { ...NO_MIRROR_COUNTS.dropped, busy: 2, memory: 1 },
    differing: 2,
  });
  assert.match(await columns(), /RETRIES +\| +MIRROR/);
  const [a, b] = (await run(["top", "--seconds", "1"])).out.split("\n").filter((l) => /^\| [ab] /.test(l));
  assert.match(a!, /\| b:70, 3 dropped, 2 differ \|$/);
  assert.match(b!, /\| - +\|$/);
  control.limits = { rate_limit: 5, "concurrency_limit.evaluated": 1 };
  assert.match(await columns(), /RETRIES +\| +LIMITS +\| +MIRROR/);
  const limited = await run(["top", "b", "--seconds", "1"]);
  assert.match(limited.out, /\| rate_limit:5 concurrency_limit.evaluated:1 \|$/m);
});

test("with --output json one document a second; Ctrl-C is how it is left", async (t) => {
  const { control, run } = await cliBench(t);
  await control.createService(pmmlDocument("a", 1));
  await control.createService(pmmlDocument("b", 1));
  let pauses = 0;
  const ran = await run(["top", "b", "--output", "json"], {
    onSleep: (interrupt) => {
      pauses += 1;
      if (pauses === 3) interrupt();
    },
  });
  const lines = ran.out.trimEnd().split("\n");
  assert.deepEqual([ran.code, lines.length], [0, 3]);
  const seconds = lines.map(
    (line) => JSON.parse(line) as { Samples: { ServiceName: string; P99Us: number }[] },
  );
  assert.deepEqual(
    seconds.map((s) => s.Samples.map((sample) => [sample.ServiceName, sample.P99Us])),
    [[["b", 15]], [["b", 15]], [["b", 15]]],
  );
});

test("seconds that are none are refused", async (t) => {
  const { run } = await cliBench(t);
  for (const text of ["0", "x", "-1", "86401"])
    assert.equal((await run(["top", `--seconds=${text}`])).code, 2, text);
});
