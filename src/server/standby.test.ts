import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "../testing/seeded-random.ts";
import { createStandbyApp } from "./standby.ts";

test("a standby lives, is not ready, and names the one who leads for all else, without a key", async (t) => {
  let leader: string | null = "http://127.0.0.1:1";
  const app = createStandbyApp({ random: new SeededRandom(1), leader: () => leader });
  t.after(() => app.close());
  const alive = await app.inject("/healthz");
  assert.deepEqual([alive.statusCode, alive.json().Status], [200, "ok"]);
  assert.equal(alive.headers["x-request-id"], alive.json().RequestId);
  for (const [method, url] of [
    ["HEAD", "/healthz"],
    ["GET", "/healthz?from=probe"],
  ] as const)
    assert.equal((await app.inject({ method, url })).statusCode, 200, `${method} ${url}`);
  assert.equal((await app.inject("/readyz?from=probe")).json().Status, "standby");
  const readiness = await app.inject("/readyz");
  assert.deepEqual([readiness.statusCode, readiness.json().Status], [503, "standby"]);
  for (const [method, url] of [
    ["GET", "/api/v2/services"],
    ["POST", "/api/v2/services"],
    ["DELETE", "/healthz"],
    ["GET", "/nobody/knows?x=%"],
  ] as const) {
    const answer = await app.inject({ method, url, ...(method === "POST" ? { payload: "{" } : {}) });
    const { statusCode, headers } = answer;
    const { Code, Leader, Message, RequestId } = answer.json();
    assert.deepEqual(
      [statusCode, Code, Leader, headers["retry-after"]],
      [503, "NOT_LEADER", leader, "1"],
      url,
    );
    assert.match(Message, /the one that leads is at http:\/\/127\.0\.0\.1:1/);
    assert.equal(headers["x-request-id"], RequestId);
  }
  leader = null;
  assert.equal((await app.inject("/api/v2/services")).json().Leader, null);
});
