/** Signed requests through a real gateway (eas-reference §3.2): who gets in, and whose body is taken. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import {
  type GatewayRig,
  GROUP_TOKEN,
  groupRoute,
  serviceRoute,
  startRig,
  TOKEN,
  until,
} from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import type { GroupName } from "../core/names.ts";

let rig: GatewayRig;
const clients: RawClient[] = [];
/** Bodies that the instance got whole, and how many requests broke off before their end. */
const whole: string[] = [];
let broken = 0;
let received = 0;

const server = createServer((request, response) => {
  const pieces: Buffer[] = [];
  request.on("data", (piece: Buffer) => {
    received += piece.length;
    pieces.push(piece);
  });
  request.on("end", () => {
    whole.push(Buffer.concat(pieces).toString("latin1"));
    response.end(`${request.url} ${Buffer.concat(pieces).length}`);
  });
  request.on("error", () => {
    broken++;
  });
});

before(async () => {
  rig = await startRig();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port } as const;
  const group = "g" as GroupName;
  await rig.put({
    number: 1,
    services: [
      serviceRoute("one", [address], { group, tokens: [TOKEN, "older=="] }),
      serviceRoute("lax", [address], { isBodyChecked: false }),
    ],
    groups: [groupRoute("g", { one: 1 })],
  });
});

after(async () => {
  for (const client of clients) client.close();
  await rig.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};

interface Sign {
  readonly token?: string;
  readonly path?: string;
  readonly signedPath?: string;
  /** Digest sent and signed; that of the body unless told. */
  readonly md5?: string;
  readonly framing?: string;
}

const md5Of = (body: string) => createHash("md5").update(body, "latin1").digest("hex");

/** The head of a signed POST, made by other means than the gateway's. */
function headOf(
  body: string,
  { token = TOKEN, path = "/api/predict/one", signedPath = path, md5, framing }: Sign = {},
) {
  const digest = md5 ?? md5Of(body);
  const date = "Sat, 21 Nov 2026 07:00:00 GMT";
  const text = `POST\n${digest}\napplication/octet-stream\n${date}\n${signedPath}`;
  const signature = createHmac("sha1", token).update(text).digest("base64");
  return [
    `POST ${path} HTTP/1.1`,
    "Host: h.example",
    `Content-MD5: ${digest}`,
    `Date: ${date}`,
    "Content-Type: application/octet-stream",
    framing ?? `Content-Length: ${body.length}`,
    `Authorization: EAS ${signature}`,
    "\r\n",
  ].join("\r\n");
}

test("any token of the service or of its group may have signed; a member's does not open the group", async () => {
  const c = client();
  const cases: [Sign, number][] = [
    [{}, 200],
    [{ token: "older==" }, 200],
    [{ token: GROUP_TOKEN }, 200],
    [{ token: "wrong" }, 401],
    [{ path: "/api/predict/one/v1/x?k=a%20b&l" }, 200],
    [{ path: "/api/predict/one/a%20b", signedPath: "/api/predict/one/a b" }, 200],
    [{ path: "/api/predict/one/v1", signedPath: "/api/predict/one/v2" }, 401],
    [{ path: "/api/predict/one?a=1", signedPath: "/api/predict/one?a=2" }, 401],
    [{ path: "/api/predict/g.one" }, 200],
    [{ path: "/api/predict/g", token: GROUP_TOKEN }, 200],
    [{ path: "/api/predict/g" }, 401],
  ];
  for (const [sign, status] of cases) {
    const answer = await c.ask(`${headOf("{}", sign)}{}`);
    assert.equal(answer.status, status, JSON.stringify(sign));
    if (status === 401) assert.equal(answer.fields["x-sluice-reason"], "TOKEN_REQUIRED");
  }
});

test("a short body that is not the signed one never reaches an instance", async () => {
  const c = client();
  whole.length = 0;
  const answer = await c.ask(`${headOf("right")}wrong`);
  assert.equal(answer.status, 400);
  assert.equal(answer.fields["x-sluice-reason"], "BODY_DIGEST_MISMATCH");
  assert.equal((await c.ask(`${headOf("right")}right`)).status, 200, "the connection goes on");
  assert.deepEqual(whole, ["right"]);
});

test("a body in pieces is passed on at once, and is not completed when it is wrong", async () => {
  const body = "x".repeat(300_000);
  for (const isRight of [true, false]) {
    whole.length = 0;
    broken = 0;
    received = 0;
    const c = client();
    c.send(headOf(body));
    c.send(body.slice(0, 200_000));
    await until(() => received === 200_000, "the instance to get the first piece");
    c.send(`${body.slice(200_000, -1)}${isRight ? "x" : "y"}`);
    const answer = await c.answer(0);
    if (isRight) {
      assert.equal(answer.body.toString(), "/ 300000");
      assert.equal(whole[0], body);
    } else {
      assert.equal(answer.status, 400);
      assert.equal(answer.fields["x-sluice-reason"], "BODY_DIGEST_MISMATCH");
      await until(() => broken === 1, "the instance to see the end of the connection");
      assert.deepEqual(whole, []);
    }
  }
});

test("a body in chunks is checked for its content", async () => {
  const framing = "Transfer-Encoding: chunked";
  const c = client();
  c.send(headOf("hello world", { framing }));
  c.send("6;a=b\r\nhello \r\n5\r\nwor");
  c.send("ld\r\n0\r\n\r\n");
  assert.equal((await c.answer(0)).body.toString(), "/ 11");
  c.send(headOf("hello world", { framing }));
  c.send("6\r\nhello \r\n5\r\nwolrd\r\n");
  c.send("0\r\n\r\n");
  assert.equal((await c.answer(1)).fields["x-sluice-reason"], "BODY_DIGEST_MISMATCH");
});

test("Java's digest has lost its leading zeros", async () => {
  const body = "body 303";
  assert.ok(md5Of(body).startsWith("00"));
  const answer = await client().ask(headOf(body, { md5: md5Of(body).replace(/^0+/, "") }) + body);
  assert.equal(answer.body.toString(), "/ 8");
});

test("a service may let bodies be: Java's setIsCompressed signs other bytes than it sends", async () => {
  const sign = { path: "/api/predict/lax", md5: md5Of("compressed") };
  assert.equal((await client().ask(`${headOf("plain", sign)}plain`)).status, 200);
  assert.equal((await client().ask(`${headOf("plain", { ...sign, token: "wrong" })}plain`)).status, 401);
});
