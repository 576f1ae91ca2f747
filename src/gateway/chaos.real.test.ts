import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import {
  type GatewayRig,
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import type { Address } from "../core/traffic/route-table.ts";

// Everybody misbehaves at random, with a seed: clients leave, stall and pipeline; instances die, talk nonsense, answer early;
// tables come and go. The law: whoever gets a whole 200 gets the answer to its own request, and in the end nothing is left over.

function dice(seed: number): (below: number) => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Answers with the request's id and body, as framed and cut by chance; or does something else. */
function instance(roll: (below: number) => number) {
  return async (request: SeenRequest, socket: Socket) => {
    const id = /\r\nX-Id: (\S+)/.exec(request.head)?.[1] ?? "none";
    const content = Buffer.concat([Buffer.from(`${id}:`), request.body]);
    const fate = roll(30);
    if (fate === 0) return socket.destroy();
    if (fate === 1) return socket.remoteAddress === undefined ? socket.destroy() : socket.resetAndDestroy();
    if (fate === 2) return void socket.write("nonsense\r\n\r\n");
    if (fate === 3) return void socket.end("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    if (fate === 4) return; // never answers
    const isChunked = roll(2) === 0;
    const extra = roll(20) === 0 ? "HTTP/1.1 200 OK\r\n" : "";
    const framed = isChunked
      ? Buffer.concat([
          Buffer.from(`${content.length.toString(16)}\r\n`),
          content,
          Buffer.from("\r\n0\r\n\r\n"),
        ])
      : content;
    const framing = isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${content.length}`;
    const close = roll(10) === 0;
    const text = `${roll(5) === 0 ? "HTTP/1.1 103 Hints\r\n\r\n" : ""}HTTP/1.1 200 OK\r\n${framing}\r\n${close ? "Connection: close\r\n" : ""}\r\n`;
    const wire = Buffer.concat([Buffer.from(text), framed, Buffer.from(extra)]);
    for (let at = 0; at < wire.length && !socket.destroyed; ) {
      const size = roll(2) === 0 ? 1 + roll(20) : 1 + roll(200_000);
      socket.write(wire.subarray(at, at + size));
      at += size;
      if (roll(2) === 0) await turn();
    }
    if (close) socket.end();
  };
}

async function client(
  rig: GatewayRig,
  roll: (below: number) => number,
  name: string,
  tally: Record<string, number>,
) {
  const c = new RawClient(rig.port());
  const expected: { id: string; body: Buffer }[] = [];
  const isLeaving = roll(4) === 0;
  const parts: Buffer[] = [];
  const count = 1 + roll(4);
  for (let i = 0; i < count; i++) {
    const id = `${name}-${i}`;
    const body = Buffer.alloc(roll(4) === 0 ? roll(200_000) : roll(500), id);
    const method = ["GET", "PUT", "POST"][roll(3)]!;
    const start = `${method} /api/predict/g/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${GROUP_TOKEN}\r\nX-Id: ${id}\r\n`;
    if (roll(2) === 0) parts.push(Buffer.from(`${start}Content-Length: ${body.length}\r\n\r\n`), body);
    else if (body.length === 0) parts.push(Buffer.from(`${start}\r\n`));
    else
      parts.push(
        Buffer.from(`${start}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`),
        body,
        Buffer.from("\r\n0\r\n\r\n"),
      );
    expected.push({ id, body });
  }
  const wire = Buffer.concat(parts);
  const stopAt = isLeaving ? roll(wire.length) : wire.length;
  for (let at = 0; at < stopAt && !c.isClosed; ) {
    const size = Math.min(stopAt - at, roll(2) === 0 ? 1 + roll(50) : 1 + roll(150_000));
    c.send(wire.subarray(at, at + size));
    at += size;
    if (roll(2) === 0) await turn();
  }
  if (isLeaving) {
    if (roll(2) === 0) await turn();
    c.close();
  }
  const finals = () => c.answers.filter((a) => a.status >= 200);
  await until(() => finals().length >= count || c.isClosed, `${name} to be over`, 20_000);
  finals().forEach((answer, i) => {
    tally[answer.status] = (tally[answer.status] ?? 0) + 1;
    if (answer.status !== 200) {
      assert.ok([502, 503, 504].includes(answer.status), `${name} got ${answer.status}`);
      assert.ok(answer.fields["x-sluice-reason"], "an answer of our own says why");
      return;
    }
    const { id, body } = expected[i]!;
    assert.ok(
      answer.body.equals(Buffer.concat([Buffer.from(`${id}:`), body])),
      `${name} got another's answer`,
    );
  });
  c.close();
}

for (const seed of [1, 2, 3]) {
  test(`chaos with seed ${seed}: nobody gets another's answer, and nothing is left over`, async (t) => {
    const roll = dice(seed * 7919);
    const rig = await startRig({ timeoutMarginMs: 100, connectMs: 100, lingerMs: 50, suspectMs: 30 });
    const upstreams = ["a", "b", "c"].map(
      (name, i) => new RawUpstream(instance(dice(seed + i)), i < 2 ? join(rig.dir, name) : undefined),
    );
    t.after(async () => {
      await rig.close();
      for (const upstream of upstreams) await upstream.close();
    });
    const addresses = await Promise.all(upstreams.map((u) => u.listen()));
    let number = 0;
    const dead: Address = { kind: "unix", path: join(rig.dir, "dead") };
    const put = async () => {
      const pool = [...addresses, dead].filter(() => roll(4) > 0);
      const half = pool.length >> 1;
      const options = { group: "g" as never, keepaliveMs: 200 };
      const services = [
        serviceRoute("s", pool.slice(0, half), options),
        serviceRoute("t", pool.slice(half), options),
      ];
      const weights = Object.fromEntries(
        services.filter((s) => s.instances.length > 0).map((s) => [s.name, 1 + roll(4)]),
      );
      await rig.put({ number: ++number, services, groups: [groupRoute("g", weights)] });
    };
    await put();
    const tally: Record<string, number> = {};
    for (let wave = 0; wave < 6; wave++) {
      const running = Array.from({ length: 15 }, (_, i) =>
        client(rig, dice(seed * 1000 + wave * 50 + i), `w${wave}c${i}`, tally),
      );
      await put();
      await Promise.all(running);
    }
    assert.ok((tally["200"] ?? 0) > 30, JSON.stringify(tally));
    await until(() => rig.last("report")!.connections === 0, "all connections to end");
    await until(() => Object.keys(rig.last("report")!.inFlight).length === 0, "nothing in flight");
    await rig.put({ number: ++number, services: [], groups: [] });
    await until(() => Object.keys(rig.last("lingering")!.inFlight).length === 0, "nothing lingering");
    await until(
      () => upstreams.every((u) => u.sockets.every((s) => s.destroyed)),
      "all connections to instances to end",
    );
  });
}
