import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { test } from "node:test";
import { createClient } from "./client.ts";

async function serving(t: { after(end: () => void): void }, answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

const json =
  (status: number, body: object): RequestListener =>
  (_, res) =>
    void res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
const regions = { RequestId: "r", Regions: [] };

test("a client goes on to the one who leads, with its key, once", async (t) => {
  let key = "";
  const leader = await serving(t, (req, res) => {
    key = req.headers.authorization ?? "";
    json(200, regions)(req, res);
  });
  const standby = await serving(t, json(503, { Code: "NOT_LEADER", Leader: leader, Message: "m" }));
  assert.deepEqual(await createClient({ address: standby, key: "k" }).call("DescribeRegions", {}), regions);
  assert.equal(key, "Bearer k");
  const circle = await serving(t, json(503, { Code: "NOT_LEADER", Leader: standby, Message: "m" }));
  const back = await serving(t, json(503, { Code: "NOT_LEADER", Leader: circle, Message: "m" }));
  await assert.rejects(createClient({ address: back, key: "k" }).call("DescribeRegions", {}), {
    code: "NOT_LEADER",
  });
});

test("while nobody leads, and for any other 503, the answer is what came", async (t) => {
  for (const body of [
    { Code: "NOT_LEADER", Leader: null, Message: "m" },
    { Code: "STORE_UNAVAILABLE", Message: "m" },
  ]) {
    const address = await serving(t, json(503, body));
    await assert.rejects(createClient({ address, key: "k" }).call("DescribeRegions", {}), {
      code: body.Code,
    });
  }
});
