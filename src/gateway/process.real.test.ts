import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, createServer as createNetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { serviceRoute, TOKEN, until } from "../../test/harness/gateway-rig.ts";
import { RawClient } from "../../test/harness/raw-client.ts";
import { parseIdentity } from "../base/process-identity.ts";

// The worker as its own process, as `sluice serve` starts it.
const MAIN = join(import.meta.dirname, "..", "main.ts");
const MIB = 1024 * 1024;
let dir: string;
let port: number;
let instance: Server;
let worker: ChildProcess;
let control: Socket;
let said = "";
const waiting: { end(text: string): void }[] = [];

before(async () => {
  instance = createServer({ keepAliveTimeout: 0 }, (req, res) => {
    if (req.url === "/wait") return void waiting.push(res);
    if (req.url !== "/down") {
      let bytes = 0;
      req.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
      });
      req.on("end", () => res.end(String(bytes)));
      return;
    }
    const block = Buffer.alloc(MIB, "x");
    let left = 100;
    const more = () => {
      while (left > 0) {
        left--;
        if (!res.write(block)) return void res.once("drain", more);
      }
      res.end();
    };
    more();
  });
  await new Promise<void>((resolve) => instance.listen(0, "127.0.0.1", resolve));
  const probe = createNetServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  port = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  dir = mkdtempSync(join(tmpdir(), "sluice-gw-"));
  writeFileSync(join(dir, "gateway.json"), JSON.stringify({ host: "127.0.0.1", port, slot: 0 }));
  await begin();
});
after(async () => {
  worker.kill("SIGKILL");
  control.destroy();
  instance.closeAllConnections();
  await new Promise((resolve) => instance.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

/** Starts the worker and gives it a table. */
async function begin(): Promise<void> {
  worker = spawn(process.execPath, [MAIN, "gateway", "--dir", dir], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  said = "";
  await until(() => identity()?.pid === worker.pid, "process.json");
  let isOpen = false;
  await until(() => {
    if (control === undefined || control.destroyed || control.errored) {
      control = connect(join(dir, "control.sock"), () => {
        isOpen = true;
      });
      control
        .on("error", () => {})
        .setEncoding("utf8")
        .on("data", (text: string) => {
          said += text;
        });
    }
    return isOpen;
  }, "the control socket");
  const address = { kind: "tcp", host: "127.0.0.1", port: (instance.address() as AddressInfo).port } as const;
  const table = { number: 1, services: [serviceRoute("s", [address], { keepaliveMs: 60_000 })], groups: [] };
  control.write(`${JSON.stringify({ type: "table", table })}\n`);
  await until(() => said.includes('"ack"'), "the ack");
}

function identity() {
  try {
    return parseIdentity(readFileSync(join(dir, "process.json"), "utf8"));
  } catch {
    return null;
  }
}

/** Highest resident set so far, in MiB. */
const peakMib = () =>
  Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${worker.pid}/status`, "utf8"))![1]) / 1024;

/** Sends `count` MiB and counts what comes back. */
function transfer(path: string, count: number): Promise<{ body: string; bytes: number }> {
  return new Promise((resolve, reject) => {
    const options = {
      port,
      method: count > 0 ? "PUT" : "GET",
      path: `/api/predict/s${path}`,
      headers: { authorization: TOKEN },
    };
    const req = request(options, (res) => {
      let [body, bytes] = ["", 0];
      res.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes < 100) body += chunk.toString();
      });
      res.on("end", () => resolve({ body, bytes }));
    });
    req.on("error", reject);
    const block = Buffer.alloc(MIB, "y");
    let left = count;
    const more = () => {
      while (left > 0) {
        left--;
        if (!req.write(block)) return void req.once("drain", more);
      }
      req.end();
    };
    more();
  });
}

test("100 MiB up and 100 MiB down leave the worker's memory flat", async () => {
  await transfer("/up", 4);
  const before = peakMib();
  for (let i = 0; i < 2; i++) {
    assert.equal((await transfer("/up", 100)).body, String(100 * MIB));
    assert.equal((await transfer("/down", 0)).bytes, 100 * MIB);
  }
  const grown = peakMib() - before;
  assert.ok(grown < 32, `grew by ${grown.toFixed(1)} MiB from ${before.toFixed(1)}`);
});

const get = (path: string) =>
  `GET /api/predict/s/${path} HTTP/1.1\r\nHost: h\r\nAuthorization: ${TOKEN}\r\n\r\n`;
const exit = () =>
  new Promise<number | string | null>((resolve) =>
    worker.once("exit", (code, signal) => resolve(signal ?? code)),
  );

/** Resolves once nobody listens for clients any more: draining has begun. */
async function refusal(): Promise<void> {
  let isRefused = false;
  const knock = () => {
    const socket = connect(port, "127.0.0.1", () => socket.destroy());
    socket.on("error", () => {
      isRefused = true;
    });
    socket.on("close", () => isRefused || knock());
  };
  knock();
  await until(() => isRefused, "the port to be closed");
}

test("SIGTERM: it serves on until it is told to drain; then an idle connection still gets its next answer", async () => {
  const c = new RawClient(port);
  c.send(get("up"));
  assert.equal((await c.answer(0)).fields.connection, undefined);
  const exited = exit();
  worker.kill("SIGTERM");
  await until(() => said.includes('"leaving"'), "leaving");
  const other = new RawClient(port);
  other.send(get("up"));
  assert.equal((await other.answer(0)).status, 200, "it takes new connections until then");
  control.write(`${JSON.stringify({ type: "drain" })}\n`);
  await refusal();
  for (const client of [c, other]) {
    client.send(get("up"));
    const answer = await client.answer(1);
    assert.deepEqual([answer.status, answer.fields.connection], [200, "close"]);
  }
  assert.equal(await exited, 0);
});

test("a worker whose run folder names another process drains and ends", async () => {
  await begin();
  const exited = exit();
  writeFileSync(join(dir, "process.json"), JSON.stringify({ ...identity()!, startTicks: 1 }));
  control.destroy();
  assert.equal(await exited, 0);
});

test("SIGTERM without a control process: what is in flight is finished, then it exits", async () => {
  await begin();
  control.destroy();
  const c = new RawClient(port);
  c.send(get("wait"));
  await until(() => waiting.length === 1, "the request to arrive");
  const exited = exit();
  worker.kill("SIGTERM");
  await refusal();
  waiting[0]!.end("finished");
  const answer = await c.answer(0);
  assert.deepEqual([answer.body.toString(), answer.fields.connection], ["finished", "close"]);
  assert.equal(await exited, 0);
});

test("a second SIGTERM ends it at once", async () => {
  await begin();
  control.destroy();
  const c = new RawClient(port);
  c.send(get("wait"));
  await until(() => waiting.length === 2, "the request to arrive");
  const exited = exit();
  worker.kill("SIGTERM");
  await refusal();
  worker.kill("SIGTERM");
  assert.equal(await exited, 0);
  await c.closed();
  waiting[1]!.end("nobody reads this");
});
