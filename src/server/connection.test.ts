import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import test, { type TestContext } from "node:test";
import { createClient } from "../api/client.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

/** The app on a real port, closed when the test ends. */
async function listening(t: TestContext, limits: Parameters<typeof apiApp>[0] = {}) {
  const api = apiApp(limits);
  const address = await api.app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => api.app.close());
  return { ...api, address, port: Number(new URL(address).port) };
}

async function readAll(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  // A server that cuts a client off may reset the connection.
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

test("a body of 50 MB is refused with 413, and the client gets to read it", async (t) => {
  const { address, control } = await listening(t);
  const answer = await fetch(`${address}/api/v2/services`, {
    method: "POST",
    headers: { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json" },
    body: Buffer.alloc(50 * 1024 * 1024, 0x20),
  });
  const body = (await answer.json()) as Record<string, unknown>;
  assert.equal(answer.status, 413);
  assert.equal(body.Code, "BODY_TOO_LARGE");
  assert.equal(body.Message, "the body is larger than 1048576 bytes");
  assert.equal(body.LimitBytes, 1_048_576);
  assert.match(String(body.RequestId), /^[0-9A-F-]{36}$/);
  assert.equal(control.services.size, 0);
});

test("a body without end is cut off after the second limit", async (t) => {
  const { port } = await listening(t, { documentBytesMax: 100, discardBytesMax: 1000 });
  const socket = connect(port, "127.0.0.1");
  socket.write(`POST /api/v2/services HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TEST_KEY}\r\n`);
  socket.write("transfer-encoding: chunked\r\n\r\n");
  const feed = () => {
    while (socket.writable && socket.write(`400\r\n${"x".repeat(1024)}\r\n`));
  };
  socket.on("drain", feed);
  feed();
  assert.match(await readAll(socket), /^(HTTP\/1\.1 413 |$)/, "cut off, with the answer if it gets through");
});

test("bodies that are not UTF-8 or break off are told from JSON errors", async (t) => {
  const { address, control } = await listening(t);
  const answer = await fetch(`${address}/api/v2/services`, {
    method: "POST",
    headers: { authorization: `Bearer ${TEST_KEY}` },
    body: Buffer.from([0x7b, 0xff, 0x7d]),
  });
  assert.match(((await answer.json()) as { Message: string }).Message, /not UTF-8/);
  const socket = connect(Number(new URL(address).port), "127.0.0.1");
  socket.write(`POST /api/v2/services HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TEST_KEY}\r\n`);
  socket.end("content-length: 100\r\n\r\n{");
  await readAll(socket);
  assert.equal(control.services.size, 0);
});

test("a client that sends its head one byte at a time is cut off", async (t) => {
  const { port } = await listening(t, { headMs: 100, requestMs: 200 });
  const socket = connect(port, "127.0.0.1");
  socket.write("GET /api/v2/services HTTP/1.1\r\nhost:");
  const text = await readAll(socket);
  assert.match(text, /^HTTP\/1\.1 408 /);
  assert.match(text, /"Code":"REQUEST_TIMEOUT"/);
  assert.match(text, /"RequestId":"[0-9A-F-]{36}"/);
});

test("what is not HTTP gets an answer in JSON with a RequestId", async (t) => {
  const { port } = await listening(t);
  const socket = connect(port, "127.0.0.1");
  socket.write("what is this\r\n\r\n");
  assert.match(await readAll(socket), /^HTTP\/1\.1 400 [\s\S]*"Code":"BAD_REQUEST"[\s\S]*"RequestId":"/);
});

test("a head without end is refused", async (t) => {
  const { port } = await listening(t);
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET /${"x".repeat(20_000)} HTTP/1.1\r\n`);
  assert.match(await readAll(socket), /^HTTP\/1\.1 400 [\s\S]*its head is longer than 16 KiB/);
});

test("connections over the limit are closed", async (t) => {
  const { port } = await listening(t, { connectionsMax: 1 });
  const first = connect(port, "127.0.0.1");
  await new Promise((resolve) => first.once("connect", resolve));
  const second = connect(port, "127.0.0.1");
  assert.equal(await readAll(second), "");
  first.destroy();
});

test("a log is followed until the client leaves, and the server can stop meanwhile", async (t) => {
  const { address, control } = await listening(t);
  const client = createClient({ address, key: TEST_KEY });
  await client.call("CreateService", { body: pmmlDocument("pmml_prod", 2) });
  control.settle();
  let _open = 0;
  control.logs = async function* (instance, options, signal) {
    _open += 1;
    assert.deepEqual(options, { lines: 3, isFollowing: true });
    yield `hello from ${instance}`;
    await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    _open -= 1;
  };
  const seen: string[] = [];
  const stop = new AbortController();
  const where = { region: "local", service: "pmml_prod", lines: 3 };
  await assert.rejects(
    async () => {
      for await (const line of client.followLogs(where, stop.signal)) {
        seen.push(line);
        if (seen.length === 2) stop.abort();
      }
    },
    { name: "AbortError" },
  );
  assert.deepEqual(seen.toSorted(), [
    "[pmml_prod-v1-0] hello from pmml_prod-v1-0",
    "[pmml_prod-v1-1] hello from pmml_prod-v1-1",
  ]);
  const second = client.followLogs(where, new AbortController().signal);
  await second.next();
  await assert.rejects(client.followLogs({ ...where, service: "nobody" }, stop.signal).next());
});

test("the typed client tells refusals from silence", async (t) => {
  const { address, app } = await listening(t);
  const client = createClient({ address: `${address}/`, key: TEST_KEY });
  await client.call("CreateService", { body: pmmlDocument("pmml_prod", 2) });
  const path = { ClusterId: "local", ServiceName: "pmml_prod" };
  assert.equal((await client.call("DescribeService", { path })).ServiceName, "pmml_prod");
  assert.equal((await client.call("ListServices", { query: { Label: { a: "b" } } })).TotalCount, 0);
  await assert.rejects(client.call("DescribeService", { path: { ...path, ServiceName: "a/b" } }), {
    name: "ApiError",
    code: "SERVICE_NOT_FOUND",
    status: 404,
    message: "no service named a/b",
  });
  const wrongKey = createClient({ address, key: "wrong" });
  await assert.rejects(wrongKey.call("ListServices", {}), { name: "ApiError", code: "UNAUTHORIZED" });
  await app.close();
  await assert.rejects(client.call("ListServices", {}), {
    name: "UnreachableError",
    address,
  });
});
