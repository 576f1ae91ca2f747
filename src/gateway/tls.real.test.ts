/** What only TLS has: handshakes, and a certificate that changes under open connections. Suites of plain HTTP run over it in tls-*.real.test.ts. */

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { makeCertificate, type TestCertificate } from "../../test/harness/certificates.ts";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { writePair } from "../../test/harness/over-tls.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";
import type { TlsState } from "../core/gateway-report.ts";
import type { Caps, Times } from "./data-plane.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const first = makeCertificate("first");
const second = makeCertificate("second");
const third = makeCertificate("third");
const TRUSTED = [first.cert, second.cert, third.cert];
const GET = `GET /api/predict/s/x HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;

interface Case {
  readonly rig: GatewayRig;
  readonly dir: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly upstream: RawUpstream;
  /** What the worker said last of its TLS. */
  state(): TlsState | undefined;
  /** A connection whose handshake is done. */
  dial(options?: ConnectionOptions): Promise<TLSSocket>;
  client(options?: ConnectionOptions): Promise<RawClient>;
}

/** A gateway with one service, and the pair in files of its own; `pair` null: there are no files yet. */
async function begin(
  pair: TestCertificate | null = first,
  how: { readonly times?: Partial<Times>; readonly caps?: Partial<Caps>; readonly keyMode?: number } = {},
): Promise<Case> {
  const dir = mkdtempSync(join(tmpdir(), "sluice-tls-"));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const [certFile, keyFile] = [join(dir, "tls.crt"), join(dir, "tls.key")];
  if (pair !== null) {
    writePair(dir, pair);
    if (how.keyMode !== undefined) chmodSync(keyFile, how.keyMode);
  }
  const tls = { certFile, keyFile, host: "127.0.0.1", port: 0 };
  const times = { certificateLookMs: 5, handshakeMs: 60_000, ...how.times };
  const rig = await startRig(times, 0, { tls, ...(how.caps === undefined ? {} : { caps: how.caps }) });
  closing.push(() => rig.close());
  const upstream = new RawUpstream((_: SeenRequest, socket: Socket) => socket.write(plain(200, "ok")));
  closing.push(() => upstream.close());
  await rig.put({ number: 1, services: [serviceRoute("s", [await upstream.listen()])], groups: [] });
  const dial = async (options: ConnectionOptions = {}) => {
    const socket = connectTls({ host: "localhost", port: rig.tlsPort()!, ca: TRUSTED, ...options });
    closing.push(() => void socket.destroy());
    await new Promise<void>((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
    return socket;
  };
  return {
    ...{ rig, dir, certFile, keyFile, upstream, dial },
    state: () => rig.last("tls")?.tls,
    client: async (options) => new RawClient(rig.tlsPort()!, await dial(options)),
  };
}

const nameOf = (socket: TLSSocket) => socket.getPeerCertificate().subject.CN;
/** Name in the certificate that a new connection is shown. */
async function shownName(c: Case): Promise<string> {
  const socket = await c.dial();
  const name = nameOf(socket);
  socket.destroy();
  return String(name);
}
const met = (rig: GatewayRig, limit: string, count: number) =>
  until(() => rig.limits(null)[limit] === count, `${limit} to be counted ${count} times`);

/** What `make` gives, tried again until it comes to something. */
async function patiently<T>(make: () => Promise<T>): Promise<T> {
  let made: T | undefined;
  const giveUpAt = performance.now() + 30_000;
  while (made === undefined) {
    made = await make().catch((error: Error) => {
      if (performance.now() > giveUpAt) throw error;
      return undefined;
    });
  }
  return made;
}

test("HTTP/2 by ALPN: requests and gRPC's refusals over TLS, told as https", async () => {
  const c = await begin();
  const socket = await c.dial({ ALPNProtocols: ["h2"] });
  assert.equal(socket.alpnProtocol, "h2");
  const session = connectHttp2("https://localhost", { createConnection: () => socket });
  session.on("error", () => {});
  const ask = (more: Record<string, string>) => {
    const stream = session.request({ ":path": "/api/predict/s", authorization: TOKEN, ...more });
    return new Promise<IncomingHttpHeaders>((resolve) => {
      stream.on("response", resolve);
      stream.on("error", () => {});
      stream.resume();
    });
  };
  for (let i = 0; i < 3; i++) assert.equal((await ask({}))[":status"], 200);
  assert.equal(c.upstream.seen.filter((r) => r.head.includes("X-Forwarded-Proto: https\r\n")).length, 3);
  const call = await ask({ ":method": "POST", "content-type": "application/grpc" });
  assert.deepEqual([call["grpc-status"], call["x-sluice-reason"]], ["12", "PROTOCOL_MISMATCH"]);
  session.close();
  await until(() => c.rig.last("report")?.connections === 0, "it to be gone");
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`${version}: requests one after the other on a connection, told as https; the plain port goes on beside it`, async () => {
    const c = await begin();
    const client = await c.client({ minVersion: version, maxVersion: version, ALPNProtocols: ["http/1.1"] });
    assert.equal((client.socket as TLSSocket).getProtocol(), version);
    assert.equal((client.socket as TLSSocket).alpnProtocol, "http/1.1");
    for (let i = 0; i < 3; i++) assert.equal((await client.ask(GET)).status, 200);
    assert.equal(c.upstream.seen.filter((r) => r.head.includes("X-Forwarded-Proto: https\r\n")).length, 3);
    const beside = new RawClient(c.rig.port());
    closing.push(() => beside.close());
    assert.equal((await beside.ask(GET)).status, 200);
    assert.ok(c.upstream.seen[3]!.head.includes("X-Forwarded-Proto: http\r\n"));
    await until(() => c.rig.last("report")?.connections === 2, "both connections to be counted");
    client.close();
    beside.close();
    await until(() => c.rig.last("report")?.connections === 0, "both to be gone");
  });
}

test("older TLS is refused, and counted as a handshake that failed", async () => {
  const c = await begin();
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
  await assert.rejects(c.dial(old), /alert|version|closed|reset/i);
  await met(c.rig, "handshake_failed", 1);
});

test("a client may not begin a new handshake within its connection", async () => {
  const c = await begin();
  const socket = await c.dial({ maxVersion: "TLSv1.2" });
  let isOver = false;
  socket
    .on("error", () => {})
    .on("close", () => {
      isOver = true;
    });
  socket.resume().renegotiate({}, () => {});
  await until(() => isOver, "the connection to be cut");
  assert.equal((await (await c.client()).ask(GET)).status, 200);
});

test("bytes that are no TLS on a connection that was good: it is cut, and its request counts as left", async () => {
  const c = await begin();
  const below = connect(c.rig.tlsPort()!, "127.0.0.1");
  const client = await c.client({ socket: below, servername: "localhost" });
  client.send(GET.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n"));
  await until(() => c.rig.last("report")?.inFlight["s" as never] === 1, "the request to be in work");
  below.write(Buffer.alloc(100, "x"));
  await client.closed();
  await until(() => c.rig.statuses("s")["499"] === 1, "it to be counted");
});

for (const [name, bytes] of [
  ["plain HTTP", GET],
  ["random bytes", Buffer.from(Array.from({ length: 500 }, (_, i) => (i * 151) & 0xff))],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
] as const) {
  test(`instead of a ClientHello: ${name}: cut, counted, and others go on`, async () => {
    const c = await begin();
    const good = await c.client();
    const bad = new RawClient(c.rig.tlsPort()!, connect(c.rig.tlsPort()!, "127.0.0.1"));
    bad.send(bytes as string);
    await bad.closed();
    await met(c.rig, "handshake_failed", 1);
    assert.equal(bad.answers.length, 0);
    assert.equal((await good.ask(GET)).status, 200);
    await until(() => c.rig.last("report")?.connections === 1, "its place to be free");
  });
}

test("a handshake that does not end is cut after its time and counted; its place is free again", async () => {
  const c = await begin(first, { times: { handshakeMs: 50 }, caps: { clientsPerAddressMax: 2 } });
  const silent = connect(c.rig.tlsPort()!, "127.0.0.1");
  // It lies about its length, too.
  const hello = Buffer.from("16030100050100ffffff00", "hex");
  const begun = connect(c.rig.tlsPort()!, "127.0.0.1", () => begun.write(hello));
  const closed = [false, false];
  for (const [i, socket] of [silent, begun].entries()) {
    closing.push(() => void socket.destroy());
    socket
      .on("error", () => {})
      .on("close", () => {
        closed[i] = true;
      });
  }
  await until(() => closed[0]! && closed[1]!, "both to be cut");
  await met(c.rig, "handshake_time", 2);
  assert.equal(c.rig.limits(null).handshake_failed, undefined, "none is counted twice");
  // Both places are free; on a machine that stands still for a moment an honest handshake may be cut, too.
  for (let i = 0; i < 2; i++) {
    const socket = await patiently(() => c.dial());
    assert.equal((await new RawClient(c.rig.tlsPort()!, socket).ask(GET)).status, 200);
  }
});

test("connections count from their first moment: with handshakes under way no more come than the limit", async () => {
  const c = await begin(first, { caps: { clientsMax: 2 } });
  const silent = connect(c.rig.tlsPort()!, "127.0.0.1").on("error", () => {});
  closing.push(() => void silent.destroy());
  await until(() => c.rig.last("report")?.connections === 1, "the silent one to be counted");
  const client = await c.client();
  await assert.rejects(c.dial(), /reset|disconnected|closed|hang up/i);
  await met(c.rig, "connections", 1);
  assert.equal((await client.ask(GET)).status, 200);
  // Whoever leaves before the end did not fail.
  silent.destroy();
  await until(() => c.rig.last("report")?.connections === 1, "a place to be free");
  assert.equal((await (await c.client()).ask(GET)).status, 200);
  assert.equal(c.rig.limits(null).handshake_failed, undefined);
});

/** Every way that files are replaced by in practice; each puts `pair` where `c` looks. */
const REPLACING: Readonly<Record<string, (c: Case, pair: TestCertificate) => void>> = {
  "written in place, the key first": (c, pair) => {
    writeFileSync(c.keyFile, pair.key);
    writeFileSync(c.certFile, pair.cert);
  },
  "by rename": (c, pair) => {
    const fresh = mkdtempSync(join(c.dir, "new-"));
    const { certFile, keyFile } = writePair(fresh, pair);
    renameSync(certFile, c.certFile);
    renameSync(keyFile, c.keyFile);
  },
  "links that lead elsewhere, as certbot": (c, pair) => {
    const fresh = mkdtempSync(join(c.dir, "archive-"));
    const { certFile, keyFile } = writePair(fresh, pair);
    symlinkSync(certFile, join(fresh, "cert"));
    symlinkSync(keyFile, join(fresh, "key"));
    renameSync(join(fresh, "cert"), c.certFile);
    renameSync(join(fresh, "key"), c.keyFile);
  },
};
for (const [way, replace] of Object.entries(REPLACING)) {
  test(`reload under load, ${way}: no request fails, open connections go on, new ones see the new certificate`, async () => {
    const c = await begin();
    const kept = await Promise.all(Array.from({ length: 8 }, () => c.client()));
    let isOver = false;
    let answered = 0;
    // Whoever keeps a connection, and whoever makes one for each request.
    const loads = kept.map(async (client) => {
      while (!isOver) {
        assert.equal((await client.ask(GET)).status, 200);
        answered++;
      }
      assert.equal(nameOf(client.socket as TLSSocket), "first");
    });
    const fresh = (async () => {
      while (!isOver) {
        const client = await c.client();
        assert.equal((await client.ask(GET)).status, 200);
        client.close();
      }
    })();
    const load = Promise.all([...loads, fresh]);
    load.catch(() => {}); // awaited below
    for (const [i, pair] of [second, third].entries()) {
      const before = answered;
      await until(() => answered > before + 50, "load");
      replace(c, pair);
      const name = ["second", "third"][i]!;
      await until(() => c.state()?.certificate?.subject === `CN=${name}`, `the ${name} certificate`);
      assert.equal(await shownName(c), name);
    }
    const before = answered;
    await until(() => answered > before + 50, "load after it");
    isOver = true;
    await load;
    assert.deepEqual([c.state()?.problem, c.state()?.warnings], [null, []]);
  });
}

test("a folder behind a link is swapped, as Kubernetes does with secrets", async () => {
  const dir = mkdtempSync(join(tmpdir(), "sluice-tls-"));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const put = (name: string, pair: TestCertificate) => {
    mkdirSync(join(dir, name));
    writePair(join(dir, name), pair);
    symlinkSync(name, join(dir, "..next"));
    renameSync(join(dir, "..next"), join(dir, "..data"));
  };
  put("one", first);
  symlinkSync("..data/tls.crt", join(dir, "tls.crt"));
  symlinkSync("..data/tls.key", join(dir, "tls.key"));
  const tls = { certFile: join(dir, "tls.crt"), keyFile: join(dir, "tls.key"), host: "127.0.0.1", port: 0 };
  const rig = await startRig({ certificateLookMs: 5 }, 0, { tls });
  closing.push(() => rig.close());
  await rig.put({ number: 1, services: [], groups: [] });
  assert.equal(rig.last("tls")?.tls.certificate?.subject, "CN=first");
  put("two", second);
  await until(() => rig.last("tls")?.tls.certificate?.subject === "CN=second", "the second certificate");
});

test("half of a new pair changes nothing, and is named while it stays so; the other half completes it", async () => {
  const c = await begin();
  const client = await c.client();
  writeFileSync(c.certFile, second.cert);
  await until(() => c.state()?.problem != null, "the problem to be told");
  assert.match(c.state()!.problem!, /tls\.key: the key does not belong to the certificate in .*tls\.crt$/);
  assert.deepEqual([c.state()!.certificate?.subject, c.state()!.port], ["CN=first", c.rig.tlsPort()]);
  assert.equal(await shownName(c), "first");
  assert.equal((await client.ask(GET)).status, 200);
  writeFileSync(c.keyFile, second.key);
  await until(() => c.state()?.certificate?.subject === "CN=second", "the new certificate");
  assert.equal(c.state()!.problem, null);
  assert.equal(await shownName(c), "second");
  assert.equal((await client.ask(GET)).status, 200);
});

for (const [name, harm, problem] of [
  ["the certificate is gone", (c: Case) => rmSync(c.certFile), /tls\.crt: there is no such file$/],
  ["the key is gone", (c: Case) => rmSync(c.keyFile), /tls\.key: there is no such file$/],
  ["not PEM", (c: Case) => writeFileSync(c.certFile, "hello"), /tls\.crt: holds no certificate in PEM form/],
  [
    "half written",
    (c: Case) => writeFileSync(c.certFile, second.cert.slice(0, 300)),
    /tls\.crt: a PEM block has no end/,
  ],
  ["empty", (c: Case) => writeFileSync(c.keyFile, ""), /tls\.key: holds no private key/],
] as const) {
  test(`a bad pair is refused with a reason, and the old one stays in force: ${name}`, async () => {
    const c = await begin();
    harm(c);
    await until(() => c.state()?.problem != null, "the problem to be told");
    assert.match(c.state()!.problem!, problem);
    assert.equal(await shownName(c), "first");
    writePair(c.dir, first);
    await until(() => c.state()?.problem === null, "the old pair to be good again");
    assert.equal(await shownName(c), "first");
  });
}

test("a session of the old certificate is not resumed under the new one", async () => {
  const c = await begin();
  const options = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const before = await c.dial(options);
  const session = before.getSession()!;
  assert.ok((await c.dial({ ...options, session })).isSessionReused(), "else this test shows nothing");
  writePair(c.dir, second);
  await until(() => c.state()?.certificate?.subject === "CN=second", "the new certificate");
  const after = await c.dial({ ...options, session });
  assert.deepEqual([after.isSessionReused(), nameOf(after)], [false, "second"]);
});

test("without files the plain port serves, TLS says what it waits for, and begins when they are there", async () => {
  const c = await begin(null);
  const { port, certificate, problem } = c.state()!;
  assert.deepEqual([port, certificate, c.rig.tlsPort()], [null, null, null]);
  assert.match(problem!, /tls\.crt: there is no such file$/);
  const client = new RawClient(c.rig.port());
  closing.push(() => client.close());
  assert.equal((await client.ask(GET)).status, 200);
  writePair(c.dir, first);
  await until(() => c.rig.tlsPort() !== null, "TLS to begin");
  assert.equal((await (await c.client()).ask(GET)).status, 200);
  await until(() => c.state()?.port === c.rig.tlsPort(), "that to be told");
  assert.deepEqual([c.state()!.problem, c.state()!.certificate?.subject], [null, "CN=first"]);
});

test("dates and permissions that a person should see to are told, and do not keep TLS from working", async () => {
  const soon = await begin(makeCertificate("soon", [-300, 5.5]), { keyMode: 0o644 });
  const [open, date, ...more] = soon.state()!.warnings;
  assert.match(open!, /tls\.key: every user of this machine can read the private key/);
  assert.match(date!, /^the certificate expires on .*, in 5 days$/);
  assert.deepEqual(more, []);
  const over = await begin(makeCertificate("over", [-30, -2]));
  assert.match(over.state()!.warnings[0]!, /^the certificate expired on /);
  assert.equal((await (await over.client({ rejectUnauthorized: false })).ask(GET)).status, 200);
});

test("who connects later is told the state with the first line", async () => {
  const c = await begin();
  const { certificate } = c.state()!;
  const late = connect(join(c.rig.dir, "control.sock"));
  closing.push(() => void late.destroy());
  let text = "";
  late.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await until(() => text.includes("\n"), "the first line");
  const hello = JSON.parse(text.split("\n")[0]!) as { type: string; tls: TlsState };
  assert.deepEqual([hello.type, hello.tls.certificate], ["hello", certificate]);
});

test("a drain closes the port, lets handshakes end, and answers whoever came before", async () => {
  const c = await begin(first, { times: { drainIdleMs: 30_000 } });
  const idle = await c.client();
  const slow = connect(c.rig.tlsPort()!, "127.0.0.1");
  closing.push(() => void slow.destroy());
  await until(() => c.rig.last("report")?.connections === 2, "both to be counted");
  const port = c.rig.tlsPort()!;
  const drained = c.rig.gateway.drain(performance.now() + 60_000);
  await until(() => c.rig.tlsPort() === null, "the port to be closed");
  const late = connectTls({ socket: slow, ca: TRUSTED, servername: "localhost" });
  const [one, two] = [await new RawClient(port, late).ask(GET), await idle.ask(GET)];
  for (const { status, fields } of [one, two]) assert.deepEqual([status, fields.connection], [200, "close"]);
  await assert.rejects(c.dial({ port }), /ECONNREFUSED/);
  await drained;
});
