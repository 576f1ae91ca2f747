/** What clients do to the control API's HTTP that is odd and not wrong, or wrong and not to be taken. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import test, { type TestContext } from "node:test";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

const KEY = `authorization: Bearer ${TEST_KEY}\r\n`;

async function listening(t: TestContext, limits: Parameters<typeof apiApp>[0] = {}) {
  const api = apiApp(limits);
  const address = await api.app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => api.app.close());
  return { ...api, address, port: Number(new URL(address).port) };
}

/** What comes back for bytes, until the server closes or `isEnough`. */
async function raw(
  port: number,
  bytes: string,
  isEnough: (text: string) => boolean = () => false,
): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("error", () => undefined); // a server that cuts a client off may reset the connection
  const end = new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      text += chunk;
      if (isEnough(text)) resolve();
    });
    socket.on("end", resolve);
    socket.on("close", resolve);
  });
  socket.write(bytes);
  await end;
  socket.destroy();
  return text;
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);

test("requests in one write are answered in their order, each by its own id", async (t) => {
  const { port } = await listening(t);
  const ask = (path: string, id: string) =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\n${KEY}x-request-id: ${id}\r\n`;
  const text = await raw(
    port,
    `${ask("/api/v2/regions", "one")}\r\n${ask("/api/v2/nowhere", "two")}\r\n${ask("/healthz", "three")}connection: close\r\n\r\n`,
  );
  assert.deepEqual(statuses(text), ["200", "404", "200"]);
  assert.deepEqual(
    [...text.matchAll(/"RequestId":"(\w+)"/g)].map(([, id]) => id),
    ["one", "two", "three"],
  );
});

test("a client that ends its side still gets its answer", async (t) => {
  const { port } = await listening(t);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  let text = "";
  socket.on("data", (chunk) => (text += chunk));
  socket.end(`GET /api/v2/regions HTTP/1.1\r\nhost: x\r\n${KEY}\r\n`);
  await new Promise((resolve) => socket.once("end", resolve));
  socket.destroy();
  assert.match(text, /^HTTP\/1\.1 200 [\s\S]*"RegionId":"local"/);
});

test("a body in chunks is a body; one with both lengths, or two, is refused", async (t) => {
  const { port, control } = await listening(t);
  const document = JSON.stringify(pmmlDocument("chunked", 1));
  const head = (fields: string) => `POST /api/v2/services HTTP/1.1\r\nhost: x\r\n${KEY}${fields}\r\n\r\n`;
  const chunks = `${document.length.toString(16)}\r\n${document}\r\n0\r\n\r\n`;
  const isWhole = (text: string) => text.includes("RequestId");
  const taken = await raw(port, head("transfer-encoding: chunked") + chunks, isWhole);
  assert.deepEqual(statuses(taken), ["200"]);
  for (const fields of [
    "transfer-encoding: chunked\r\ncontent-length: 5",
    "content-length: 5\r\ncontent-length: 6",
    "content-length: -1",
    "content-length: 0x5",
    "transfer-encoding: gzip",
  ]) {
    const text = await raw(port, `${head(fields)}12345`, isWhole);
    assert.deepEqual([fields, statuses(text)], [fields, ["400"]]);
  }
  assert.deepEqual([...control.services.keys()], ["chunked"]);
});

test("a body without a length is none, and is told so where one is needed", async (t) => {
  const { port } = await listening(t);
  const text = await raw(
    port,
    `POST /api/v2/services HTTP/1.1\r\nhost: x\r\n${KEY}connection: close\r\n\r\n`,
  );
  assert.match(text, /^HTTP\/1\.1 400 [\s\S]*"Code":"INVALID_JSON"/);
});

test("whatever a client calls its body, it is read as JSON", async (t) => {
  const { app } = await listening(t);
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    ";;;",
  ]) {
    const answer = await app.inject({
      method: "POST",
      url: "/api/v2/groups",
      headers: { authorization: `Bearer ${TEST_KEY}`, "content-type": type },
      payload: '{"Name": "A"}',
    });
    assert.deepEqual([type, answer.statusCode, answer.json().Code], [type, 400, "INVALID_ARGUMENT"]);
  }
});

test("HEAD is GET without its body; other methods are 405 with those that there are", async (t) => {
  const { app } = await listening(t);
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  const head = await app.inject({ method: "HEAD", url: "/api/v2/services", headers });
  assert.deepEqual([head.statusCode, head.body], [200, ""]);
  assert.ok(Number(head.headers["content-length"]) > 0);
  assert.equal((await app.inject({ method: "HEAD", url: "/readyz" })).statusCode, 200);
  assert.equal((await app.inject({ method: "HEAD", url: "/metrics", headers })).statusCode, 200);
  for (const method of ["OPTIONS", "PATCH", "TRACE", "DELETE"] as const) {
    const answer = await app.inject({ method: method as "GET", url: "/api/v2/services?a=b", headers });
    assert.deepEqual(
      [answer.statusCode, answer.headers.allow, answer.json().Code],
      [405, "GET, HEAD, POST", "METHOD_NOT_ALLOWED"],
    );
  }
  const unknown = await app.inject({ method: "OPTIONS", url: "/api/v2/services" });
  assert.equal(unknown.statusCode, 401, "nobody is told what there is without a key");
});

test("a path is one path: a slash more, another case, encoded slashes and dots lead nowhere else", async (t) => {
  const { app, control } = await listening(t);
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  await control.createService(pmmlDocument("pmml_prod", 1));
  const ask = async (url: string) => {
    const answer = await app.inject({ url, headers });
    return [answer.statusCode, answer.json().Code];
  };
  assert.equal((await ask("/api/v2/services/local/pmml%5fprod"))[0], 200, "the same name, encoded");
  for (const [url, code] of [
    ["/api/v2/services/", "NOT_FOUND"],
    ["//api/v2/services", "NOT_FOUND"],
    ["/API/v2/services", "NOT_FOUND"],
    ["/api/v2/services/local/a%2f..%2fpmml_prod", "SERVICE_NOT_FOUND"],
    ["/api/v2/services/local/%00", "SERVICE_NOT_FOUND"],
    ["/api/v2/services/local/%F0%9F%98%80", "SERVICE_NOT_FOUND"],
    ["/api/v2/services/local/__proto__", "SERVICE_NOT_FOUND"],
  ] as const) {
    assert.deepEqual([url, ...(await ask(url))], [url, 404, code]);
  }
  for (const url of ["/api/v2/services/local/%", "/api/v2/services/local/%ff", "/api/v2/services/local/%zz"])
    assert.deepEqual([url, ...(await ask(url))], [url, 400, "BAD_REQUEST"]);
});

test("an id of the client's is taken over when it is short and harmless, else replaced", async (t) => {
  const { app, logged } = await listening(t);
  const idFor = async (given: string | string[]) => {
    const answer = await app.inject({ url: "/healthz", headers: { "x-request-id": given as string } });
    assert.equal(answer.headers["x-request-id"], answer.json().RequestId);
    return answer.json().RequestId as string;
  };
  for (const good of ["order-66", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a".repeat(128), "Root=1-5e/6:7+8.9_"])
    assert.equal(await idFor(good), good);
  for (const bad of ["", "a".repeat(129), "a b", 'a"b', "a\tb", "ä", "a;rm", "<x>", "a,b"])
    assert.match(await idFor(bad), /^00000000-0000-4000-8000-\d{12}$/, bad);
  assert.ok(logged.some((line) => line.includes('"requestId":"order-66"')));
});

test("a name with a line break in it is a name like others: its value is checked", async (t) => {
  const { app, control } = await listening(t);
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  for (const value of [["x", null], null, 7, { a: 1 }]) {
    const payload = JSON.stringify({ Name: "odd", Labels: { "a\nb": value } });
    const answer = await app.inject({ method: "POST", url: "/api/v2/groups", headers, payload });
    assert.deepEqual([answer.statusCode, answer.json().Problems[0].Allowed], [400, "a text"], answer.body);
  }
  assert.equal(control.groups.size, 0);
});

test("a query given twice, or of another kind, is refused by name, and one with the name of a built-in is unknown", async (t) => {
  const { app } = await listening(t);
  const headers = { authorization: `Bearer ${TEST_KEY}` };
  for (const [query, path] of [
    ["PageSize=1&PageSize=2", "?PageSize"],
    ["PageSize=1e2", "?PageSize"],
    ["PageSize=", "?PageSize"],
    ["Label=[1]", "?Label"],
    ["Label={", "?Label"],
    ["constructor=1", "?constructor"],
    ["__proto__=1", "?__proto__"],
  ] as const) {
    const answer = await app.inject({ url: `/api/v2/services?${query}`, headers });
    assert.deepEqual([query, answer.statusCode], [query, 400], answer.body);
    assert.equal(answer.json().Problems[0].Path, path);
  }
});
