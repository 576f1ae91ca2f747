import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Failure, Misuse } from "./cli-io.ts";
import { readAssignments, readDocument } from "./document.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-document-"));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(join(folder, "m.pmml"), "");

/** What goes to the server for a file with this text. */
function sent(text: string, address = "http://127.0.0.1:8081"): string {
  writeFileSync(join(folder, "service.json"), text);
  return readDocument("service.json", address, { cwd: folder });
}

test("a relative path becomes absolute, and every other character of the file stays", () => {
  const text = '{\n  "name": "x",   "name": "y",\n\t"model_path" : "./m.pmml",\n "processor_path": "."\n}\n';
  const expected = text
    .replace('"./m.pmml"', JSON.stringify(join(folder, "m.pmml")))
    .replace('"."', JSON.stringify(folder));
  assert.equal(sent(text), expected);
});

test("what is no path on a machine is the server's to judge", () => {
  for (const path of ["http://a/b.tar.gz", "https://a/b.zip", "oss://bucket/x", "", "file://otherhost/x"]) {
    const text = JSON.stringify({ model_path: path });
    assert.equal(sent(text), text, path);
  }
  for (const text of ["[]", "null", "7", "{", "", '{"model_path": 7}', '{"model_path": null}'])
    assert.equal(sent(text), text);
});

test("file URLs are paths", () => {
  const url = `file://${folder}/m.pmml`;
  assert.deepEqual(JSON.parse(sent(JSON.stringify({ model_path: url }))), {
    model_path: join(folder, "m.pmml"),
  });
});

test("only the field itself is changed, not what looks like it elsewhere", () => {
  const nested = { model_config: { model_path: "m.pmml" }, model_path: "m.pmml" };
  assert.deepEqual(JSON.parse(sent(JSON.stringify(nested))), {
    ...nested,
    model_path: join(folder, "m.pmml"),
  });
  const escaped = '{"model\\u005fpath": "m.pmml"}';
  assert.deepEqual(JSON.parse(sent(escaped)), { model_path: join(folder, "m.pmml") });
  const told = '{"labels": {"a": "\\"model_path\\": \\"m.pmml\\""}, "model_path": "m.pmml"}';
  assert.deepEqual(JSON.parse(sent(told)).model_path, join(folder, "m.pmml"));
});

test("files are looked for only when the server is on this machine", () => {
  const text = JSON.stringify({ model_path: "/nowhere/m.pmml" });
  assert.throws(
    () => sent(text),
    new Failure("service.json: $.model_path: there is no file or folder /nowhere/m.pmml"),
  );
  assert.throws(() => sent(text, "http://localhost:1"), Failure);
  assert.throws(() => sent(text, "http://[::1]:1"), Failure);
  assert.equal(sent(text, "http://serving.example:8081"), text);
});

test("assignments are JSON where they read as JSON, and text elsewhere", () => {
  assert.deepEqual(readAssignments(["a.b=1", "c=true", "d=x", 'e="1"', "f=", "g=a=b", "h=[1]", "i=1.5.0"]), {
    "a.b": 1,
    c: true,
    d: "x",
    e: "1",
    f: "",
    g: "a=b",
    h: [1],
    i: "1.5.0",
  });
  for (const bad of ["a", "=1", ""]) assert.throws(() => readAssignments([bad]), Misuse);
});
