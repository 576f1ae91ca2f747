import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type GatewayRig, serviceRoute, startRig, TOKEN } from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import { HEAD_BYTES_MAX } from "../http1/limits.ts";

/** An unfinished head is answered 408 after this. */
const HEAD_MS = 100;

let rig: GatewayRig;
let upstream: RawUpstream;
let answerWith: string;
const clients: RawClient[] = [];

before(async () => {
  rig = await startRig({ headMs: HEAD_MS });
  upstream = new RawUpstream((_: SeenRequest, socket) => socket.write(Buffer.from(answerWith, "latin1")));
  const services = [serviceRoute("s", [await upstream.listen()]), serviceRoute("none", [])];
  await rig.put({ number: 1, services, groups: [] });
});
after(async () => {
  for (const client of clients) client.close();
  await rig.close();
  await upstream.close();
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const head = (line: string, fields: string) =>
  `${line}\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n${fields}\r\n`;
const post = (fields: string) => head("POST /api/predict/s/a HTTP/1.1", fields);

test("trace fields pass; fields of the hop and what Connection names do not", async () => {
  answerWith = plain(200, "ok", "Connection: X-Inner\r\nX-Inner: 1\r\nKeep-Alive: 5\r\nX-Outer: 2\r\n");
  const trace = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n";
  const c = client();
  const answer = await c.ask(
    post(
      `${trace}Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTE: trailers\r\nKeep-Alive: 5\r\nX-Kept: 1\r\n`,
    ),
  );
  const seen = upstream.seen.at(-1)!.head;
  assert.ok(seen.includes(trace) && seen.includes("X-Kept: 1\r\n"), seen);
  assert.doesNotMatch(seen, /^(connection|x-hop|te|keep-alive|authorization):/im);
  assert.deepEqual(
    [answer.fields["x-inner"], answer.fields["keep-alive"], answer.fields["x-outer"]],
    [undefined, undefined, "2"],
  );
});

test("an absolute target is routed by its path, and leaves as a path", async () => {
  answerWith = plain(200, "ok");
  assert.equal((await client().ask(head("GET http://h/api/predict/s/x?y HTTP/1.1", ""))).status, 200);
  assert.match(upstream.seen.at(-1)!.head, /^GET \/x\?y HTTP\/1\.1\r\n/);
});

test("OPTIONS * asks for no service: 404, and the connection goes on", async () => {
  answerWith = plain(200, "ok");
  const c = client();
  const answer = await c.ask(head("OPTIONS * HTTP/1.1", ""));
  assert.deepEqual([answer.status, answer.fields.connection], [404, undefined]);
  assert.equal((await c.ask(head("OPTIONS /api/predict/s HTTP/1.1", ""))).status, 200);
});

test("trailers pass both ways", async () => {
  answerWith =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
  const c = client();
  let wire = "";
  c.socket.on("data", (chunk: Buffer) => {
    wire += chunk.toString("latin1");
  });
  const answer = await c.ask(
    `${post("Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n")}2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n`,
  );
  assert.deepEqual([answer.body.toString(), answer.fields.trailer], ["ok", "X-Sum"]);
  assert.ok(wire.endsWith("0\r\nX-Sum: 7\r\n\r\n"), wire);
  assert.equal(upstream.seen.at(-1)!.body.toString(), "hi");
  assert.match(upstream.seen.at(-1)!.head, /^Trailer: X-Sum\r$/m);
});

test("an HTTP/1.0 client gets the content without chunks, trailers and the field that announces them", async () => {
  answerWith =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n";
  const answer = await client().ask(`GET /api/predict/s HTTP/1.0\r\nAuthorization: ${TOKEN}\r\n\r\n`);
  assert.deepEqual(
    [answer.body.toString(), answer.isChunked, answer.fields.trailer],
    ["ok", false, undefined],
  );
});

test("a client that waits for 100 gets the refusal in its place, whatever the reason, and the connection ends", async () => {
  const expecting = (line: string, token: string, more = "") =>
    `${line}\r\nHost: h\r\nAuthorization: ${token}\r\nExpect: 100-continue\r\nContent-Length: 5\r\n${more}\r\n`;
  const cases: [string, number][] = [
    [expecting("POST /api/predict/s HTTP/1.1", "wrong"), 401],
    [expecting("POST /api/predict/unknown HTTP/1.1", TOKEN), 404],
    [expecting("POST /api/predict/none HTTP/1.1", TOKEN), 503],
    [expecting("POST /api/predict/s HTTP/1.1", TOKEN, "Host: i\r\n"), 400],
    [expecting("POST /api/predict/s HTTP/1.1", TOKEN, "Expect: tea\r\n"), 400],
    [expecting("POST /api/predict/s HTTP/1.1", TOKEN, `X: ${"a".repeat(HEAD_BYTES_MAX)}\r\n`), 431],
  ];
  for (const [text, status] of cases) {
    const c = client();
    const answer = await c.ask(text);
    assert.deepEqual([answer.status, answer.fields.connection], [status, "close"]);
    await c.closed();
    assert.equal(c.answers.length, 1, "no 100 before it");
  }
  // HTTP/1.0 knows no 100: it sends its body and gets its answer.
  answerWith = plain(200, "ok");
  const old = client();
  old.send(
    `POST /api/predict/s HTTP/1.0\r\nAuthorization: ${TOKEN}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`,
  );
  old.send("hi");
  assert.equal((await old.answer(0)).status, 200);
  assert.equal(upstream.seen.at(-1)!.body.toString(), "hi");
});

test("HEAD, 304 and 204 that speak of chunks or lengths leave both connections in step", async () => {
  const c = client();
  c.isHead = true;
  answerWith = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.equal((await c.ask(head("HEAD /api/predict/s HTTP/1.1", ""))).isChunked, true);
  answerWith = "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n";
  assert.equal((await c.ask(head("GET /api/predict/s HTTP/1.1", ""))).status, 304);
  answerWith = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
  assert.equal((await c.ask(head("DELETE /api/predict/s HTTP/1.1", ""))).status, 204);
  c.isHead = false;
  answerWith = plain(200, "in step");
  assert.equal((await c.ask(head("GET /api/predict/s HTTP/1.1", ""))).body.toString(), "in step");
  answerWith = "HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc";
  assert.equal((await c.ask(head("DELETE /api/predict/s HTTP/1.1", ""))).status, 502);
});

test("answers that two readers may cut in two ways are 502", async () => {
  for (const bad of [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\nok",
  ]) {
    answerWith = bad;
    assert.equal((await client().ask(post("Content-Length: 0\r\n"))).status, 502, JSON.stringify(bad));
  }
});

test("an empty line behind a body is not the beginning of a slow head", async () => {
  answerWith = plain(200, "ok");
  const c = client();
  assert.equal((await c.ask(`${post("Content-Length: 2\r\n")}hi\r\n`)).status, 200);
  // One that does begin a head is answered 408; by then the first would have been.
  assert.equal((await client().ask("GET")).status, 408);
  assert.equal(c.isClosed, false);
  assert.equal((await c.ask(post("Content-Length: 0\r\n"))).status, 200);
});
