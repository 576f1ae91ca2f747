/** Single probes against real servers and real commands. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer as createHttp, type RequestListener } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { FOLDER_VARIABLE } from "../../base/command-processes.ts";
import { isStartedWith, livingProcesses } from "../../base/process-identity.ts";
import type { Probe, ProbeAction } from "../../core/health/probe.ts";
import { lookOnce, type ProbeTools } from "./probe-look.ts";

/** Long enough for a slow machine, where an answer is expected; short, where none comes. */
const [PATIENT_MS, SHORT_MS] = [60_000, 300];
const never = new AbortController().signal;
const probeOf = (action: ProbeAction, timeoutMs = PATIENT_MS): Probe => ({
  action,
  initialDelayMs: 0,
  periodMs: 1000,
  timeoutMs,
  successThreshold: 1,
  failureThreshold: 1,
});

function toolsOf(t: TestContext, port: number | null = null): ProbeTools {
  const folder = mkdtempSync(join(tmpdir(), "sluice-probe-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return {
    own: () => (port === null ? null : { host: "127.0.0.1", port }),
    commandLine: ([file = "", ...args]) => ({
      file,
      args,
      env: { ...process.env, [FOLDER_VARIABLE]: folder },
      cwd: folder,
    }),
    folder,
  };
}

async function listening(t: TestContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((done) => server.close(done));
  });
  return (server.address() as { port: number }).port;
}
const http = (t: TestContext, answer: RequestListener) => listening(t, createHttp(answer));

const GET = (path: string, port: number | null = null): ProbeAction => ({
  kind: "http",
  scheme: "http",
  path,
  port,
});

test("http: a status from 200 to 399 is good, others say what they were; redirects are not followed", async (t) => {
  const seen: string[] = [];
  const port = await http(t, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.writeHead(Number(request.url!.slice(1)), { location: "/500" }).end("x".repeat(200_000));
  });
  const tools = toolsOf(t, port);
  for (const [status, isGood] of [
    [200, true],
    [302, true],
    [399, true],
    [400, false],
    [503, false],
  ] as const) {
    const look = await lookOnce(probeOf(GET(`/${status}`)), tools, never);
    assert.deepEqual(look, {
      isGood,
      message: isGood ? "" : `GET /${status} was answered with ${status}`,
    });
  }
  assert.deepEqual(seen, ["GET /200", "GET /302", "GET /399", "GET /400", "GET /503"]);
  assert.ok((await lookOnce(probeOf(GET("/200", port)), toolsOf(t), never)).isGood, "a port of its own");
});

test("http and tcp: nobody there, nobody who answers, and nothing of the instance's own yet", async (t) => {
  const deaf = await listening(t, createServer());
  const closed = createServer();
  const port = await listening(t, closed);
  closed.close();
  const silent = await lookOnce(probeOf(GET("/", deaf), SHORT_MS), toolsOf(t), never);
  assert.deepEqual(silent, { isGood: false, message: "no answer within 0.3 s" });
  assert.match((await lookOnce(probeOf(GET("/", port)), toolsOf(t), never)).message, /ECONNREFUSED/);
  assert.match((await lookOnce(probeOf({ kind: "tcp", port }), toolsOf(t), never)).message, /ECONNREFUSED/);
  assert.ok((await lookOnce(probeOf({ kind: "tcp", port: deaf }), toolsOf(t), never)).isGood);
  assert.ok((await lookOnce(probeOf({ kind: "tcp", port: null }), toolsOf(t, deaf), never)).isGood);
  const nowhere = await lookOnce(probeOf({ kind: "tcp", port: null }), toolsOf(t), never);
  assert.deepEqual(nowhere, { isGood: false, message: "the command does not listen yet" });
});

test("http: an answer that never ends is judged by its status; what is no HTTP is bad", async (t) => {
  const endless = await http(t, (_, response) => {
    response.writeHead(200);
    response.write("data");
  });
  assert.ok((await lookOnce(probeOf(GET("/", endless), SHORT_MS), toolsOf(t), never)).isGood);
  const rude = createServer((socket) => socket.end("hello\r\n\r\n"));
  assert.match(
    (await lookOnce(probeOf(GET("/", await listening(t, rude))), toolsOf(t), never)).message,
    /Parse/,
  );
});

const shell = (text: string): ProbeAction => ({ kind: "exec", command: ["/bin/sh", "-c", text] });
const left = ({ folder }: ProbeTools) =>
  livingProcesses().filter(({ pid }) => isStartedWith(pid, `${FOLDER_VARIABLE}=${folder}`));

async function untilNoneLeft(tools: ProbeTools): Promise<void> {
  const until = performance.now() + 30_000;
  while (left(tools).length > 0) {
    assert.ok(performance.now() < until, "processes of a check are left");
    await delay(20);
  }
}

test("exec: exit 0 is good; others say code, signal and output", async (t) => {
  const tools = toolsOf(t);
  const look = async (text: string) => lookOnce(probeOf(shell(text)), tools, never);
  assert.deepEqual(await look("echo fine"), { isGood: true, message: "" });
  assert.deepEqual(await look("echo out; echo why >&2; exit 3"), {
    isGood: false,
    message: "the command ended with exit code 3: out\nwhy",
  });
  assert.match((await look("kill -9 $$")).message, /was ended by SIGKILL/);
  const missing = await lookOnce(probeOf({ kind: "exec", command: ["/no/such"] }), tools, never);
  assert.match(missing.message, /cannot be started: .*ENOENT/);
});

test("exec: what hangs is ended with all that it started, and so is what a good one leaves behind", async (t) => {
  const tools = toolsOf(t);
  const hanging = await lookOnce(probeOf(shell("sleep 600 & sleep 600"), SHORT_MS), tools, never);
  assert.deepEqual(hanging, { isGood: false, message: "no answer within 0.3 s" });
  await untilNoneLeft(tools);
  const left = await lookOnce(probeOf(shell("sleep 600 & echo $! > pid")), tools, never);
  assert.ok(left.isGood && existsSync(join(tools.folder, "pid")));
  assert.ok(Number(readFileSync(join(tools.folder, "pid"), "utf8")) > 1);
  await untilNoneLeft(tools);
});

test("one that is no longer wanted ends at once", async (t) => {
  const tools = toolsOf(t);
  const over = new AbortController();
  const looking = lookOnce(probeOf(shell("sleep 600")), tools, over.signal);
  over.abort();
  assert.equal((await looking).isGood, false);
  await untilNoneLeft(tools);
});
