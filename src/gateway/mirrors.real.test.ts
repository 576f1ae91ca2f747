import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceRoute, until } from "../../test/harness/gateway-rig.ts";
import { plain, RawUpstream } from "../../test/harness/raw-upstream.ts";
import type { ServiceName } from "../core/names.ts";
import { addMirrorCounts, type MirrorRule, NO_MIRROR_COUNTS } from "../core/traffic/mirror.ts";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { SeededRandom } from "../testing/seeded-random.ts";
import type { DataPlane } from "./data-plane.ts";
import { FirstBytes } from "./first-bytes.ts";
import { forwardedLines } from "./head-rewrite.ts";
import { MIRROR_BODY_BYTES_MAX } from "./limits.ts";
import { Mirrors } from "./mirrors.ts";
import { Routing } from "./routing.ts";

const REQUESTS = 600;
const [s, t, u] = ["s", "t", "u"] as ServiceName[] as [ServiceName, ServiceName, ServiceName];

test("whatever becomes of copies and answers, every byte of room comes back and every copy is counted once", async () => {
  const random = new SeededRandom(20_261_121);
  const upTo = (count: number) => Math.floor(random.next() * count);
  const targets = [t, u].map(
    () =>
      new RawUpstream((_, socket) => {
        const act = upTo(10);
        if (act === 0) socket.resetAndDestroy();
        else if (act === 1) socket.end("nonsense\r\n\r\n");
        else if (act === 2) socket.end("HTTP/1.1 200 X\r\nContent-Length: 99\r\n\r\ncut");
        else if (act === 3) socket.write(plain(200, "x".repeat(upTo(100_000))));
        else if (act > 4) socket.write(plain(200, upTo(2) === 0 ? "same" : "other"));
      }),
  );
  const addresses = await Promise.all(targets.map((target) => target.listen()));
  const routing = new Routing(() => 0.5);
  const clock = { now: Date.now, monotonic: () => performance.now(), sleep: async () => {} };
  const times = { connectMs: 3000, timeoutMarginMs: 0, suspectMs: 1, upstreamIdleMs: 50 };
  const plane = { clock, routing, times, nowMs: 0 } as unknown as DataPlane;
  const mirrors = new Mirrors(plane);
  let sum = NO_MIRROR_COUNTS;
  const look = () => {
    plane.nowMs = performance.now();
    mirrors.sweep(plane.nowMs);
    for (const sample of mirrors.take()) sum = addMirrorCounts(sum, sample);
  };
  const put = (number: number, mirror: MirrorRule | null) => {
    const services = [
      serviceRoute("s", [], mirror === null ? {} : { mirror }),
      serviceRoute("t", [addresses[0]!], { keepaliveMs: 400 }),
      serviceRoute("u", [addresses[1]!], { keepaliveMs: 400 }),
    ];
    const table = { number, services, groups: [] };
    routing.apply(table);
    mirrors.apply(routing);
  };
  const rule = (names: ServiceName[]): MirrorRule => ({
    ratio: 100,
    targets: names,
    compare: [
      null,
      { mode: "exact", tolerance: 0, ignorePaths: [], sampleCount: 1 } as const,
      { mode: "status", tolerance: 0, ignorePaths: [], sampleCount: 0 } as const,
    ][upTo(3)]!,
  });
  let offered = 0;
  try {
    for (let i = 0; i < REQUESTS; i++) {
      if (i % 40 === 0) put(i + 1, rule([[t], [t, u], [u]][upTo(3)]!));
      const service = [...routing.services].find((x) => x.name === s)!;
      offered += service.mirror!.targets.length;
      request(service.mirror!, upTo, i);
      await new Promise((resolve) => setImmediate(resolve));
      look();
    }
    const isOver = () => {
      look();
      return mirrors.budget.bytesHeld === 0 && sum.sent === sum.answered + sum.failed;
    };
    await until(isOver, "all room to come back");
    const dropped = Object.values(sum.dropped).reduce((a, b) => a + b, 0);
    assert.equal(sum.sent + dropped, offered);
    assert.ok(
      sum.answered > 50 && sum.failed > 50 && sum.compared > 20 && sum.uncompared > 20,
      JSON.stringify(sum),
    );
    assert.ok(sum.dropped.tooLarge > 0 && sum.dropped.unfinished > 0, JSON.stringify(sum));
    put(REQUESTS + 1, null);
    assert.equal([...routing.services].find((x) => x.name === s)!.mirror, null);
  } finally {
    mirrors.close();
    await Promise.all(targets.map((target) => target.close()));
  }
});

/** One request of a user, as an exchange would pass it on, and its answer. */
function request(
  mirror: NonNullable<import("./service.ts").Service["mirror"]>,
  upTo: (count: number) => number,
  i: number,
): void {
  const isChunked = upTo(2) === 0;
  const bytes = upTo(8) === 0 ? MIRROR_BODY_BYTES_MAX + 1 : upTo(60_000);
  const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${bytes}`;
  const buf = Buffer.from(`POST /x HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`);
  const head = new MessageHead();
  const bodyFrom = parseRequestHead(head, buf, 0, buf.length);
  assert.equal(bodyFrom, buf.length);
  const first = new FirstBytes();
  const added = {
    requestId: Buffer.from(`id-${i}`),
    requestIdLength: 3,
    clientAddress: Buffer.from("c"),
    forwardedLines: forwardedLines(Buffer.from("c")),
    serviceName: "s",
    isUpgrade: false,
    isEncrypted: false,
  };
  first.write(head, buf, 0, bodyFrom, buf.length, head.pathFrom, added);
  const isDone = !isChunked && bytes === 0;
  const copy = mirror.begin(head, first, 0, isDone, added);
  if (copy === null) return;
  const body = isChunked
    ? Buffer.concat([
        Buffer.from(`${bytes.toString(16)}\r\n`),
        Buffer.alloc(bytes, 97),
        Buffer.from("\r\n0\r\n\r\n"),
      ])
    : Buffer.alloc(bytes, 97);
  const isBroken = upTo(6) === 0;
  for (let at = 0; at < body.length && !isDone; ) {
    const to = Math.min(body.length, at + 1 + upTo(40_000));
    if (isBroken && to === body.length) break;
    copy.add(body, at, to, to === body.length);
    at = to;
  }
  copy.pair?.primary.content(Buffer.from("same"), 0, 4);
  if (upTo(2) === 0) setImmediate(() => copy.over(upTo(4) === 0 ? 0 : 200));
  else copy.over(200);
}
