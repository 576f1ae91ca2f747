import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  type GatewayRig,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { dialGateway } from "../../test/harness/over-tls.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";

const MIB = 1024 * 1024;
let rig: GatewayRig;
let echo: Server;
let raw: RawUpstream;
const clients: RawClient[] = [];
/** What the raw instance does with its next request. */
let script: (request: SeenRequest, write: (text: string) => void, end: () => void) => void;
/** What the big instance counts: bytes received, and bytes it could send. */
const big = { received: 0, sent: 0, isHeld: false, release: () => {} };

before(async () => {
  rig = await startRig();
  echo = createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, (req, res) => {
    if (req.url?.startsWith("/down")) {
      const total = Number(req.url.split("=")[1]);
      const block = Buffer.alloc(MIB, "d");
      res.setHeader("Content-Length", total);
      big.sent = 0;
      const more = () => {
        while (big.sent < total && res.write(block)) big.sent += MIB;
        if (big.sent < total) {
          big.sent += MIB;
          res.once("drain", more);
        } else res.end();
      };
      more();
      return;
    }
    if (req.url?.startsWith("/up")) {
      big.received = 0;
      const hash = createHash("sha1");
      req.on("data", (chunk: Buffer) => {
        big.received += chunk.length;
        hash.update(chunk);
        if (big.isHeld) {
          req.pause();
          big.release = () => req.resume();
        }
      });
      req.on("end", () => res.end(hash.digest("hex")));
      return;
    }
    // Echo, framed as the query asks.
    const parts: Buffer[] = [];
    req.on("data", (chunk: Buffer) => parts.push(chunk));
    req.on("end", () => {
      const body = Buffer.concat(parts);
      res.setHeader("X-Path", req.url ?? "");
      if (req.url?.includes("length")) res.setHeader("Content-Length", body.length);
      const half = body.length >> 1;
      if (half > 0) res.write(body.subarray(0, half));
      res.end(body.subarray(half));
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  raw = new RawUpstream((request, socket) =>
    script(
      request,
      (text) => socket.write(Buffer.from(text, "latin1")),
      () => socket.end(),
    ),
  );
  const echoAddress = { kind: "tcp", host: "127.0.0.1", port: (echo.address() as AddressInfo).port } as const;
  const services = [
    serviceRoute("echo", [echoAddress], { keepaliveMs: 60_000 }),
    serviceRoute("raw", [await raw.listen()]),
  ];
  await rig.put({ number: 1, services, groups: [groupRoute("g", {})] });
});
after(async () => {
  for (const client of clients) client.close();
  await rig.close();
  await raw.close();
  echo.closeAllConnections();
  await new Promise((resolve) => echo.close(resolve));
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const head = (method: string, path: string, more: string) =>
  `${method} /api/predict/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n${more}\r\n`;

/** Small whole numbers, the same in each run. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function chunked(body: Buffer, roll: (below: number) => number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const size = Math.min(body.length - at, 1 + roll(roll(2) === 0 ? 30 : 70_000));
    parts.push(
      Buffer.from(`${size.toString(16)}${roll(3) === 0 ? ';n="v"' : ""}\r\n`),
      body.subarray(at, at + size),
      Buffer.from("\r\n"),
    );
    at += size;
  }
  return Buffer.concat([...parts, Buffer.from(roll(2) === 0 ? "0\r\n\r\n" : "0\r\nX-Sum: 1\r\n\r\n")]);
}

test("any body, framed either way, cut anywhere, pipelined: comes back whole and in order", async () => {
  await Promise.all(
    Array.from({ length: 20 }, async (_, seed) => {
      const roll = dice(seed + 1);
      const c = client();
      const bodies = Array.from({ length: 8 }, () => randomBytes(roll(3) === 0 ? roll(300_000) : roll(2000)));
      const wire = Buffer.concat(
        bodies.map((body, i) => {
          const path = `echo/${i}?${roll(2) === 0 ? "length" : "chunks"}`;
          if (roll(2) === 0)
            return Buffer.concat([
              Buffer.from(head("POST", path, `Content-Length: ${body.length}\r\n`)),
              body,
            ]);
          return Buffer.concat([
            Buffer.from(head("PUT", path, "Transfer-Encoding: chunked\r\n")),
            chunked(body, roll),
          ]);
        }),
      );
      for (let at = 0; at < wire.length; ) {
        const size = roll(4) === 0 ? 1 + roll(5) : 1 + roll(100_000);
        c.send(wire.subarray(at, at + size));
        at += size;
        if (roll(3) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      for (let i = 0; i < bodies.length; i++) {
        const answer = await c.answer(i);
        assert.equal(answer.status, 200);
        assert.ok(answer.fields["x-path"]!.startsWith(`/${i}?`));
        assert.ok(answer.body.equals(bodies[i]!), `body ${i} of connection ${seed}`);
      }
    }),
  );
});

test("a request that comes byte by byte is served", async () => {
  const c = client();
  for (const byte of `${head("POST", "echo/slow?length", "Content-Length: 5\r\n")}hello${head("GET", "echo/next", "")}`) {
    c.send(byte);
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal((await c.answer(0)).body.toString(), "hello");
  assert.equal((await c.answer(1)).fields["x-path"], "/next");
});

test("100 pipelined requests in one write are answered in order, refused ones too", async () => {
  const c = client();
  const texts = Array.from({ length: 100 }, (_, i) =>
    head("GET", i % 10 === 9 ? "nothing" : `echo/${i}`, ""),
  );
  c.send(texts.join(""));
  for (let i = 0; i < 100; i++) {
    const answer = await c.answer(i);
    if (i % 10 === 9) assert.equal(answer.status, 404);
    else assert.equal(answer.fields["x-path"], `/${i}`);
  }
});

test("100-continue is given once the request may come, and not to one that is refused", async () => {
  const c = client();
  c.send(head("POST", "echo/?length", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  assert.equal((await c.answer(0)).status, 100);
  c.send("hello");
  assert.equal((await c.answer(1)).body.toString(), "hello");
  const refused = client();
  const answer = await refused.ask(head("POST", "nothing", "Expect: 100-continue\r\nContent-Length: 5\r\n"));
  assert.deepEqual([answer.status, answer.fields.connection], [404, "close"]);
  await refused.closed();
});

test("the body of a refused request is skipped when short; a long or endless one ends the connection", async () => {
  const c = client();
  c.send(head("POST", "nothing", "Content-Length: 50000\r\n"));
  assert.equal((await c.answer(0)).status, 404);
  c.send(Buffer.concat([Buffer.alloc(50_000, "G"), Buffer.from(head("GET", "echo/after", ""))]));
  assert.equal((await c.answer(1)).fields["x-path"], "/after");
  for (const framing of ["Content-Length: 5000000\r\n", "Transfer-Encoding: chunked\r\n"]) {
    const other = client();
    assert.equal((await other.ask(head("POST", "nothing", framing))).fields.connection, "close");
    await other.closed();
  }
});

test("HEAD, 204 and 304 have no body, whatever their length says", async () => {
  const c = client();
  script = (request, write) => {
    if (request.head.startsWith("HEAD")) write("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n");
    else if (request.head.includes("/304")) write("HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n");
    else write("HTTP/1.1 204 No Content\r\n\r\n");
  };
  c.isHead = true;
  const answer = await c.ask(head("HEAD", "raw/x", ""));
  assert.deepEqual([answer.status, answer.fields["content-length"]], [200, "99"]);
  const missing = await c.ask(head("HEAD", "nothing", ""));
  assert.deepEqual([missing.status, missing.body.length], [404, 0]);
  c.isHead = false;
  assert.equal((await c.ask(head("GET", "raw/304", ""))).status, 304);
  assert.equal((await c.ask(head("DELETE", "raw/204", ""))).status, 204);
  assert.equal(
    new Set(raw.seen.map((r) => r.connection)).size,
    1,
    "the connection to the instance stays in use",
  );
});

test("interim answers pass, but for 100, which is ours to give", async () => {
  const c = client();
  script = (_, write) => {
    write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n");
    write(plain(200, "done"));
  };
  c.send(head("GET", "raw/", ""));
  assert.deepEqual([(await c.answer(0)).status, c.answers[0]!.fields.link], [103, "<a>"]);
  assert.equal((await c.answer(1)).body.toString(), "done");
});

test("an answer that ends with its connection ends the client's, too", async () => {
  const c = client();
  script = (_, write, end) => {
    write("HTTP/1.1 200 OK\r\n\r\nuntil ");
    setImmediate(() => {
      write("close");
      end();
    });
  };
  const answer = await c.ask(head("GET", "raw/", ""));
  assert.deepEqual([answer.body.toString(), answer.fields.connection], ["until close", "close"]);
  await c.closed();
});

test("Connection: close of either side is kept to", async () => {
  const c = client();
  script = (_, write, end) => {
    write(plain(200, "bye", "Connection: close\r\n"));
    end();
  };
  const before = raw.sockets.length;
  const first = await c.ask(head("GET", "raw/", ""));
  assert.equal(first.fields.connection, undefined, "the instance's wish is not the client's");
  script = (_, write) => write(plain(200, "ok"));
  assert.equal((await c.ask(head("GET", "raw/", ""))).body.toString(), "ok");
  assert.ok(raw.sockets.length > before, "a new connection was made");
  const last = await c.ask(head("GET", "raw/", "Connection: close\r\n"));
  assert.equal(last.fields.connection, "close");
  await c.closed();
});

test("HTTP/1.0: no chunks, no interim answers, keep-alive only when asked for", async () => {
  const ask = `/api/predict/raw/ HTTP/1.0\r\nAuthorization: ${TOKEN}\r\n`;
  script = (_, write) => write(plain(200, "length"));
  const c = client();
  const kept = await c.ask(`GET ${ask}Connection: keep-alive\r\n\r\n`);
  assert.deepEqual([kept.body.toString(), kept.fields.connection], ["length", "keep-alive"]);
  assert.match(raw.seen.at(-1)!.head, / HTTP\/1\.1\r\n.*\r\nHost: raw\r\n/s);
  script = (_, write) => {
    write("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nun");
    setImmediate(() => write("fr\r\n5;x\r\named!\r\n0\r\nT: u\r\n\r\n"));
  };
  const answer = await c.ask(`GET ${ask}Connection: keep-alive\r\n\r\n`);
  assert.deepEqual([answer.status, answer.body.toString(), answer.isChunked], [200, "unframed!", false]);
  assert.equal(answer.fields["transfer-encoding"], undefined);
  await c.closed();
  script = (_, write) => write(plain(200, "x"));
  const closing = client();
  assert.equal((await closing.ask(`GET ${ask}\r\n`)).fields.connection, "close");
  await closing.closed();
});

test("an answer before the end of its request reaches the client and ends the connection", async () => {
  const early = new RawUpstream(() => {});
  const address = await early.listen();
  await rig.put({
    number: rig.last("ack")!.tableNumber + 1,
    services: [
      serviceRoute("early", [address]),
      serviceRoute("echo", [{ kind: "tcp", host: "127.0.0.1", port: (echo.address() as AddressInfo).port }], {
        keepaliveMs: 60_000,
      }),
    ],
    groups: [],
  });
  const c = client();
  c.send(`${head("POST", "early/", "Content-Length: 1000000\r\n")}some of it`);
  await until(() => early.bytesSeen > 100, "the instance to see the request");
  early.sockets[0]!.write(plain(413, "too much"));
  const answer = await c.answer(0);
  assert.deepEqual(
    [answer.status, answer.fields.connection, answer.body.toString()],
    [413, "close", "too much"],
  );
  await c.closed();
  await early.close();
});

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

test("100 MiB up: no more is taken in than the instance takes, and nothing is lost", async () => {
  const total = 100 * MIB;
  const c = client();
  const block = randomBytes(MIB);
  const hash = createHash("sha1");
  for (let i = 0; i < 100; i++) hash.update(block);
  big.isHeld = true;
  c.send(head("PUT", "echo/up", `Content-Length: ${total}\r\n`));
  const before = process.memoryUsage().arrayBuffers;
  let sent = 0;
  let held = 0;
  // The sender's own queue grows, nobody else's: everybody is full when it stands for 50 looks in a row.
  let [last, still] = [-1, 0];
  while (sent < total) {
    if (big.isHeld && c.socket.writableLength > 2 * MIB) {
      still = c.socket.writableLength === last ? still + 1 : 0;
      last = c.socket.writableLength;
      if (still < 50) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        continue;
      }
    }
    if (!c.socket.write(block)) {
      if (still === 50) {
        held = sent + MIB - c.socket.writableLength;
        still = 0;
        big.isHeld = false;
        big.release();
      }
      if (!big.isHeld) await new Promise((resolve) => c.socket.once("drain", resolve));
      else await new Promise((resolve) => setImmediate(resolve));
    }
    sent += MIB;
  }
  const answer = await c.answer(0);
  assert.equal(answer.body.toString(), hash.digest("hex"));
  assert.equal(big.received, total);
  assert.ok(held > 0 && held < 90 * MIB, `${held} bytes were on the way while the instance took none`);
  // Buffers that are read and done with stay until the collector comes: it is called, so that only what is held counts.
  const grown = () => process.memoryUsage().arrayBuffers - before;
  await until(() => {
    collectGarbage();
    return grown() < 40 * MIB;
  }, "the buffers to be given back");
});

test("200 MiB down to a client that does not read at first: the instance waits, and nothing is lost", async () => {
  const total = 200 * MIB;
  const socket = dialGateway({ port: rig.port() });
  socket.pause();
  socket.write(head("GET", `echo/down=${total}`, "Connection: close\r\n"));
  // Full when no more went out for 50 looks in a row, about 100 ms.
  let [last, still] = [-1, 0];
  await until(() => {
    still = big.sent > 0 && big.sent === last ? still + 1 : 0;
    last = big.sent;
    return still === 50;
  }, "the instance to stop sending");
  // The kernel alone may hold 36 MiB (tcp_rmem, tcp_wmem) for each of the two connections.
  assert.ok(big.sent < 100 * MIB, `${big.sent} bytes were on the way while the client took none`);
  let received = 0;
  let headBytes = 0;
  socket.on("data", (chunk: Buffer) => {
    if (received === 0) headBytes = chunk.indexOf("\r\n\r\n") + 4;
    received += chunk.length;
  });
  socket.resume();
  await until(() => received >= total + headBytes && headBytes > 0, "all of it", 60_000);
  assert.equal(received, total + headBytes);
  socket.destroy();
});
