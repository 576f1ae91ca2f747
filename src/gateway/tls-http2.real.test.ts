/** HTTP/2 that ALPN chose: beside HTTP/1.1 on the same port, through a change of the certificate, and in a drain. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { promisify } from "node:util";
import { makeCertificate } from "../../test/harness/certificates.ts";
import { type GatewayRig, serviceRoute, startRig, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { writePair } from "../../test/harness/over-tls.ts";
import { plain, RawUpstream, type SeenRequest } from "../../test/harness/raw-upstream.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const first = makeCertificate("first");
const second = makeCertificate("second");

/** Lets the instance answer the request that it holds. */
let release: () => void = () => {};

async function begin(): Promise<{ rig: GatewayRig; dir: string; upstream: RawUpstream }> {
  const dir = mkdtempSync(join(tmpdir(), "sluice-tls-"));
  closing.push(() => rmSync(dir, { recursive: true, force: true }));
  const tls = { ...writePair(dir, first), host: "127.0.0.1", port: 0 };
  const rig = await startRig({ certificateLookMs: 5, drainIdleMs: 30_000 }, 0, { tls });
  closing.push(() => rig.close());
  const upstream = new RawUpstream((request: SeenRequest, socket: Socket) => {
    const answer = () => socket.write(plain(200, request.body.toString("latin1")));
    if (request.body.toString() === "held") release = answer;
    else answer();
  });
  closing.push(() => upstream.close());
  await rig.put({ number: 1, services: [serviceRoute("s", [await upstream.listen()])], groups: [] });
  return { rig, dir, upstream };
}

function sessionOf(rig: GatewayRig): ClientHttp2Session {
  const session = connect(`https://localhost:${rig.tlsPort()}`, { ca: [first.cert, second.cert] });
  session.on("error", () => {});
  closing.push(() => session.destroy());
  return session;
}

async function ask(session: ClientHttp2Session, body: string): Promise<{ status: number; body: string }> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/api/predict/s/x",
    authorization: TOKEN,
  });
  stream.end(body);
  let status = 0;
  let text = "";
  stream.on("response", (headers) => {
    status = Number(headers[":status"]);
  });
  for await (const chunk of stream.setEncoding("utf8")) text += chunk;
  return { status, body: text };
}

test("many streams at once on a connection whose protocol ALPN chose, told as https", async () => {
  const { rig, upstream } = await begin();
  const session = sessionOf(rig);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(session, `body ${i}`)));
  assert.equal(session.alpnProtocol, "h2");
  for (const [i, answer] of answers.entries()) assert.deepEqual(answer, { status: 200, body: `body ${i}` });
  assert.ok(upstream.seen.every((request) => /x-forwarded-proto: https\r\n/i.test(request.head)));
  session.close();
  await until(() => rig.last("report")?.connections === 0, "the connection to be gone");
});

test("curl, with HTTP/2 and with HTTP/1.1 on the same port", async () => {
  const { rig, dir } = await begin();
  const url = `https://localhost:${rig.tlsPort()}/api/predict/s/x`;
  const more = ["-sS", "--cacert", join(dir, "tls.crt"), "-H", `Authorization: ${TOKEN}`, "-d", "hi", "-w"];
  for (const [flag, version] of [
    ["--http2", "2"],
    ["--http1.1", "1.1"],
  ]) {
    const { stdout } = await promisify(execFile)("curl", [...more, " over %{http_version}", flag!, url]);
    assert.equal(stdout, `hi over ${version}`);
  }
});

test("a new certificate: streams of an open connection go on, new connections see it", async () => {
  const { rig, dir } = await begin();
  const session = sessionOf(rig);
  assert.equal((await ask(session, "before")).status, 200);
  writePair(dir, second);
  await until(() => rig.last("tls")?.tls.certificate?.subject === "CN=second", "the new certificate");
  assert.deepEqual(await ask(session, "after"), { status: 200, body: "after" });
  const fresh = sessionOf(rig);
  assert.deepEqual(await ask(fresh, "fresh"), { status: 200, body: "fresh" });
  const { getPeerCertificate } = fresh.socket as unknown as {
    getPeerCertificate(): { subject: { CN: string } };
  };
  assert.equal(getPeerCertificate.call(fresh.socket).subject.CN, "second");
});

test("a drain ends the connection when its streams are done", async () => {
  const { rig, upstream } = await begin();
  const session = sessionOf(rig);
  const held = ask(session, "held");
  await until(() => upstream.seen.length === 1, "the request to be in work");
  let isTold = false;
  session.on("goaway", () => {
    isTold = true;
  });
  const drained = rig.gateway.drain(performance.now() + 60_000);
  await until(() => isTold, "the end to be told");
  release();
  assert.deepEqual(await held, { status: 200, body: "held" });
  await drained;
});
