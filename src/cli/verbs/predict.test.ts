import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { pmmlDocument } from "../../testing/api-app.ts";
import { cliBench } from "../../testing/cli-run.ts";

/** A gateway that answers as told, and the CLI's API pointing at it. */
async function withGateway(t: TestContext, answer: (response: ServerResponse) => void) {
  const seen: string[] = [];
  const gateway = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    seen.push(`${request.method} ${request.url} ${request.headers.authorization} ${body}`);
    answer(response);
  });
  gateway.listen(0, "127.0.0.1");
  await once(gateway, "listening");
  t.after(() => {
    gateway.closeAllConnections();
    gateway.close();
  });
  const gatewayAddress = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`;
  const bench = await cliBench(t, { gatewayAddress });
  await bench.control.createService(pmmlDocument("pmml_grey", 1));
  return { ...bench, seen, gatewayAddress };
}

test("predict goes to the service, the group, or the member, each with its token", async (t) => {
  const { run, write, seen } = await withGateway(t, (response) => response.end('[{"p":1}]'));
  assert.deepEqual(await run(["predict", "pmml_grey", "-d", "[{}]"]), { code: 0, out: '[{"p":1}]', err: "" });
  write("rows.json", "[1]");
  await run(["predict", "pmml", "-d", "@rows.json"]);
  await run(["predict", "pmml", "--group", "-d", "@-"], { stdin: "[2]" });
  await run(["predict", "pmml.pmml_grey", "--path", "v1/x"]);
  assert.deepEqual(seen, [
    "POST /api/predict/pmml.pmml_grey token-1 [{}]",
    "POST /api/predict/pmml group-token-1 [1]",
    "POST /api/predict/pmml group-token-1 [2]",
    "GET /api/predict/pmml.pmml_grey/v1/x token-1 ",
  ]);
});

test("predict fails with the status, who said it, and the body", async (t) => {
  const { run } = await withGateway(t, (response) => {
    response.writeHead(503, { "x-sluice-reason": "NO_READY_INSTANCE" });
    response.end("no healthy upstream");
  });
  const { code, out, err } = await run(["predict", "pmml_grey"]);
  assert.deepEqual([code, out], [1, ""]);
  const [said, id] = err.split("[RequestId]: ");
  assert.equal(said, "[ERROR] HTTP 503 Service Unavailable (NO_READY_INSTANCE)\nno healthy upstream\n");
  assert.match(id!, /^[0-9A-F-]{36}\n$/);
});

test("predict names what it cannot find", async (t) => {
  const { run, app } = await withGateway(t, (response) => response.end());
  assert.match((await run(["predict", "nobody"])).err, /there is no service and no group named nobody/);
  assert.match((await run(["predict", "nobody", "--group"])).err, /GROUP_NOT_FOUND/);
  for (const path of ["/v2", "/v2/models/pmml_grey/infer", "/"]) {
    const { code, err } = await run(["predict", `pmml_grey${path}`, "-d", "{}"]);
    assert.equal(code, 1);
    assert.match(err, /^\[ERROR\] no region named pmml_grey; .* is read as REGION\/NAME\. /);
    assert.ok(err.endsWith(`: sluice predict pmml_grey --path ${path}\n`), err);
  }
  assert.match((await run(["predict", "pmml", "-d", "@none"])).err, /cannot read none/);
  assert.equal((await run(["predict", "pmml", "-H", "no colon"])).code, 2);
  await app.close();
});

test("predict says when the gateway does not answer", async (t) => {
  const { run, gatewayAddress } = await withGateway(t, (response) => response.destroy());
  const { code, err } = await run(["predict", "pmml_grey"]);
  assert.equal(code, 1);
  assert.ok(err.includes(gatewayAddress), err);
});
