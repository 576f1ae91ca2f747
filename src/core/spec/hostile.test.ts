import assert from "node:assert/strict";
import { cpuUsage } from "node:process";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { mergeDocuments } from "./merge.ts";
import { examineSpec, parseSpec } from "./parse.ts";
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
  [
    "mounts in each other",
    `{${start},"storage":[${names(4_000, (i) => `{"mount_path":"/${"a/".repeat(i % 20)}${i}","cpfs":{}}`)}]}`,
  ],
  [
    "one mount again and again",
    `{${start},"storage":[${names(8_000, () => '{"mount_path":"/a","cpfs":{}}')}]}`,
  ],
  ["fifty thousand fields", `{${start},"options":{${names(30_000, (i) => `"${i}":1`)}}}`],
  ["fifty thousand dotted fields", `{${start},${names(14_000, (i) => `"options.${i}":1`)}}`],
  [
    "cron jobs",
    `{${start},"cronscaler":{"scaleJobs":[${names(5_000, () => '{"schedule":"*,*/1 * * * * x"}')}]}}`,
  ],
  ["one long cron", `{${start},"cronscaler":{"excludeDates":["${"1,".repeat(SIZE / 2)}"]}}`],
  [
    "names of Object's own",
    `{${start},"labels":{${names(8_000, (i) => `"constructor${i}":"","toString${i}":""`)}}}`,
  ],
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
    for (const act of [examineSpec, (document: unknown) => mergeDocuments({}, document)]) {
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

/** Texts that are no document, or that readers of JSON take for different things. */
const ODD: readonly (readonly [what: string, text: string, told: RegExp])[] = [
  ["a number beyond all", `{${start},"metadata.cpu":1e400}`, /too large/],
  ["the same below zero", `{${start},"model_config":[-1e400]}`, /too large/],
  ["a count with a fraction", `{${start},"metadata.rpc.worker_threads":1.5}`, /a whole number/],
  ["a number in quotes", `{${start},"metadata.cpu":"2"}`, /without quotes/],
  ["a number in digits of another script", `{${start},"metadata.cpu":"٢"}`, /a number above 0/],
  ["NaN", `{${start},"metadata.cpu":NaN}`, /INVALID_JSON|not JSON/],
  ["a name twice", `{${start},"token":"a","token":"b"}`, /twice|second time|given/],
  ["a name twice, once in escapes", `{${start},"token":"a","tok\\u0065n":"b"}`, /twice|second time|given/],
  ["prototypes", `{${start},"__proto__":{"metadata":{}}}`, /__proto__/],
  ["prototypes in dots", `{${start},"metadata.__proto__.cpu":4}`, /__proto__/],
  ["prototypes in a map", `{${start},"labels.__proto__":"x"}`, /__proto__/],
  ["a constructor", `{${start},"metadata.constructor":4}`, /known field/],
  ["a name in letters that look the same", `{${start},"mеtadata":{}}`, /known field/],
  [
    "a service name in full width",
    '{"name":"ａ","processor":"pmml","model_path":"/m","metadata":{"instance":1}}',
    /1 to 63/,
  ],
  ["half of a pair of surrogates", `{${start},"token":"\\ud800"}`, /visible ASCII/],
  ["a NUL in a name", `{${start},"a\\u0000b":1}`, /known field/],
  ["UTF-16 read as UTF-8", "\u0000{\u0000}", /line 1/],
];

for (const [what, text, told] of ODD) {
  test(`refused, and said what for: ${what}`, () => {
    assert.throws(
      () => parseSpec(parseJson(text)),
      (error) =>
        error instanceof ServingError && told.test(`${error.code} ${error.message}`) && !("cpu" in {}),
    );
  });
}

test("numbers that are whole in the end are whole, and −0 is 0", () => {
  const { spec, document } = parseSpec(
    parseJson(
      `{${start.replace("1", "1e2")},"metadata.rpc.max_queue_size":-0,"metadata.rpc.worker_threads":3.0}`,
    ),
  );
  assert.deepEqual([spec.instanceCount, spec.rpc.workerThreads, spec.rpc.maxQueueSize + 0], [100, 3, 0]);
  const stored = parseSpec(JSON.parse(JSON.stringify(document)));
  assert.equal(Object.is(stored.spec.rpc.maxQueueSize, 0), true);
  assert.equal(Object.is(spec.rpc.maxQueueSize, 0), true, "what is stored is what is in force");
});

test("a byte order mark in front is no part of the document", () => {
  assert.equal(parseSpec(parseJson(`\uFEFF{${start}}`)).spec.name, "x");
});
