import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { SMALL } from "../harness/side.ts";
import { Stage } from "../harness/stage.ts";
import { sendAtRate } from "./rate.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/** `answer` is told how many requests there were. */
async function server(t: TestContext, answer: (requests: number, write: (text: string) => void) => void) {
  let requests = 0;
  const listening = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", () => answer(++requests, (text) => socket.write(text)));
  });
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  t.after(() => listening.close());
  return { port: (listening.address() as AddressInfo).port };
}

const RATE = { perS: 200, connections: 4, intervalS: 0.5, intervals: 1, warmS: 0, isSpinning: false };

test("requests come at the rate, and each is counted", async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const side = await server(t, (_, write) => write(ANSWER));
  const results = await sendAtRate(stage, side, SMALL, { ...RATE, intervals: 2 });
  assert.equal(results.length, 2);
  const answered = results.reduce((sum, result) => sum + result.answered, 0);
  // As many as are due in the time, which is longer on a machine that is busy.
  assert.ok(answered >= 190, `${answered} answered`);
  assert.equal(results[0]!.failed + results[1]!.failed, 0);
});

test("a server that stops is charged for everyone who would have come meanwhile", async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const held: (() => void)[] = [];
  const side = await server(t, (requests, write) => {
    if (requests <= 4) held.push(() => write(ANSWER));
    else write(ANSWER);
    // Long after the last one was due: a client that waits for its answers would have sent 4.
    if (requests === 4) setTimeout(() => held.forEach((go) => void go()), 1000);
  });
  const [result] = await sendAtRate(stage, side, SMALL, { ...RATE, isSpinning: true });
  assert.ok(result!.answered >= 90, `${result!.answered} answered`);
  assert.ok(result!.p50Us > 400_000, `half of them waited for ${result!.p50Us} µs`);
});

test("an answer other than 200 is a failed request", async (t) => {
  const stage = new Stage();
  t.after(() => stage.end());
  const refusal = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
  const side = await server(t, (_, write) => write(refusal));
  const [result] = await sendAtRate(stage, side, SMALL, RATE);
  assert.equal(result!.failed, result!.answered);
  assert.ok(result!.failed > 0);
});
