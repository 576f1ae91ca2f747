import assert from "node:assert/strict";
import { cpuUsage } from "node:process";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { mergeDocuments } from "./merge.ts";
import { parseSpec } from "./parse.ts";
import { parseJson } from "./parse-json.ts";

/** Characters of each document. One of a megabyte takes 1 to 250 ms; what grew with the square would take minutes. */
const SIZE = 250_000;
/** CPU time, not wall clock: the machine may be busy. */
const CPU_MS_MAX = 500;

const start = '"name":"x","processor":"pmml","model_path":"/m","metadata":{"instance":1}';
const names = (count: number, make: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(",");

const DOCUMENTS: readonly (readonly [name: string, text: string])[] = [
  ["nested lists", "[".repeat(SIZE / 2) + "]".repeat(SIZE / 2)],
  ["nested objects", '{"a":'.repeat(SIZE / 5)],
  ["unknown names", `{${names(15_000, (i) => `"zz${i}":${i}`)}}`],
  ["nearly known names", `{${names(15_000, (i) => `"metadat${i}":${i}`)}}`],
  ["one long dotted name", `{"${"a.".repeat(SIZE / 2)}":1}`],
  ["a long dotted name below an open block", `{"metadata.eas.${"a.".repeat(SIZE / 2)}":1}`],
  ["one long name", `{"${"k".repeat(SIZE)}":1}`],
  ["a long service name", `{"name":"${"x".repeat(SIZE)}"}`],
  ["a long list of numbers", `{${start},"model_config":[${"0,".repeat(SIZE / 2)}0]}`],
  ["many labels", `{${start},"labels":{${names(15_000, (i) => `"l${i}":${i}`)}}}`],
  ["many dotted features", `{${start},${names(9_000, (i) => `"features.l${i}":"${i}"`)}}`],
  ["many empty mounts", `{${start},"storage":[${"{},".repeat(SIZE / 3)}{}]}`],
  ["many good mounts", `{${start},"storage":[${'{"mount_path":"x"},'.repeat(12_000)}{"mount_path":"x"}]}`],
  ["a URL of nothing but schemes", `{${start.replace("/m", "ftp://".repeat(SIZE / 6))}}`],
  ["a URL of nothing but question marks", `{${start.replace("/m", `s3://${"?".repeat(SIZE)}`)}}`],
  ["escapes", `{"name":"${"\\u0041".repeat(SIZE / 6)}"}`],
  ["backslashes", `{"a":"${"\\\\".repeat(SIZE / 2)}`],
  ["a long number", `{"a":${"1".repeat(SIZE)}}`],
  ["spaces", `{${" ".repeat(SIZE)}`],
  ["line ends", `{${"\n".repeat(SIZE)}]`],
];

for (const [name, text] of DOCUMENTS) {
  test(`a quarter megabyte of ${name} takes little time and fails, if at all, in order`, () => {
    const before = cpuUsage();
    for (const act of [parseSpec, (document: unknown) => mergeDocuments({}, document)]) {
      try {
        act(parseJson(text));
      } catch (error) {
        assert.ok(error instanceof ServingError, String(error));
        assert.ok(error.message.length < 50_000, `${error.message.length} characters`);
      }
    }
    const { user, system } = cpuUsage(before);
    assert.ok((user + system) / 1000 < CPU_MS_MAX, `${(user + system) / 1000} ms of CPU`);
  });
}
