import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import {
  type GatewayRig,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import type { Address, ServiceRoute } from "../core/traffic/route-table.ts";

let rig: GatewayRig;
let clients: RawClient[];
let upstreams: RawUpstream[];
let number: number;

beforeEach(async () => {
  rig = await startRig();
  [clients, upstreams, number] = [[], [], 0];
});
afterEach(async () => {
  for (const client of clients) client.close();
  await rig.close();
  for (const upstream of upstreams) await upstream.close();
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const upstream = (answer: (request: SeenRequest, socket: Socket) => void, unixName?: string) => {
  const made = new RawUpstream(answer, unixName === undefined ? undefined : join(rig.dir, unixName));
  upstreams.push(made);
  return made;
};
const serve = (addresses: readonly Address[], more: Partial<ServiceRoute> = {}) =>
  rig.put({
    number: ++number,
    services: [serviceRoute("s", addresses, more)],
    groups: [groupRoute("g", {})],
  });
const ask = (method: string, more = "", body = "") =>
  `${method} /api/predict/s/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n${more}\r\n${body}`;
const POST = ask("POST", "Content-Length: 5\r\n", "hello");
const counted = (name: "retries" | "ejections") =>
  rig.messages.flatMap((m) => (m.type === "report" ? m.samples : [])).reduce((sum, s) => sum + s[name], 0);
const retries = () => counted("retries");
const good = (name: string) => (_: SeenRequest, socket: Socket) => socket.write(plain(200, name));
const nowhere = (name: string): Address => ({ kind: "unix", path: join(rig.dir, name) });

test("an instance that cannot be reached: any request goes to another, and further ones go there first", async () => {
  const two = upstream(good("two"));
  await serve([nowhere("gone.sock"), await two.listen(), nowhere("gone2.sock")]);
  const c = client();
  for (let i = 0; i < 10; i++) {
    const answer = await c.ask(POST);
    // Two dead ones in a row are one more than the one second try allows.
    assert.ok(answer.status === 200 || (i < 2 && answer.status === 502), `${i}: ${answer.status}`);
  }
  await until(() => (rig.statuses("s")["200"] ?? 0) >= 8, "a report");
  assert.ok(retries() <= 2, `${retries()} second tries`);
});

test("a unix socket whose queue of new connections is full: requests wait for room, and none fails", async () => {
  // One process that hardly ever gets to accept, with room for one in its queue (the kernel adds one).
  const path = join(rig.dir, "crowded.sock");
  const script = `
    const server = require("node:http").createServer((req, res) => res.end("in"));
    server.listen({ path: ${JSON.stringify(path)}, backlog: 1 }, () => console.log("ready"));
    server.keepAliveTimeout = 0;
    server.on("connection", () => { const end = performance.now() + 5; while (performance.now() < end); });
  `;
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    await new Promise((resolve) => child.stdout.once("data", resolve));
    await serve([nowhere("crowded.sock")]);
    const inTwoParts = async () => {
      const c = client();
      c.send(ask("POST", "Content-Length: 200000\r\n", "first part"));
      await new Promise((resolve) => setImmediate(resolve));
      return c.ask("x".repeat(200_000 - "first part".length));
    };
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? client().ask(POST) : inTwoParts())),
    );
    assert.deepEqual(new Set(answers.map((a) => a.status)), new Set([200]));
  } finally {
    child.kill("SIGKILL");
  }
});

test("nobody can be reached: 502 with a reason", async () => {
  await serve([nowhere("gone.sock")]);
  const answer = await client().ask(POST);
  assert.deepEqual([answer.status, answer.fields["x-sluice-reason"]], [502, "BAD_UPSTREAM"]);
});

test("an instance that dies with a request: a GET is tried once elsewhere, a POST is not", async () => {
  const dies = upstream((_, socket) => socket.destroy(), "dies.sock");
  const lives = upstream(good("lives"));
  const first = await dies.listen();
  await serve([first]);
  const alone = client();
  assert.equal((await alone.ask(ask("GET"))).status, 502);
  assert.equal(dies.seen.length, 1, "a fresh connection to the only instance is not tried again");
  await serve([first, await lives.listen()]);
  const c = client();
  for (const method of ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]) {
    c.isHead = method === "HEAD";
    for (let i = 0; i < 2; i++) assert.equal((await c.ask(ask(method))).status, 200, method);
  }
  c.isHead = false;
  const posts = [(await c.ask(POST)).status, (await c.ask(POST)).status].toSorted();
  assert.deepEqual(posts, [200, 502]);
  assert.equal(lives.seen.filter((r) => r.head.startsWith("POST")).length, 1);
});

test("no second try once a byte of an answer came: the client sees the cut, and 502 is counted", async () => {
  const cuts = upstream((_, socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", () =>
      setImmediate(() => socket.destroy()),
    );
  });
  await serve([await cuts.listen()]);
  const c = client();
  c.send(ask("GET"));
  await c.closed();
  assert.equal(c.answers.length, 0);
  assert.match(c.rest.toString(), /half$/);
  assert.equal(cuts.seen.length, 1);
  await until(() => rig.statuses("s")["502"] === 1, "the report");
});

test("an answer that is not HTTP, or breaks off in its head, is 502", async () => {
  const texts = [
    "SSH-2.0-x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "HTTP/1.1 101 Up\r\n\r\n",
    "HTTP/1.1 20",
  ];
  let text = "";
  const odd = upstream((_, socket) => {
    socket.write(text);
    if (!text.endsWith("\n")) socket.end();
  });
  await serve([await odd.listen()]);
  const c = client();
  for (text of texts) {
    const answer = await c.ask(POST);
    assert.deepEqual([answer.status, answer.fields["x-sluice-reason"]], [502, "BAD_UPSTREAM"], text);
  }
});

test("bytes behind an answer make the connection useless, not the next answer wrong", async () => {
  const chatty = upstream((_, socket) =>
    socket.write(`${plain(200, "true")}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse`),
  );
  await serve([await chatty.listen()]);
  const c = client();
  for (let i = 0; i < 3; i++) assert.equal((await c.ask(POST)).body.toString(), "true");
  assert.equal(chatty.sockets.length, 3);
  assert.equal(chatty.seen.length, 3);
});

for (const kind of ["unix", "tcp"] as const) {
  test(`kept connections to an instance that was restarted do not fail requests (${kind})`, async () => {
    const name = kind === "unix" ? "re.sock" : undefined;
    // The first eight are answered together, so that eight connections are made and kept.
    const waiting: Socket[] = [];
    const before = upstream((_, socket) => {
      if (waiting.push(socket) === 8) for (const each of waiting) each.write(plain(200, "before"));
    }, name);
    const address = await before.listen();
    await serve([address]);
    const warm = Array.from({ length: 8 }, client);
    await Promise.all(warm.map((c) => c.ask(POST)));
    assert.equal(before.sockets.length, 8);
    await before.close();
    const after = upstream(good("after"), name);
    await after.listen(address.kind === "tcp" ? address.port : 0);
    for (const c of warm) assert.equal((await c.ask(POST)).body.toString(), "after");
  });
}

test("a kept connection that dies just when it is used: a GET is tried again on a new one", async () => {
  // The end of the connection is on its way while the next request is.
  const restless = upstream((request, socket) => {
    if (request.index === 0) socket.write(plain(200, "first"));
    else socket.resetAndDestroy();
  });
  await serve([await restless.listen()]);
  const c = client();
  for (let i = 0; i < 4; i++) assert.equal((await c.ask(ask("GET"))).body.toString(), "first");
  assert.deepEqual(
    (await Promise.all([c.ask(POST)])).map((a) => a.status),
    [502],
  );
});

test("an instance that never answers: 504 after keepalive and the margin, and its connection is dropped", async () => {
  await rig.close();
  rig = await startRig({ timeoutMarginMs: 30 });
  const silent = upstream(() => {});
  await serve([await silent.listen()], { keepaliveMs: 50 });
  const begun = performance.now();
  const c = client();
  const answer = await c.ask(POST);
  assert.deepEqual([answer.status, answer.fields["x-sluice-reason"]], [504, "UPSTREAM_TIMEOUT"]);
  assert.ok(performance.now() - begun >= 80);
  await until(() => silent.sockets.every((s) => s.destroyed), "the instance's connection to be dropped");
  assert.equal((await c.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n")).status, 404, "the client's goes on");
});

test("an answer that stops half way is cut off after the same time", async () => {
  await rig.close();
  rig = await startRig({ timeoutMarginMs: 30 });
  const stuck = upstream((_, socket) =>
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
  );
  await serve([await stuck.listen()], { keepaliveMs: 50 });
  const c = client();
  c.send(POST);
  await c.closed();
  await until(() => rig.statuses("s")["504"] === 1, "the report");
});

test("an instance behind an address that swallows connections is given up after the connect limit", async () => {
  await rig.close();
  rig = await startRig({ connectMs: 50 });
  const two = upstream(good("two"));
  // 192.0.2.0/24 is kept for documentation (RFC 5737): nobody answers there, or the network says so at once.
  await serve([{ kind: "tcp", host: "192.0.2.1", port: 9 }, await two.listen()]);
  const c = client();
  for (let i = 0; i < 3; i++) assert.equal((await c.ask(POST)).body.toString(), "two");
});

test("a client that leaves half way: the instance's request is ended, and 499 is counted", async () => {
  const slow = upstream(() => {});
  await serve([await slow.listen()]);
  const leaving = client();
  leaving.send(POST);
  await until(() => slow.seen.length === 1, "the instance to have the request");
  leaving.close();
  await until(() => slow.sockets[0]!.destroyed, "the instance's connection to end");
  const half = client();
  half.send(ask("POST", "Content-Length: 500\r\n", "some"));
  await until(() => slow.sockets.length === 2, "the second request to arrive");
  half.close();
  await until(() => slow.sockets[1]!.destroyed, "the second connection to end");
  await until(() => rig.statuses("s")["499"] === 2, "the report");
  await until(() => Object.keys(rig.last("report")!.inFlight).length === 0, "nothing in flight");
});

test("slow clients: an unfinished head, a body that stops, an idle connection", async () => {
  await rig.close();
  rig = await startRig({ headMs: 60, bodyStallMs: 60, clientIdleMs: 120, lingerMs: 30 });
  const never = upstream(() => {});
  await serve([await never.listen()]);
  const idle = client();
  const inHead = client();
  const answer = await inHead.ask("GET / HTTP/1.1\r\nHos");
  assert.deepEqual([answer.status, answer.fields["x-sluice-reason"]], [408, "REQUEST_TOO_SLOW"]);
  await inHead.closed();
  const inBody = client();
  const slow = await inBody.ask(ask("POST", "Content-Length: 500\r\n", "some"));
  assert.deepEqual([slow.status, slow.fields.connection], [408, "close"]);
  await inBody.closed();
  await idle.closed();
  assert.deepEqual(idle.answers, []);
});

test("a closed connection is cut when the client goes on sending", async () => {
  await rig.close();
  rig = await startRig({ lingerMs: 50 });
  await serve([]);
  const c = client();
  c.send("BAD\r\n\r\n");
  assert.equal((await c.answer(0)).status, 400);
  const timer = setInterval(() => c.send("x".repeat(1000)), 5);
  await c.closed();
  clearInterval(timer);
});

const smuggled = `GET /api/predict/s/smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;
const line = (more: string) =>
  `POST /api/predict/s/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n${more}`;
const SMUGGLING: readonly [string, string, number][] = [
  ["CL and TE", line(`Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["TE and CL", line(`Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  [
    "TE with a space before the colon",
    line(`Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`),
    400,
  ],
  ["TE folded", line(`Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["TE xchunked", line(`Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["TE chunked, identity", line(`Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["TE twice", line(`Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["TE behind a vertical tab", line(`Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`), 400],
  ["two CL", line(`Content-Length: 0\r\nContent-Length: 5\r\n\r\n${smuggled}`), 400],
  ["CL list", line(`Content-Length: 0, 5\r\n\r\n${smuggled}`), 400],
  ["CL +5", line(`Content-Length: +5\r\n\r\n${smuggled}`), 400],
  ["bare LF line ends", line(`X: y\nContent-Length: 0\r\n\r\n${smuggled}`), 400],
  ["bare CR in a value", line(`X: y\rZ: a\r\n\r\n${smuggled}`), 400],
  ["NUL in a value", line(`X: y\0\r\n\r\n${smuggled}`), 400],
  ["two Hosts", line(`Host: other\r\n\r\n${smuggled}`), 400],
  ["no Host", "GET /api/predict/s HTTP/1.1\r\n\r\n", 400],
  ["chunk size with 0x", line(`Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n${smuggled}`), 400],
  ["chunk ends with LF", line(`Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n${smuggled}`), 400],
  [
    "chunk size overflows",
    line(`Transfer-Encoding: chunked\r\n\r\n1000000000000000000005\r\nhello\r\n0\r\n\r\n${smuggled}`),
    400,
  ],
  [
    "LF in a chunk extension",
    line(`Transfer-Encoding: chunked\r\n\r\n5;\n\r\nhello\r\n0\r\n\r\n${smuggled}`),
    400,
  ],
  ["HTTP/2 preface that is not the first", "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["no HTTP/2 preface", "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n", 400],
  ["HTTP/3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505],
  ["head too large", line(`X: ${"a".repeat(40_000)}\r\n\r\n`), 431],
  ["too many fields", line(`${"X: a\r\n".repeat(400)}\r\n`), 431],
];

test("smuggling forms are refused, the connection ends, and no instance sees a byte", async () => {
  const clean = upstream(good("clean"));
  await serve([await clean.listen()]);
  for (const [name, text, status] of SMUGGLING) {
    const c = client();
    c.send(text);
    const answer = await c.answer(0);
    const reason = status === 431 ? "HEAD_TOO_LARGE" : status === 505 ? "VERSION_UNKNOWN" : "BAD_REQUEST";
    assert.deepEqual([answer.status, answer.fields["x-sluice-reason"]], [status, reason], name);
    await c.closed();
    assert.equal(c.answers.length, 1, name);
  }
  assert.equal(clean.bytesSeen, 0);
});

test("chunks that break while they are passed on end both sides", async () => {
  const waits = upstream(() => {});
  await serve([await waits.listen()]);
  const c = client();
  c.send(line("Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
  await until(() => waits.bytesSeen > 0, "the instance to see the request");
  c.send(`zz\r\n${smuggled}`);
  assert.equal((await c.answer(0)).status, 400);
  await c.closed();
  await until(() => waits.sockets[0]!.destroyed, "the instance's connection to end");
  assert.equal(waits.seen.length, 0);
});

test("an instance that was out of reach is probed by connections, less and less often, and is in use again when it is back, without a failed request", async () => {
  await rig.close();
  rig = await startRig({ suspectMs: 20 });
  number = 0;
  const steady = upstream(good("steady"));
  const address = nowhere("late.sock");
  await serve([await steady.listen(), address]);
  const c = client();
  for (let i = 0; i < 6; i++) assert.equal((await c.ask(POST)).body.toString(), "steady");
  const late = upstream(good("late"), "late.sock");
  await late.listen();
  await until(() => late.sockets.length === 1, "a probe");
  assert.equal(late.seen.length, 0, "a probe carries no request");
  const names = new Set<string>();
  const giveUpAt = performance.now() + 30_000;
  while (names.size < 2 && performance.now() < giveUpAt) {
    const answer = await c.ask(POST);
    assert.equal(answer.status, 200);
    names.add(answer.body.toString());
  }
  assert.deepEqual([...names].sort(), ["late", "steady"]);
  assert.equal(late.sockets.length, 1, "the probe's connection is used");
  await until(() => (rig.statuses("s")["200"] ?? 0) >= 8, "a report");
  assert.deepEqual([retries(), counted("ejections")], [1, 1]);
});
