/** HTTP/2 from clients (h2c with prior knowledge) to services that speak HTTP/1.1: what goes over, and what is too much. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from "node:http2";
import { connect as dial, type Socket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { promisify } from "node:util";
import {
  type GatewayRig,
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";

let rig: GatewayRig;
let instance: RawUpstream;
/** What the instance does with a whole request. */
let answer: (request: SeenRequest, socket: Socket) => void;
const clean: (() => void)[] = [];

before(async () => {
  instance = new RawUpstream((request, socket) => answer(request, socket));
  rig = await startRig({}, 0, { caps: { http2StreamsMax: 100 } });
  const address = await instance.listen();
  await rig.put({
    number: 1,
    services: [
      serviceRoute("s", [address]),
      serviceRoute("a", [], { group: "g" as never, instances: [{ id: "a-v1-0" as never, address }] }),
    ],
    groups: [groupRoute("g", { a: 1 })],
  });
});
after(async () => {
  await rig.close();
  await instance.close();
});
afterEach(() => {
  for (const end of clean.splice(0)) end();
});

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** A frame with a header of 9 bytes (RFC 9113 §4.1). */
function frame(type: number, flags: number, stream: number, payload = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

function session(): ClientHttp2Session {
  const made = connect(`http://127.0.0.1:${rig.port()}`);
  made.on("error", () => {});
  clean.push(() => made.destroy());
  return made;
}
function raw(): { socket: Socket; isClosed: () => boolean; bytes: () => Buffer } {
  const socket = dial({ host: "127.0.0.1", port: rig.port(), noDelay: true });
  let isClosed = false;
  let got: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => {
    got = Buffer.concat([got, chunk]);
  });
  socket.on("close", () => {
    isClosed = true;
  });
  clean.push(() => socket.destroy());
  return { socket, isClosed: () => isClosed, bytes: () => got };
}

interface Got {
  readonly status: number;
  readonly fields: readonly string[];
  readonly informed: readonly number[];
  readonly body: string;
  readonly trailers: readonly string[];
  readonly code: number;
}
/** The whole answer to a stream. */
function got(stream: ClientHttp2Stream): Promise<Got> {
  const informed: number[] = [];
  let [status, body] = [0, ""];
  let fields: readonly string[] = [];
  let trailers: readonly string[] = [];
  stream.on("headers", (headers) => informed.push(Number(headers[":status"])));
  stream.on("response", (headers, _flags, list) => {
    status = Number(headers[":status"]);
    fields = list.slice(2);
  });
  stream.on("trailers", (_headers, _flags, list) => {
    trailers = list;
  });
  stream.setEncoding("latin1").on("data", (chunk: string) => {
    body += chunk;
  });
  stream.on("error", () => {});
  return new Promise((resolve) =>
    stream.on("close", () => resolve({ status, fields, informed, body, trailers, code: stream.rstCode })),
  );
}
const ask = (h: Record<string, string | string[]>, body?: string | Buffer, on = session()) => {
  const stream = on.request(
    { ":path": "/api/predict/s/x", authorization: TOKEN, ...h },
    { endStream: body === undefined },
  );
  if (body !== undefined) stream.end(body);
  return got(stream);
};

test("a request and its answer go over: framing, cookies, fields of one hop, trailers", async () => {
  let seen = "";
  let content = "";
  answer = ({ head, body }, socket) => {
    seen = head;
    content = body.toString();
    socket.write(
      "HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Sluice-Service: fake\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nX-Sum: 6\r\n\r\n",
    );
  };
  const answered = await ask({ ":method": "POST", cookie: ["p=1", "q=2"], "x-own": "1" }, "hello");
  assert.match(
    seen,
    /^POST \/x HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\nx-own: 1\r\ncookie: p=1; q=2\r\nTransfer-Encoding: chunked\r\n/,
  );
  assert.equal(content, "hello");
  assert.doesNotMatch(seen, /authorization/i);
  assert.deepEqual([answered.status, answered.body, answered.code], [200, "abcde", 0]);
  assert.deepEqual(answered.fields, ["set-cookie", "a=1", "set-cookie", "b=2"]);
  assert.deepEqual(answered.trailers, ["x-sum", "5", "x-sum", "6"]);
});

test("bodies with a length, without one, and none; HEAD, 204, 304, 103, until close", async () => {
  const lines: string[] = [];
  const c = session();
  const by = async (text: string, h: Record<string, string>, body?: string) => {
    answer = ({ head }, socket) => {
      lines.push(/Content-Length: \d+|Transfer-Encoding: \w+/i.exec(head)?.[0] ?? "none");
      socket.write(text, "latin1");
      if (text.includes("Connection: close")) socket.end();
    };
    const { status, body: content, informed } = await ask(h, body, c);
    return [status, content, ...informed];
  };
  assert.deepEqual(await by(OK, { ":method": "PUT", "content-length": "3" }, "abc"), [200, "ok"]);
  assert.deepEqual(await by(OK, { ":method": "PUT" }), [200, "ok"]);
  assert.deepEqual(await by(OK, { ":method": "GET" }), [200, "ok"]);
  assert.deepEqual(await by("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", { ":method": "HEAD" }), [
    200,
    "",
  ]);
  assert.deepEqual(await by("HTTP/1.1 204 No Content\r\n\r\n", {}), [204, ""]);
  assert.deepEqual(await by("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", {}), [304, ""]);
  assert.deepEqual(await by(`HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`, {}), [200, "ok", 103]);
  assert.deepEqual(await by("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall", {}), [200, "all"]);
  assert.deepEqual(await by(OK, { ":method": "POST", expect: "100-continue" }, "x"), [200, "ok", 100]);
  const [length, zero] = ["Content-Length: 3", "Content-Length: 0"];
  assert.deepEqual(lines, [
    length,
    zero,
    "none",
    "none",
    "none",
    "none",
    "none",
    "none",
    "Transfer-Encoding: chunked",
  ]);
});

test("the gateway's own answers, and what holds for groups, are the same", async () => {
  answer = (_, socket) => socket.write(OK);
  const c = session();
  const reasonOf = ({ fields }: Got) => fields[fields.indexOf("x-sluice-reason") + 1];
  const refused = await ask({ authorization: "no" }, undefined, c);
  assert.deepEqual([refused.status, reasonOf(refused)], [401, "TOKEN_REQUIRED"]);
  const nobody = await ask({ ":path": "/api/predict/nobody" }, undefined, c);
  assert.deepEqual([nobody.status, nobody.body, reasonOf(nobody)], [404, "", "ROUTE_NOT_FOUND"]);
  const large = await ask({ "x-large": "x".repeat(40_000) }, undefined, c);
  assert.deepEqual([large.status, reasonOf(large)], [431, "HEAD_TOO_LARGE"]);
  const member = await ask(
    { ":path": "/api/predict/g", authorization: `Bearer ${GROUP_TOKEN}` },
    undefined,
    c,
  );
  assert.deepEqual([member.status, member.fields.slice(-2)], [200, ["x-sluice-service", "a"]]);
  // Ends the stream only, as the request was never whole.
  const unfinished = c.request({ ":method": "POST", ":path": "/api/predict/s", authorization: "no" });
  unfinished.write("x");
  const early = await got(unfinished);
  assert.deepEqual([early.status, early.code], [401, 0]);
  assert.equal((await ask({}, undefined, c)).status, 200, "the connection goes on");
});

test("1 MiB both ways, unchanged; a slow reader stops the instance", async () => {
  const data = Buffer.alloc(1 << 20);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
  let received: Buffer | null = null;
  answer = ({ body }, socket) => {
    received = body;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${data.length}\r\n\r\n`);
    socket.write(data);
  };
  const both = await ask({ ":method": "POST", "content-length": String(data.length) }, data);
  assert.ok(Buffer.from(both.body, "latin1").equals(data));
  assert.ok(data.equals(received!));

  const c = session();
  const stream = c.request({ ":path": "/api/predict/s", authorization: TOKEN });
  let socket!: Socket;
  let taken = 0;
  answer = (_, s) => {
    socket = s;
    s.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 * data.length}\r\n\r\n`);
    const more = () => {
      while (taken < 64) {
        taken++;
        if (!s.write(data)) return;
      }
    };
    s.on("drain", more);
    more();
  };
  stream.pause();
  await until(() => socket !== undefined, "the request at the instance");
  let last = -1;
  let stillCount = 0;
  await until(() => {
    stillCount = socket.bytesWritten === last ? stillCount + 1 : 0;
    last = socket.bytesWritten;
    return stillCount === 100;
  }, "the instance to stop");
  assert.ok(taken < 32, `the instance could send ${taken} MiB`);
  await rig.reported();
  const before = rig.statuses("s")["499"] ?? 0;
  stream.destroy();
  await until(() => rig.statuses("s")["499"] === before + 1, "it to be counted as 499");
});

test("a client that resets its stream has left: the instance's connection ends, and 499 is counted", async () => {
  let isGone = false;
  let isThere = false;
  answer = (_, socket) => {
    isThere = true;
    socket.on("close", () => {
      isGone = true;
    });
  };
  await rig.reported();
  const before = rig.statuses("s")["499"] ?? 0;
  const stream = session().request({ ":path": "/api/predict/s", authorization: TOKEN });
  stream.on("error", () => {});
  await until(() => isThere, "the request at the instance");
  stream.close(constants.NGHTTP2_CANCEL);
  await until(() => isGone, "the instance's connection to end");
  await until(() => rig.statuses("s")["499"] === before + 1, "499 to be counted");
});

test("an answer that breaks off resets the stream, whatever its framing, and only that", async () => {
  const c = session();
  const heads = ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"];
  for (const head of heads) {
    answer = (_, socket) => socket.end(`HTTP/1.1 200 OK\r\n${head}`);
    const broken = await ask({}, undefined, c);
    assert.equal(broken.code, constants.NGHTTP2_INTERNAL_ERROR, head);
  }
  answer = (_, socket) => socket.write(OK);
  assert.equal((await ask({}, undefined, c)).status, 200);
});

test("many streams at once on one connection; more than the limit wait for their turn", async () => {
  const waiting: Socket[] = [];
  answer = (_, socket) => waiting.push(socket);
  const c = session();
  await new Promise((resolve) => c.once("remoteSettings", resolve));
  assert.equal(c.remoteSettings.maxConcurrentStreams, 100);
  const answers = Array.from({ length: 250 }, () => ask({}, undefined, c));
  await until(() => waiting.length === 100, "as many as there may be");
  answer = (_, socket) => socket.write(OK);
  for (const socket of waiting) socket.write(OK);
  assert.ok((await Promise.all(answers)).every((a) => a.status === 200 && a.body === "ok"));
});

test("the preface may be cut anywhere; what only begins like it is not HTTP/2", async () => {
  for (let cut = 1; cut < PREFACE.length; cut++) {
    const c = raw();
    c.socket.write(PREFACE.slice(0, cut));
    // The first piece has gone by itself once the second turn of the loop is there.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    c.socket.write(Buffer.concat([Buffer.from(PREFACE.slice(cut)), frame(4, 0, 0)]));
    // SETTINGS of the server, and its word that it has ours.
    await until(() => c.bytes().includes(frame(4, 1, 0)), `an answer, cut at ${cut}`);
    c.socket.destroy();
  }
  const behind = raw();
  answer = (_, socket) => socket.write(OK);
  behind.socket.write(`GET /api/predict/s HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n${PREFACE}`);
  await until(() => behind.isClosed(), "the connection to be closed");
  assert.match(behind.bytes().toString("latin1"), /^HTTP\/1\.1 200 .*HTTP\/1\.1 400 /s);
});

/** What is too much, and the name under which it is counted. */
const FLOODS: readonly (readonly [
  name: string,
  limit: string,
  flood: (write: (b: Buffer) => boolean) => boolean,
])[] = [
  [
    "streams that are reset as they are opened",
    "http2_resets",
    (() => {
      let id = -1;
      return (write) => {
        id += 2;
        // HPACK: GET, http, path and authority as literals without a name to learn.
        const head = Buffer.concat([
          Buffer.from([0x82, 0x86, 0x04, 2]),
          Buffer.from("/x"),
          Buffer.from([0x01, 1]),
          Buffer.from("h"),
        ]);
        return write(Buffer.concat([frame(1, 5, id, head), frame(3, 0, id, Buffer.from([0, 0, 0, 8]))]));
      };
    })(),
  ],
  ["PING", "http2_controls", (write) => write(frame(6, 0, 0, Buffer.alloc(8)))],
  ["SETTINGS", "http2_controls", (write) => write(frame(4, 0, 0))],
];
for (const [name, limit, flood] of FLOODS) {
  test(`a flood of ${name} ends the connection, and is counted`, async () => {
    const before = rig.limits(null)[limit] ?? 0;
    const c = raw();
    c.socket.write(Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0)]));
    for (let i = 0; i < 40_000 && !c.isClosed(); i++) {
      if (!flood((bytes) => c.socket.write(bytes)) || i % 100 === 0) await new Promise(setImmediate);
    }
    await until(() => c.isClosed(), "the connection to be closed");
    await until(() => rig.limits(null)[limit] === before + 1, "it to be counted");
    assert.equal((await ask({ ":path": "/x" })).status, 404, "others are served");
  });
}

test("a head that never ends ends the connection", async () => {
  const before = rig.limits(null).http2_errors ?? 0;
  const c = raw();
  c.socket.write(Buffer.concat([Buffer.from(PREFACE), frame(4, 0, 0), frame(1, 0, 1, Buffer.from([0x82]))]));
  for (let i = 0; i < 100 && !c.isClosed(); i++) {
    c.socket.write(frame(9, 0, 1));
    await new Promise(setImmediate);
  }
  await until(() => c.isClosed(), "the connection to be closed");
  await until(() => (rig.limits(null).http2_errors ?? 0) > before, "it to be counted");
});

test("each stream takes a place among the connections of the worker, and gives it back", async () => {
  const small = await startRig({}, 0, { caps: { clientsMax: 3 } });
  clean.push(() => void small.close());
  const waiting: Socket[] = [];
  answer = (_, socket) => waiting.push(socket);
  const route = serviceRoute("s", [instance.address()]);
  await small.put({ number: 1, services: [route], groups: [] });
  const c = connect(`http://127.0.0.1:${small.port()}`);
  clean.push(() => c.destroy());
  c.on("error", () => {});
  const answers = [1, 2].map(() => ask({}, undefined, c));
  await until(() => waiting.length === 2, "both requests at the instance");
  const third = await ask({}, undefined, c);
  assert.deepEqual([third.status, third.code], [0, constants.NGHTTP2_REFUSED_STREAM]);
  for (const socket of waiting) socket.write(OK);
  assert.ok((await Promise.all(answers)).every((a) => a.status === 200));
  answer = (_, socket) => socket.write(OK);
  assert.equal((await ask({}, undefined, c)).status, 200);
  await until(() => small.limits(null).connections === 1, "the refusal to be counted");
});

test("an idle connection is closed, and one that drains ends after its last stream", async () => {
  const small = await startRig({ clientIdleMs: 100, drainIdleMs: 20 });
  clean.push(() => void small.close());
  await small.put({ number: 1, services: [serviceRoute("s", [instance.address()])], groups: [] });
  const idle = connect(`http://127.0.0.1:${small.port()}`);
  await new Promise((resolve) => idle.once("close", resolve));
  await until(() => small.limits(null).client_idle === 1, "it to be counted");

  let waiting: Socket | null = null;
  answer = (_, socket) => {
    waiting = socket;
  };
  const c = connect(`http://127.0.0.1:${small.port()}`);
  c.on("error", () => {});
  const open = ask({}, undefined, c);
  await until(() => waiting !== null, "the request at the instance");
  const told = new Promise<number>((resolve) => c.once("goaway", (code) => resolve(code)));
  const drained = small.gateway.drain(performance.now() + 20_000);
  assert.equal(await told, constants.NGHTTP2_NO_ERROR);
  waiting!.write(OK);
  assert.equal((await open).status, 200);
  await drained;
});

const curl = spawnSync("curl", ["--version"], { encoding: "utf8" });
const hasHttp2 = curl.status === 0 && / HTTP2 /.test(`${curl.stdout} `);
test("curl speaks to a service by HTTP/2", { skip: !hasHttp2 && "no curl with HTTP/2 here" }, async () => {
  answer = (_, socket) => socket.write(OK);
  const url = `http://127.0.0.1:${rig.port()}/api/predict/s/x`;
  const args = [
    "-sS",
    "--http2-prior-knowledge",
    "-H",
    `Authorization: ${TOKEN}`,
    "-d",
    "abc",
    "-w",
    "|%{http_version}",
    url,
  ];
  const { stdout } = await promisify(execFile)("curl", args);
  assert.equal(stdout, "ok|2");
});
