import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageHead } from "../http1/message-head.ts";
import { parseRequestHead } from "../http1/request-head.ts";
import { FRONT, isRoot, RequestPaths, writeFront } from "./request-front.ts";

test("a front has the request line and the fields as lines, without those of the connection and the token", () => {
  const lines = [
    "POST /api/predict/svc/a/b?c=1 HTTP/1.1",
    "Host: h",
    "AUTHORIZATION: secret",
    "Content-Length: 3",
    "X-One:1",
    "X-Two: \t two words\t ",
    "Connection: keep-alive, x-gone",
    "x-empty:",
    "X-Latin: \u00e9",
  ];
  const buf = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const head = new MessageHead();
  assert.ok(parseRequestHead(head, buf, 0, buf.length) > 0);
  const path = new RequestPaths("svc").strip(buf, head.pathFrom, head.targetTo);
  const bytes = writeFront(head, buf, path);
  assert.equal(FRONT.readUInt16LE(0), bytes - 2);
  const expected = "POST /a/b?c=1\nHost: h\nX-One: 1\nX-Two: two words\nx-empty: \nX-Latin: \u00e9\n";
  assert.equal(FRONT.toString("latin1", 2, bytes), expected);
});

test("only the own service's prefix is taken off, at a border", () => {
  const paths = new RequestPaths("svc");
  const cases: [string, number][] = [
    ["/api/predict/svc", 16],
    ["/api/predict/svc/", 16],
    ["/api/predict/svc?x", 16],
    ["/api/predict/svc2", -1],
    ["/api/predict/", -1],
    ["/api/predict", 0],
    ["/", 0],
    ["/other/api/predict/svc", 0],
  ];
  for (const [path, expected] of cases)
    assert.equal(paths.strip(Buffer.from(path), 0, path.length), expected, path);
});

test("the root is nothing, a slash, or either with a query", () => {
  const cases: [string, boolean][] = [["", true], ["/", true], ["?a", true], ["/?a=/b", true], ["/a", false], ["//", false]]; // biome-ignore format: a table
  for (const [path, expected] of cases)
    assert.equal(isRoot(Buffer.from(path), 0, path.length), expected, path);
});

test("of a group's member: by its own name, by both, and by the group's, which is told apart", () => {
  const paths = new RequestPaths("g-a", "g");
  const cases: [string, number, boolean][] = [
    ["/api/predict/g-a/x", 16, false],
    ["/api/predict/g.g-a?x", 18, false],
    ["/api/predict/g/x", 14, true],
    ["/api/predict/g", 14, true],
    ["/api/predict/g-b", -1, false],
    ["/api/predict/g.g-b", -1, false],
    ["/x", 0, false],
  ];
  for (const [path, expected, isGroups] of cases) {
    assert.equal(paths.strip(Buffer.from(path), 0, path.length), expected, path);
    assert.equal(paths.isGroups, isGroups, path);
  }
});
