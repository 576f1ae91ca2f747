import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { parseListeners, socketsOf, tcpListeners } from "./listeners.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const line = (address: string, state: string, inode: number) =>
  `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;

test("listening sockets are read with the loopback address that reaches them", () => {
  const text =
    HEAD +
    line("0100007F:1F40", "0A", 11) +
    line("00000000:0050", "0A", 12) +
    line("0100007F:1F40", "01", 13) + // a connection
    line("0500000A:1F41", "0A", 14) +
    line("0202007F:1F42", "0A", 15);
  assert.deepEqual(parseListeners(text), [
    { port: 8000, host: "127.0.0.1", isV6: false, inode: "11" },
    { port: 80, host: "127.0.0.1", isV6: false, inode: "12" },
    { port: 8001, host: null, isV6: false, inode: "14" },
    { port: 8002, host: "127.0.2.2", isV6: false, inode: "15" },
  ]);
});

test("so are those of IPv6, with IPv4 in them", () => {
  const text =
    HEAD +
    line("00000000000000000000000000000000:1F40", "0A", 1) +
    line("00000000000000000000000001000000:1F40", "0A", 2) +
    line("0000000000000000FFFF00000100007F:1F40", "0A", 3) +
    line("000080FE00000000FF005450B0C00A1E:1F40", "0A", 4);
  assert.deepEqual(
    parseListeners(text).map((l) => l.host),
    ["127.0.0.1", "::1", "127.0.0.1", null],
  );
});

test("a broken text has no listeners", () => {
  assert.deepEqual(parseListeners(""), []);
  assert.deepEqual(parseListeners(`${HEAD}\n  0: \n`), []);
});

test("a socket of this process is found, and found to be ours", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  try {
    const { port } = server.address() as { port: number };
    const [found, ...more] = tcpListeners().filter((l) => l.port === port && l.host === "127.0.0.1");
    assert.deepEqual(more, []);
    assert.ok(found !== undefined && socketsOf(process.pid).has(found.inode));
    assert.ok(!socketsOf(process.ppid).has(found.inode));
  } finally {
    await new Promise((done) => server.close(done));
  }
});
