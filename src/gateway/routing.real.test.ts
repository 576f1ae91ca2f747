import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
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
import { shownCertificate } from "../../test/harness/over-tls.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import type { Address } from "../core/traffic/route-table.ts";

// Two members of a group and a service of its own. Each instance answers with who it is and what it saw.
let rig: GatewayRig;
const servers: Server[] = [];
const clients: RawClient[] = [];

async function echo(name: string, unixPath?: string): Promise<Address> {
  const server = createServer({ keepAliveTimeout: 0 }, (req, res) => {
    let body = "";
    req.setEncoding("latin1").on("data", (text: string) => {
      body += text;
    });
    req.on("end", () => {
      const { method, url, headers } = req;
      res.setHeader("Keep-Alive", "timeout=9").setHeader("X-Sluice-Service", "spoofed");
      res.end(JSON.stringify({ name, method, url, headers, body }));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) =>
    unixPath ? server.listen(unixPath, resolve) : server.listen(0, "127.0.0.1", resolve),
  );
  return unixPath
    ? { kind: "unix", path: unixPath }
    : { kind: "tcp", host: "127.0.0.1", port: (server.address() as AddressInfo).port };
}

before(async () => {
  rig = await startRig();
  const a = await echo("a", join(rig.dir, "a.sock"));
  const b = await echo("b");
  const lone = await echo("lone");
  await rig.put({
    number: 7,
    services: [
      serviceRoute("prod", [a], { group: "pmml" as never, tokens: [TOKEN, "old=="] }),
      serviceRoute("grey", [b], { group: "pmml" as never, tokens: ["grey=="] }),
      serviceRoute("aside", [lone], { group: "pmml" as never }),
      serviceRoute("alone", [lone]),
      serviceRoute("empty", []),
    ],
    groups: [groupRoute("pmml", { prod: 4, grey: 1 }), groupRoute("nobody", {})],
  });
});
after(async () => {
  for (const client of clients) client.close();
  await rig.close();
  for (const server of servers) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const client = () => {
  const made = new RawClient(rig.port());
  clients.push(made);
  return made;
};
const get = (path: string, token: string | null, more = "") =>
  `GET ${path} HTTP/1.1\r\nHost: h.example:80\r\n${token === null ? "" : `Authorization: ${token}\r\n`}${more}\r\n`;
const seen = (body: Buffer) =>
  JSON.parse(body.toString()) as { name: string; url: string; headers: Record<string, string> };

test("paths: what stands behind the service's name goes on, with its query", async () => {
  const c = client();
  const cases: [string, string, string][] = [
    ["/api/predict/prod", "a", "/"],
    ["/api/predict/prod/", "a", "/"],
    ["/api/predict/prod?x=1", "a", "/?x=1"],
    ["/api/predict/prod/v1/chat%20x/../y?z=/", "a", "/v1/chat%20x/../y?z=/"],
    ["/api/predict/pmml.prod/deep", "a", "/deep"],
    ["/api/predict/alone", "lone", "/"],
    ["http://h.example:80/api/predict/prod/abs", "a", "/abs"],
  ];
  for (const [path, name, url] of cases) {
    const answer = await c.ask(get(path, TOKEN));
    assert.equal(answer.status, 200, path);
    assert.deepEqual([seen(answer.body).name, seen(answer.body).url], [name, url], path);
    assert.equal(answer.fields["x-sluice-service"], undefined, "only a group's answer names a member");
  }
});

test("tokens: raw or Bearer; a group's opens its members, a member's only itself", async () => {
  const c = client();
  const cases: [string, string | null, number][] = [
    ["/api/predict/prod", TOKEN, 200],
    ["/api/predict/prod", `Bearer ${TOKEN}`, 200],
    ["/api/predict/prod", `bearer  ${TOKEN}`, 200],
    ["/api/predict/prod", "old==", 200],
    ["/api/predict/prod", GROUP_TOKEN, 200],
    ["/api/predict/pmml.prod", GROUP_TOKEN, 200],
    ["/api/predict/pmml.prod", TOKEN, 200],
    ["/api/predict/pmml", GROUP_TOKEN, 200],
    ["/api/predict/pmml", TOKEN, 401],
    ["/api/predict/grey", TOKEN, 401],
    ["/api/predict/pmml.grey", TOKEN, 401],
    ["/api/predict/prod", null, 401],
    ["/api/predict/prod", "", 401],
    ["/api/predict/prod", "Bearer", 401],
    ["/api/predict/prod", `Basic ${TOKEN}`, 401],
    ["/api/predict/prod", `${TOKEN}x`, 401],
    ["/api/predict/prod", TOKEN.slice(0, -1), 401],
    ["/api/predict/prod", `${TOKEN}\r\nAuthorization: ${TOKEN}`, 401],
    ["/api/predict/alone", GROUP_TOKEN, 401],
  ];
  for (const [path, token, status] of cases) {
    const answer = await c.ask(get(path, token));
    assert.equal(answer.status, status, `${path} with ${token}`);
    if (status === 401) assert.equal(answer.fields["x-sluice-reason"], "TOKEN_REQUIRED");
  }
});

test("unknown addresses: 404 with an empty body, and the connection goes on", async () => {
  const c = client();
  for (const path of [
    "/",
    "/api/predict/",
    "/api/predict",
    "/api/predict/x",
    "/api/predict/pmml.x",
    "/API/predict/prod",
    "/api/predict/prodx",
    "/api/predict/pmml.alone",
    "/api/predict//prod",
    "*",
  ]) {
    const answer = await c.ask(path === "*" ? "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" : get(path, TOKEN));
    assert.deepEqual([answer.status, answer.body.length], [404, 0], path);
    assert.equal(answer.fields["x-sluice-reason"], "ROUTE_NOT_FOUND");
    assert.match(answer.fields["x-request-id"]!, /^[0-9a-f]{24}$/);
  }
  assert.equal((await c.ask(get("/api/predict/prod", TOKEN))).status, 200);
  await until(
    () => rig.messages.some((m) => m.type === "report" && m.unrouted > 0),
    "unrouted to be reported",
  );
});

test("nobody ready: 503 no healthy upstream", async () => {
  const c = client();
  for (const [path, token] of [
    ["/api/predict/empty", TOKEN],
    ["/api/predict/nobody", GROUP_TOKEN],
  ] as const) {
    const answer = await c.ask(get(path, token));
    assert.deepEqual([answer.status, answer.body.toString()], [503, "no healthy upstream"]);
    assert.equal(answer.fields["x-sluice-reason"], "NO_READY_INSTANCE");
  }
});

test("a member that is set aside gets nothing through the group, and all of its own", async () => {
  const c = client();
  assert.equal(seen((await c.ask(get("/api/predict/pmml.aside", TOKEN))).body).name, "lone");
  for (let i = 0; i < 10; i++)
    assert.notEqual(seen((await c.ask(get("/api/predict/pmml", GROUP_TOKEN))).body).name, "lone");
});

test("answers through a group say who answered, whatever the instance says", async () => {
  const c = client();
  for (let i = 0; i < 5; i++) {
    const answer = await c.ask(get("/api/predict/pmml", GROUP_TOKEN));
    const expected = seen(answer.body).name === "a" ? "prod" : "grey";
    assert.equal(answer.fields["x-sluice-service"], expected);
  }
});

test("fields of one hop stay on it, the token is not passed on, ours are added", async () => {
  const c = client();
  const more = [
    "Connection: keep-alive, X-Mine, Content-Length",
    "X-Mine: 1",
    "Keep-Alive: 3",
    "TE: trailers",
    "Proxy-Authorization: p",
    "Proxy-Connection: keep-alive",
    "Upgrade: websocket",
    "X-Kept: caf\xe9  two",
    "X-Request-Id: my-id.1",
    "X-Forwarded-For: 10.0.0.9",
    "X-Forwarded-For: 10.0.0.8",
    "",
  ].join("\r\n");
  const answer = await c.ask(get("/api/predict/prod", TOKEN, more));
  const { headers } = seen(answer.body);
  assert.deepEqual(headers, {
    host: "h.example:80",
    "x-kept": "caf\xe9  two",
    "x-request-id": "my-id.1",
    "x-forwarded-for": "10.0.0.9, 10.0.0.8, 127.0.0.1",
    "x-forwarded-proto": shownCertificate() === null ? "http" : "https",
    "x-forwarded-host": "h.example:80",
  });
  assert.equal(answer.fields["keep-alive"], undefined);
  assert.equal(answer.fields.connection, undefined);
});

test("an odd request id is replaced; proto and host of a proxy before us are kept", async () => {
  const c = client();
  for (const id of ["", "a b", "x".repeat(129), "a\r\nX-Request-Id: b", "<script>"]) {
    const { headers } = seen((await c.ask(get("/api/predict/prod", TOKEN, `X-Request-Id: ${id}\r\n`))).body);
    assert.match(headers["x-request-id"]!, /^(ab){8}[0-9a-f]{8}$/);
  }
  const { headers } = seen(
    (await c.ask(get("/api/predict/prod", TOKEN, "X-Forwarded-Proto: https\r\nX-Forwarded-Host: out\r\n")))
      .body,
  );
  assert.deepEqual([headers["x-forwarded-proto"], headers["x-forwarded-host"]], ["https", "out"]);
});

const split = async (count: number, connections: number) => {
  const counts: Record<string, number> = {};
  const each = count / connections;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const c = client();
      for (let i = 0; i < each; i++) {
        const { fields } = await c.ask(get("/api/predict/pmml", GROUP_TOKEN));
        const member = fields["x-sluice-service"]!;
        counts[member] = (counts[member] ?? 0) + 1;
      }
      c.close();
    }),
  );
  return counts;
};

test("10,000 requests on 8 connections split 8000 to 2000, exactly", async () => {
  assert.deepEqual(await split(10_000, 8), { prod: 8000, grey: 2000 });
});

test("a new table changes the split at once: 27 to 73, then 100 to 0", async () => {
  const a: Address = { kind: "unix", path: join(rig.dir, "a.sock") };
  const b: Address = { kind: "tcp", host: "127.0.0.1", port: (servers[1]!.address() as AddressInfo).port };
  const services = [
    serviceRoute("prod", [a], { group: "pmml" as never }),
    serviceRoute("grey", [b], { group: "pmml" as never }),
  ];
  await rig.put({ number: 8, services, groups: [groupRoute("pmml", { prod: 73, grey: 27 })] });
  assert.deepEqual(await split(1000, 4), { prod: 730, grey: 270 });
  await rig.put({ number: 9, services, groups: [groupRoute("pmml", { prod: 1 })] });
  assert.deepEqual(await split(100, 4), { prod: 100 });
  const c = client();
  assert.equal(seen((await c.ask(get("/api/predict/pmml.grey", GROUP_TOKEN))).body).name, "b");
});
