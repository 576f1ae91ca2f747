/** Callers that come to an instance itself, over TCP: signed requests, and rules that change while it lives. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { connect } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeFileAtomicSync } from "../base/atomic-file.ts";
import { EngineInstance, eventually, type InstanceOptions } from "../testing/engine-instance.ts";

const ECHO = "def process(data):\n    return data\n";
const PATH = "/api/predict/svc";

async function started(t: TestContext, options: Partial<InstanceOptions> = {}): Promise<EngineInstance> {
  const instance = new EngineInstance({ source: ECHO, ...options });
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

test("by its group's name it is opened by the group's tokens alone, as they are in force", async (t) => {
  const instance = await started(t, { group: "g" });
  const status = async (path: string, token: string) =>
    (await instance.callPort("x", path, { authorization: token })).status;
  const give = (groupTokens: readonly string[]) => {
    const rules = { tokens: ["secret", ...groupTokens], groupTokens, isBodyChecked: true };
    writeFileAtomicSync(join(instance.dir, "access.json"), JSON.stringify(rules), 0o600);
  };
  assert.equal(await status("/api/predict/g", "secret"), 401);
  give(["group's"]);
  await eventually(
    "the group's token to open it",
    async () => (await status("/api/predict/g/x", "group's")) === 200,
  );
  assert.deepEqual(
    await Promise.all([
      status("/api/predict/g", "secret"),
      status("/api/predict/g.svc", "secret"),
      status("/api/predict/svc", "group's"),
      status("/api/predict/g.other", "group's"),
    ]),
    [401, 200, 200, 404],
  );
  const path = "/api/predict/g/v1";
  assert.equal((await instance.callPort("x", path, signed("x", "group's", path))).status, 200);
  assert.equal((await instance.callPort("x", path, signed("x", "secret", path))).status, 401);
  give([]);
  await eventually("the revoked token to be refused", async () => (await status(path, "group's")) === 401);
});

test("one that was called directly takes requests while it drains, until it is told twice; another ends at once", async (t) => {
  const limits = { directQuietMs: 600_000, directLingerMsMax: 600_000 };
  const [called, other] = await Promise.all([started(t, { limits }), started(t, { limits })]);
  const authorization = { authorization: "secret" };
  assert.equal((await called.callPort("x", PATH, authorization)).status, 200);
  for (const { process } of [called, other]) process.kill("SIGTERM");
  assert.deepEqual(await other.exited, { code: 0, signal: null });
  await called.until("draining", (state) => state.phase === "draining");
  for (let i = 0; i < 5; i++) {
    const answer = await called.callPort(`after ${i}`, PATH, authorization);
    assert.equal(answer.body.toString(), `after ${i}`);
    assert.equal(answer.headers.connection, "close", "so that no connection is in use when it ends");
  }
  called.process.kill("SIGTERM");
  assert.deepEqual(await called.exited, { code: 0, signal: null });
});

test("it ends when direct callers have ceased, and waits for them no longer than it may", async (t) => {
  const limits = [
    { directQuietMs: 100, directLingerMsMax: 600_000 },
    { directQuietMs: 600_000, directLingerMsMax: 100 },
    { directRecentMs: 0, directQuietMs: 600_000, directLingerMsMax: 600_000 },
  ];
  await Promise.all(
    limits.map(async (one) => {
      const instance = await started(t, { limits: one });
      assert.equal((await instance.callPort("x", PATH, { authorization: "secret" })).status, 200);
      instance.process.kill("SIGTERM");
      assert.deepEqual(await instance.exited, { code: 0, signal: null });
    }),
  );
});
