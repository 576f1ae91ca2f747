import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { dialGateway, shownCertificate } from "../../test/harness/over-tls.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { WebSocketServer } from "../../test/harness/websocket-server.ts";

const MIB = 1024 * 1024;
const SWITCH = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n";
let rig: GatewayRig;
let sockets: WebSocketServer;
/** An instance of raw TCP: it is handed each connection with the text of its request's head, once that is whole. */
let raw: Server;
let serve: (socket: Socket, head: string, behind: Buffer) => void;
const rawSockets = new Set<Socket>();
const heads: string[] = [];
let table = 0;

before(async () => {
  rig = await startRig();
  sockets = new WebSocketServer();
  const address = await sockets.listen();
  raw = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    rawSockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => rawSockets.delete(socket));
    let bytes: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", read);
      const head = bytes.toString("latin1", 0, end + 4);
      heads.push(head);
      serve(socket, head, bytes.subarray(end + 4));
    };
    socket.on("data", read);
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  await put([serviceRoute("ws", [address]), rawRoute()], rig);
});
beforeEach(async () => {
  heads.length = 0;
  for (const socket of rawSockets) socket.destroy();
  await until(() => rawSockets.size === 0, "earlier connections to be gone");
});
after(async () => {
  await rig.close();
  await sockets.close();
  for (const socket of rawSockets) socket.destroy();
  await new Promise((resolve) => raw.close(resolve));
});

const rawRoute = () =>
  serviceRoute("raw", [{ kind: "tcp", host: "127.0.0.1", port: (raw.address() as AddressInfo).port }]);
const put = (services: ReturnType<typeof serviceRoute>[], to: GatewayRig) =>
  to.put({ number: ++table, services, groups: [] });
const ask = (protocol = "raw", more = "", line = "GET /api/predict/raw/a/b?c=d HTTP/1.1") =>
  `${line}\r\nHost: h\r\nAuthorization: ${TOKEN}\r\nConnection: keep-alive, Upgrade${more}\r\nUpgrade: ${protocol}\r\n\r\n`;
const inFlight = (of: GatewayRig, service: string) => of.last("report")?.inFlight[service as never] ?? 0;

/** A client that has its tunnel: what came before the end of the 101 is gone. */
async function tunnel(port = rig.port(), ahead = ""): Promise<{ socket: Socket; head: string }> {
  const socket = dialGateway({ port, allowHalfOpen: true });
  socket.on("error", () => {});
  socket.write(ask() + ahead);
  const head = await new Promise<string>((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const read = (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf("\r\n\r\n");
      if (end === -1) return;
      socket.off("data", read);
      socket.off("end", ended);
      socket.pause();
      if (bytes.length > end + 4) socket.unshift(bytes.subarray(end + 4));
      resolve(bytes.toString("latin1", 0, end + 4));
    };
    const ended = () => reject(new Error(`closed after ${bytes.toString("latin1")}`));
    socket.on("data", read).on("end", ended);
  });
  return { socket, head };
}

/** All bytes until the other side's last word. */
async function drink(socket: Socket): Promise<{ hash: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { hash: hash.digest("hex"), bytes };
}

/** Writes `count` random MiB as fast as they are taken, then the last word. */
async function pour(socket: Socket, count: number): Promise<string> {
  const hash = createHash("sha256");
  for (let i = 0; i < count; i++) {
    const block = randomBytes(MIB);
    hash.update(block);
    if (!socket.write(block)) await new Promise((resolve) => socket.once("drain", resolve));
  }
  socket.end();
  return hash.digest("hex");
}

const echo = (socket: Socket, _: string, behind: Buffer) => {
  socket.write(SWITCH);
  socket.write(behind);
  socket.pipe(socket);
};

test("WebSocket: messages of all sizes come back; fields are those of every request, and the token stays here", async () => {
  const scheme = shownCertificate() === null ? "ws" : "wss";
  const url = `${scheme}://127.0.0.1:${rig.port()}/api/predict/ws/chat?room=1`;
  const options = { headers: { authorization: `Bearer ${TOKEN}` }, protocols: [] };
  const socket = new WebSocket(url, options as unknown as string[]);
  socket.binaryType = "arraybuffer";
  const got: (string | ArrayBuffer)[] = [];
  let closed: { code: number; reason: string } | null = null;
  socket.addEventListener("message", (e) => void got.push(e.data as string | ArrayBuffer));
  socket.addEventListener("close", ({ code, reason }) => {
    closed = { code, reason };
  });
  await until(() => socket.readyState === WebSocket.OPEN, "the WebSocket to open");
  const large = randomBytes(3 * MIB);
  socket.send("hello");
  socket.send(large);
  await until(() => got.length === 2, "both messages");
  assert.equal(got[0], "hello");
  assert.ok(large.equals(Buffer.from(got[1] as ArrayBuffer)));
  await until(() => inFlight(rig, "ws") === 1, "the tunnel to be counted in flight");
  const { url: path, headers } = sockets.requests[0]!;
  assert.deepEqual([path, headers.upgrade, headers.connection], ["/chat?room=1", "websocket", "Upgrade"]);
  assert.equal(headers.authorization, undefined);
  assert.match(headers["x-request-id"] as string, /./);
  socket.close(4001, "enough");
  await until(() => closed !== null, "the close to come back");
  assert.deepEqual(closed, { code: 4001, reason: "enough" });
  assert.deepEqual(sockets.closeCodes, [4001]);
  await until(() => inFlight(rig, "ws") === 0 && rig.statuses("ws")["101"] === 1, "the end to be counted");
});

test("a wrong token opens no tunnel, and the connection ends", async () => {
  const c = new RawClient(rig.port());
  const answer = await c.ask(ask().replace(TOKEN, "wrong"));
  assert.deepEqual([answer.status, answer.fields.connection], [401, "close"]);
  await c.closed();
  assert.deepEqual(heads, []);
});

test("64 MiB each way at the same time, unharmed, and each last word on its own", async () => {
  let poured: Promise<string> | undefined;
  let drunk: Promise<{ hash: string; bytes: number }> | undefined;
  serve = (socket) => {
    socket.write(SWITCH);
    drunk = drink(socket);
    poured = pour(socket, 64);
  };
  const { socket } = await tunnel();
  const [there, back] = await Promise.all([pour(socket, 64), drink(socket)]);
  assert.deepEqual(back, { hash: await poured, bytes: 64 * MIB });
  assert.deepEqual(await drunk, { hash: there, bytes: 64 * MIB });
  await until(() => inFlight(rig, "raw") === 0, "the end to be counted");
});

test("200 tunnels at once do not mix", async () => {
  serve = echo;
  const all = await Promise.all(Array.from({ length: 200 }, () => tunnel()));
  await until(() => inFlight(rig, "raw") === 200, "200 in flight");
  await Promise.all(
    all.map(async ({ socket }, i) => {
      const text = `${i}:`.repeat(2000);
      socket.end(text);
      const { hash } = await drink(socket);
      assert.equal(hash, createHash("sha256").update(text).digest("hex"));
    }),
  );
  await until(() => inFlight(rig, "raw") === 0, "none in flight");
});

test("half-close: either side may end first, and still gets what the other has to say", async () => {
  serve = (socket) => {
    socket.write(SWITCH);
    socket.resume().on("end", () => socket.end("after your end"));
  };
  const first = await tunnel();
  first.socket.end("x");
  assert.equal((await drink(first.socket)).bytes, "after your end".length);
  let got = "";
  serve = (socket) => {
    socket.end(`${SWITCH}bye`);
    socket.on("data", (chunk) => {
      got += chunk;
    });
  };
  const second = await tunnel();
  assert.equal((await drink(second.socket)).bytes, 3);
  second.socket.end("still here");
  await until(() => got === "still here", "bytes after the instance's end");
});

test("bytes sent ahead of the answer are not read as HTTP: with a 101 they belong to the tunnel", async () => {
  const ahead = `GET /api/predict/raw/smuggled HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;
  serve = echo;
  const { socket, head } = await tunnel(rig.port(), ahead);
  assert.match(head, /^HTTP\/1.1 101 .*\r\n(.*\r\n)*Connection: Upgrade\r\n/);
  socket.end();
  assert.equal((await drink(socket)).bytes, ahead.length);
  assert.equal(heads.length, 1);
  assert.match(heads[0]!, /^GET \/a\/b\?c=d HTTP\/1.1\r\n/);
});

test("declined: a normal answer, and the connection goes on; with bytes ahead it closes and they are dropped", async () => {
  serve = (socket) =>
    socket.write("HTTP/1.1 426 Upgrade Required\r\nUpgrade: other\r\nContent-Length: 2\r\n\r\nno");
  const c = new RawClient(rig.port());
  const first = await c.ask(ask());
  assert.deepEqual([first.status, first.body.toString(), first.fields.connection], [426, "no", undefined]);
  for (const socket of rawSockets) socket.destroy();
  assert.equal((await c.ask(ask())).status, 426);
  for (const socket of rawSockets) socket.destroy();
  heads.length = 0;
  let answer = () => {};
  serve = (socket) => {
    answer = () => socket.write("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  };
  c.send(ask());
  await until(() => heads.length === 1, "the request");
  const before2 = rig.last("report");
  c.send(ask("raw", "", "GET /api/predict/raw/smuggled HTTP/1.1"));
  // Those bytes are in the gateway's hands when a later request on another connection has been answered by it.
  assert.equal((await new RawClient(rig.port()).ask("GET /x HTTP/1.1\r\nHost: h\r\n\r\n")).status, 404);
  await until(() => rig.last("report") !== before2, "another turn of the gateway");
  answer();
  const declined = await c.answer(2);
  assert.deepEqual([declined.status, declined.fields.connection], [404, "close"]);
  await c.closed();
  assert.equal(heads.length, 1);
});

for (const [protocol, more, line] of [
  ["h2c", ", HTTP2-Settings", undefined],
  ["websocket, H2C", "", undefined],
  ["HTTP/2.0", "", undefined],
  ["TLS/1.0", "", undefined],
  ["raw", "", "GET /api/predict/raw/ HTTP/1.0"],
] as const) {
  test(`not passed on: Upgrade: ${protocol}${line === undefined ? "" : " of HTTP/1.0"}`, async () => {
    serve = (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    const c = new RawClient(rig.port());
    const text = ask(protocol, more, line).replace(
      "\r\n\r\n",
      "\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n",
    );
    assert.equal((await c.ask(text)).body.toString(), "ok");
    assert.doesNotMatch(heads[0]!, /upgrade/i);
    if (more !== "") assert.doesNotMatch(heads[0]!, /settings/i);
    c.close();
  });
}

for (const [name, request, answer] of [
  ["nobody asked for", ask().replace(/Connection.*\r\nUpgrade.*\r\n/, ""), SWITCH],
  ["has another protocol", ask(), SWITCH.replace("raw", "chat")],
  ["names no protocol", ask(), SWITCH.replace("Upgrade: raw\r\n", "")],
  ["does not say Connection: Upgrade", ask(), SWITCH.replace("Connection: Upgrade\r\n", "")],
] as const) {
  test(`a 101 is a broken answer when it ${name}`, async () => {
    serve = (socket) => socket.write(answer);
    const c = new RawClient(rig.port());
    const got = await c.ask(request);
    assert.deepEqual([got.status, got.fields["x-sluice-reason"]], [502, "BAD_UPSTREAM"]);
    c.close();
  });
}

test("a request with a body may switch too, after the body", async () => {
  serve = (socket, _, behind) => {
    let got = behind.toString();
    const look = () => got === "body" && socket.write(`${SWITCH}switched`);
    socket.on("data", (chunk) => {
      got += chunk;
      look();
    });
    look();
  };
  const c = dialGateway({ port: rig.port() });
  let text = "";
  c.on("error", () => {}).on("data", (chunk) => {
    text += chunk;
  });
  c.write(
    ask("raw", "", "POST /api/predict/raw HTTP/1.1").replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbo"),
  );
  await until(() => heads.length === 1, "the head");
  assert.equal(text, "");
  c.write("dy");
  await until(() => text.endsWith("\r\n\r\nswitched"), "the switch");
  c.destroy();
});

test("when one side breaks off, the other is cut, and nothing stays in flight", async () => {
  serve = echo;
  for (const who of ["client", "instance"] as const) {
    const { socket } = await tunnel();
    socket.resume();
    await until(() => rawSockets.size === 1, "one instance connection");
    const [instance] = rawSockets;
    if (who === "client") socket.resetAndDestroy();
    else instance!.resetAndDestroy();
    await until(
      () => rawSockets.size === 0 && (socket.destroyed || socket.readableEnded),
      `both to be gone after the ${who}`,
    );
    await until(() => inFlight(rig, "raw") === 0, "the end to be counted");
  }
});

test("a side that does not read stops the other, and its breaking off frees all", async () => {
  let sent = 0;
  serve = (socket) => {
    socket.write(SWITCH);
    const block = Buffer.alloc(MIB);
    const more = () => {
      while (sent < 256 * MIB) {
        sent += MIB;
        if (!socket.write(block)) return void socket.once("drain", more);
      }
    };
    more();
  };
  const { socket } = await tunnel();
  let last = -1;
  await until(() => {
    const isStill = sent === last;
    last = sent;
    return isStill;
  }, "the instance to be stopped");
  assert.ok(sent < 64 * MIB, `${sent / MIB} MiB went into a tunnel that nobody reads`);
  socket.destroy();
  await until(() => rawSockets.size === 0, "the instance's connection to go");
});

test("idle limit: a tunnel without a byte is cut; one with a byte now and then is not; half-closed ones go sooner", async (t) => {
  const short = await startRig({ tunnelIdleMs: 150, tunnelHalfMs: 20 });
  t.after(() => short.close());
  await put([rawRoute()], short);
  serve = echo;
  const [busy, idle] = [await tunnel(short.port()), await tunnel(short.port())];
  let pongs = 0;
  busy.socket.on("data", () => {
    pongs++;
    setImmediate(() => busy.socket.write("p"));
  });
  busy.socket.resume().write("p");
  idle.socket.resume();
  await until(() => idle.socket.closed || idle.socket.readableEnded, "the idle one to be cut");
  const before2 = pongs;
  await until(() => pongs > before2 + 10, "the busy one to go on");
  serve = (socket) => {
    socket.write(SWITCH);
    socket.resume(); // never ends
  };
  const half = await tunnel(short.port());
  half.socket.end();
  half.socket.resume();
  await until(() => half.socket.closed, "the half-closed one to be cut");
  await until(() => short.limits(null).tunnel_idle === 2, "both to be counted");
  busy.socket.destroy();
});

test("a tunnel to an instance that the table no longer names stays in flight until it ends", async (t) => {
  const own = await startRig();
  t.after(() => own.close());
  serve = echo;
  await put([rawRoute()], own);
  const { socket } = await tunnel(own.port());
  await put([], own);
  await until(() => own.last("lingering")?.inFlight["raw-v1-0" as never] === 1, "it to be told as lingering");
  socket.end("last");
  assert.equal((await drink(socket)).bytes, 4);
  await until(() => Object.keys(own.last("lingering")!.inFlight).length === 0, "the instance to be let go");
});

test("a tunnel that is over leaves its place among the connections of one address", async (t) => {
  const own = await startRig({}, 0, { caps: { clientsPerAddressMax: 1 } });
  t.after(() => own.close());
  serve = echo;
  await put([rawRoute()], own);
  for (let i = 0; i < 3; i++) {
    const { socket } = await tunnel(own.port());
    await until(() => own.last("report")?.connections === 1, "the tunnel to be told");
    socket.end("last");
    assert.equal((await drink(socket)).bytes, 4);
    await until(() => own.last("report")?.connections === 0, "the connection to be gone");
  }
});

test("a draining gateway keeps tunnels until the last moment, then ends them in order", async (t) => {
  const own = await startRig({ tunnelCloseMs: 200 });
  t.after(() => own.close());
  serve = echo;
  await put([rawRoute()], own);
  const { socket } = await tunnel(own.port());
  let got = "";
  let isEnded = false;
  let error: Error | null = null;
  socket.on("data", (chunk) => {
    got += chunk;
  });
  socket.on("end", () => {
    isEnded = true;
    socket.end();
  });
  socket.on("error", (e) => {
    error = e;
  });
  socket.resume();
  const drained = own.gateway.drain(own.clock.monotonic() + 600);
  await until(() => own.gateway.port() === null, "the port to be closed");
  socket.write("during");
  await until(() => got === "during", "the tunnel to go on");
  await drained;
  await until(() => isEnded, "the end");
  assert.equal(error, null);
});
