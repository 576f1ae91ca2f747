import assert from "node:assert/strict";
import test from "node:test";
import { messageOf, timeoutMs } from "../core/grpc.ts";
import { countedAs, statusOf, statusOfReset } from "./grpc-status.ts";
import { HostNames } from "./host-names.ts";

test("grpc-timeout: digits and a unit, or none", () => {
  const cases = {
    "1S": 1000,
    "100m": 100,
    "2M": 120_000,
    "1H": 3_600_000,
    "500u": 0.5,
    "99999999n": 99.999999,
  };
  for (const [text, ms] of Object.entries(cases)) assert.equal(timeoutMs(text), ms, text);
  for (const text of ["", "1", "S", "-1S", "1.5S", "123456789S", "1s", " 1S", "1S "])
    assert.equal(timeoutMs(text), null, text);
});

test("a message is visible ASCII, everything else as %XX", () => {
  assert.equal(messageOf("no 100% größe\r\n"), "no 100%25 gr%C3%B6%C3%9Fe%0D%0A");
});

test("a call is counted under the HTTP status that its own is paired with", () => {
  const counted = Array.from({ length: 17 }, (_, i) => countedAs(String(i), 200));
  assert.deepEqual(
    counted,
    [200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401],
  );
  assert.equal(countedAs("99", 200), 500);
  assert.equal(countedAs("nonsense", 200), 500);
  assert.equal(countedAs(null, 200), 500);
  assert.equal(countedAs(null, 503), 503);
});

test("refusals and resets have a status of gRPC", () => {
  assert.equal(statusOf("TOKEN_REQUIRED"), 16);
  assert.equal(statusOf("ROUTE_NOT_FOUND"), 12);
  assert.equal(statusOf("NO_READY_INSTANCE"), 14);
  assert.equal(statusOf("RATE_LIMITED"), 8);
  assert.equal(statusOf("UPSTREAM_TIMEOUT"), 4);
  assert.equal(statusOf("BAD_REQUEST"), 13);
  assert.deepEqual([0, 2, 7, 8, 11, 12].map(statusOfReset), [13, 13, 14, 1, 8, 7]);
});

test("a host name speaks of a service or group by its first part", () => {
  const routes = {
    number: 1,
    serviceRoutes: new Map<string, unknown>(
      ["grpc_test", "a_b", "a-b", "x_y", "x-y_", "127"].map((n) => [n, 0]),
    ),
    groupRoutes: new Map<string, unknown>([["my_group", 0]]),
  };
  const hosts = new HostNames(routes);
  assert.equal(hosts.find("grpc-test.1.local.example:80"), "grpc_test");
  assert.equal(hosts.find("GRPC-Test"), "grpc_test");
  assert.equal(hosts.find("grpc_test.x"), "grpc_test");
  assert.equal(hosts.find("my-group.x"), "my_group");
  assert.equal(hosts.find("a-b.x"), "a-b", "the name as it is goes first");
  assert.equal(hosts.find("a_b.x"), "a_b");
  for (const none of ["127.0.0.1:80", "[::1]:80", "localhost:8080", "nobody.x", ""])
    assert.equal(hosts.find(none), null, none);
  routes.serviceRoutes.set("p_q-r", 0).set("p-q_r", 0);
  assert.equal(hosts.find("p-q-r.x"), null, "not before the table says so");
  routes.number = 2;
  assert.equal(hosts.find("p-q-r.x"), null, "two could be meant");
  routes.serviceRoutes.delete("p-q_r");
  routes.number = 3;
  assert.equal(hosts.find("p-q-r.x"), "p_q-r");
});
