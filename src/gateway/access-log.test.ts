import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { until } from "../../test/harness/gateway-rig.ts";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { SeededRandom } from "../testing/seeded-random.ts";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { type AccessEnd, AccessLog, type AccessLogFiles } from "./access-log.ts";
import { ACCESS_LOG_BEHIND_BYTES_MAX, ACCESS_LOG_FILE_BYTES_MAX } from "./limits.ts";

const END: AccessEnd = {
  requestId: "r-1",
  client: "127.0.0.1",
  service: "g",
  member: "s",
  instance: "s-v1-0",
  status: 200,
  reason: null,
  bytes: 12,
  ms: 1.23456,
};

/** A connection that has sent nothing yet. */
const FRESH = { bytesWritten: 0 };

function logOf(
  t: TestContext,
  options: { share?: number; withQuery?: boolean; files?: AccessLogFiles } = {},
) {
  const dir = mkdtempSync(join(tmpdir(), "sluice-access-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, "access.log");
  const { share = 1, withQuery = false, files } = options;
  const deps = { clock: new VirtualClock(), random: new SeededRandom(7), ...(files ? { files } : {}) };
  return { file, dir, log: new AccessLog({ file, share, withQuery }, deps) };
}

function requestOf(target: string): [MessageHead, Buffer] {
  const buf = Buffer.from(`POST ${target} HTTP/1.1\r\nHost: h\r\nAuthorization: secret\r\n\r\nbody`);
  const head = new MessageHead();
  assert.ok(parseRequestHead(head, buf, 0, buf.length) > 0);
  return [head, buf];
}

const linesOf = (file: string) =>
  readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("a line says who, what and how; neither token nor body, and the query only when asked for", async (t) => {
  const { log, file } = logOf(t);
  const [head, buf] = requestOf("/api/predict/g/x?key=1");
  log.end(log.begin(head, buf, FRESH)!, END);
  log.end(log.begin(null, null, FRESH)!, {
    ...END,
    service: null,
    member: null,
    instance: null,
    status: 400,
    reason: "BAD_REQUEST",
  });
  await log.close();
  const [line, broken] = linesOf(file);
  const { time, ...rest } = line!;
  assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(rest, { ...END, ms: 1.235, method: "POST", path: "/api/predict/g/x" });
  assert.deepEqual([broken!.method, broken!.path, broken!.reason], [null, null, "BAD_REQUEST"]);
  assert.ok(!/secret|body|key=1/.test(readFileSync(file, "utf8")));
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(log.take(), { written: 2, dropped: 0 });
  assert.deepEqual(log.take(), { written: 0, dropped: 0 });

  const open = logOf(t, { withQuery: true });
  open.log.end(open.log.begin(head, buf, FRESH)!, END);
  await open.log.close();
  assert.equal(linesOf(open.file)[0]!.path, "/api/predict/g/x?key=1");
});

test("a share of the requests gets a line", (t) => {
  const { log } = logOf(t, { share: 0.1 });
  const [head, buf] = requestOf("/");
  const count = Array.from({ length: 10_000 }, () => log.begin(head, buf, FRESH)).filter(
    (e) => e !== null,
  ).length;
  assert.ok(count > 850 && count < 1150, String(count));
});

test("a disk that hangs costs lines, not memory; they are counted", async (t) => {
  const hung = Promise.withResolvers<void>();
  const files: AccessLogFiles = {
    rename,
    open: async (path) => {
      await hung.promise;
      return open(path, "a", 0o600);
    },
  };
  const { log, file } = logOf(t, { files });
  const [head, buf] = requestOf("/");
  const asked = 40_000;
  for (let i = 0; i < asked; i++) log.end(log.begin(head, buf, FRESH)!, END);
  const droppedWhileHung = log.dropped;
  assert.ok(droppedWhileHung > 0);
  hung.resolve();
  await log.close();
  const { written, dropped } = log.take();
  assert.deepEqual([written + dropped, dropped], [asked, droppedWhileHung]);
  const { size } = statSync(file);
  assert.ok(size <= ACCESS_LOG_BEHIND_BYTES_MAX * 1.1, String(size));
  assert.equal(linesOf(file).length, written);
});

test("a disk that fails costs the lines, and the next write tries anew", async (t) => {
  let fails = true;
  const files: AccessLogFiles = {
    rename,
    open: async (path) => {
      if (fails) throw new Error("no space");
      return open(path, "a", 0o600);
    },
  };
  const { log, file } = logOf(t, { files });
  const [head, buf] = requestOf("/");
  log.end(log.begin(head, buf, FRESH)!, END);
  log.flush();
  await until(() => log.dropped === 1, "the failed write");
  fails = false;
  log.end(log.begin(head, buf, FRESH)!, END);
  await log.close();
  assert.equal(linesOf(file).length, 1);
  assert.deepEqual(log.take(), { written: 1, dropped: 1 });
});

test("a full file becomes the first old one; there are only so many", async (t) => {
  const { log, file } = logOf(t);
  const [head, buf] = requestOf("/");
  for (let round = 0; round < 6; round++) {
    log.end(log.begin(head, buf, FRESH)!, { ...END, requestId: `r-${round}` });
    log.flush();
    await until(() => log.written === round + 1, "the write");
    // As if it were full: a sparse file of that size.
    await log.close();
    if (round < 5) {
      const before = readFileSync(file).subarray(0, 400);
      writeFileSync(file, before);
      const handle = await open(file, "r+");
      await handle.truncate(ACCESS_LOG_FILE_BYTES_MAX + 1);
      await handle.close();
    }
  }
  assert.ok(existsSync(`${file}.4`) && !existsSync(`${file}.5`));
  assert.equal(linesOf(file)[0]!.requestId, "r-5");
  assert.match(readFileSync(`${file}.1`).subarray(0, 400).toString(), /r-4/);
});
