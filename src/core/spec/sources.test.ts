import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEntry, parseSource } from "./sources.ts";

test("paths and file URLs are places on this machine, http and https URLs are archives", () => {
  const longest = `/${"a".repeat(4095)}`;
  for (const path of ["/", "/a", "/a b/c", "/a/../b", longest]) {
    assert.deepEqual(parseSource(path), { kind: "path", path });
  }
  assert.deepEqual(parseSource("FILE:///a%2Fb"), { kind: "path", path: "/a/b" });
  for (const url of ["http://h/a.zip", "https://u:p@h:1/a.tar.gz?x=y", "HTTPS://h"]) {
    assert.deepEqual(parseSource(url), { kind: "url", url });
  }
  for (const url of [
    "s3://bucket/dir/",
    "oss://bucket.oss-cn-hangzhou.aliyuncs.com/a b/m.pmml",
    `https://h/a.zip#sha256=${"0a".repeat(32)}`,
    "git+https://u:p@h/a.git@v1.2",
    "git+ssh://git@h/a.git@feature/x",
    "git+file:///srv/models",
  ]) {
    assert.deepEqual(parseSource(url), { kind: "url", url });
  }
  for (const text of [
    "",
    "a",
    "./a",
    "../a",
    "~/a",
    "C:\\a",
    "oss://b",
    "s3://b",
    "s3://bucket/a?x=y",
    "s3://u:p@bucket/a",
    "oss://bucket/a#sha256=12",
    "https://h/a.zip#sha256=xyz",
    "git+ext://h/a",
    "git+https://h/a@--upload-pack=x",
    "git+https://h/a@a..b",
    "git+https://h/a@main#x",
    "git+https://h/a?x=y",
    "file://h/a",
    "file:///%zz",
    `${longest}a`,
  ]) {
    assert.equal(parseSource(text).kind, "refused", text);
  }
});

test("an entry stays inside of its folder", () => {
  const cases: readonly (readonly [text: string, inside: string | null])[] = [
    ["app.py", "app.py"],
    ["./app.py", "app.py"],
    ["a/./b//c", "a/b/c"],
    ["a..b", "a..b"],
    ["a".repeat(4096), "a".repeat(4096)],
    ["a".repeat(4097), null],
    ["", null],
    [".", null],
    ["..", null],
    ["a/../b", null],
    ["/a", null],
    ["a\0", null],
  ];
  for (const [text, inside] of cases) assert.equal(parseEntry(text), inside, text);
});
