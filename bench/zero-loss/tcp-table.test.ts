import assert from "node:assert/strict";
import test from "node:test";
import { holdingOf, isListeningOn, parseTcpTable } from "./tcp-table.ts";

/** As Linux writes it: two listeners on port 8080, connections of two owners, one that nobody has accepted, one that is closed. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 00000000     0        0 501 1 0 100 0 0 10 0
   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 601 1 0 100 0 0 10 0
   2: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 502 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:C351 08 00000000:00000001 00:00000000 00000000     0        0 503 1 0 20 4 30 10 -1
   4: 0100007F:1F90 0100007F:C352 01 00000000:00000000 00:00000000 00000000     0        0 602 1 0 20 4 30 10 -1
   5: 0100007F:1F90 0100007F:C353 01 00000000:00000041 00:00000000 00000000     0        0 0 1 0 20 4 30 10 -1
   6: 0100007F:1F90 0100007F:C354 06 00000000:00000000 03:00000ACB 00000000     0        0 0 3 0
   7: 0100007F:1F91 0100007F:C355 01 00000000:00000000 00:00000000 00000000     0        0 504 1 0 20 4 30 10 -1
   8: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 700 1 0 20 4 30 10 -1
`;
const own = new Set([501, 502, 503, 504]);

test("a process holds the connections that it accepted on the port, and others wait for anybody", () => {
  assert.deepEqual(holdingOf(parseTcpTable(TABLE), 0x1f90, own), {
    accepted: [0xc350, 0xc351],
    queued: [0xc353],
    queuedCount: 3,
  });
});

test("a process listens when it has a listening socket of that port", () => {
  const sockets = parseTcpTable(TABLE);
  assert.equal(isListeningOn(sockets, 0x1f90, own), true);
  assert.equal(isListeningOn(sockets, 0x1f91, own), false);
  assert.equal(isListeningOn(sockets, 0x1f90, new Set([602])), false);
});
