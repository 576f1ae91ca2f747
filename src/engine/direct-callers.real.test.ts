/** Callers that come to an instance itself, over TCP: signed requests, and rules that change while it lives. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import { EngineInstance, eventually } from "../testing/engine-instance.ts";

const ECHO = "def process(data):\n    return data\n";
const PATH = "/api/predict/svc";

async function started(t: TestContext): Promise<EngineInstance> {
  const instance = new EngineInstance({ source: ECHO });
  t.after(() => instance.dispose());
  await instance.ready();
  return instance;
}

/** Fields of a POST that is signed for `body`, by other means than the engine's. */
function signed(body: string, token: string, path = PATH): Record<string, string> {
  const md5 = createHash("md5").update(body).digest("hex").replace(/^0+/, "");
  const date = "Sat, 21 Nov 2026 07:00:00 GMT";
  const text = `POST\n${md5}\napplication/octet-stream\n${date}\n${path}`;
  const signature = createHmac("sha1", token).update(text).digest("base64");
  return {
    "content-md5": md5,
    date,
    "content-type": "application/octet-stream",
    authorization: `EAS ${signature}`,
  };
}

test("a signed request is let in, and its body checked, in one piece or in many", async (t) => {
  const instance = await started(t);
  const long = "body 303 ".repeat(100_000);
  for (const body of ["", "body 303", long]) {
    const answer = await instance.callPort(body, PATH, signed(body, "secret"));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.toString(), body);
  }
  for (const [body, other] of [
    ["right", "wrong"],
    [long, `${long.slice(0, -1)}x`],
  ] as const) {
    const refused = await instance.callPort(other, PATH, signed(body, "secret"));
    assert.equal(refused.status, 400);
    assert.equal(refused.headers["x-sluice-reason"], "BODY_DIGEST_MISMATCH");
  }
  const path = `${PATH}/v1?a=b`;
  assert.equal((await instance.callPort("x", path, signed("x", "secret", path))).status, 200);
  for (const fields of [signed("x", "secret", `${PATH}2`), signed("x", "another")])
    assert.equal((await instance.callPort("x", PATH, fields)).status, 401);
});

test("one request's digest is not the next one's", async (t) => {
  const instance = await started(t);
  const socket = connect(instance.state!.port!, "127.0.0.1");
  t.after(() => socket.destroy());
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
  });
  const fields = Object.entries({ ...signed("one", "secret"), host: "h", "content-length": "3" });
  const lines = (given: [string, string][]) => given.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  socket.write(`POST ${PATH} HTTP/1.1\r\n${lines(fields)}\r\none`);
  socket.write(`POST ${PATH} HTTP/1.1\r\nHost: h\r\nAuthorization: secret\r\nContent-Length: 3\r\n\r\ntwo`);
  await eventually("both answers", () => text.includes("two"));
  assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 2);
});

test("other tokens, and bodies that are let be, are in force within a second, without a restart", async (t) => {
  const instance = await started(t);
  const status = async (token: string) =>
    (await instance.callPort("x", PATH, { authorization: token })).status;
  const give = (tokens: readonly string[], isBodyChecked: boolean) =>
    writeFileAtomicSync(join(instance.dir, "access.json"), JSON.stringify({ tokens, isBodyChecked }), 0o600);
  assert.equal(await status("secret"), 200);
  give(["newer", "secret"], true);
  await eventually("the new token to open it", async () => (await status("newer")) === 200);
  assert.equal(await status("secret"), 200);
  give(["newer"], false);
  await eventually("the old token to be refused", async () => (await status("secret")) === 401);
  const other = await instance.callPort("other bytes", PATH, signed("signed bytes", "newer"));
  assert.equal(other.body.toString(), "other bytes");
});
