import assert from "node:assert/strict";
import test from "node:test";
import type { Service } from "../api/objects.ts";
import { serviceTable } from "./service-table.ts";
import { keyTable, listTable } from "./table.ts";

const service = (name: string, instances: number, updated: string, weight: number, state: string) =>
  ({
    ServiceName: name,
    TotalInstance: instances,
    Cores: 1,
    Memory: 1000,
    CreateTime: name === "pmml_prod" ? "2022-06-05T14:30:49Z" : "2022-06-05T14:31:38Z",
    UpdateTime: updated,
    Status: "Running",
    Weight: weight,
    TrafficState: state,
    ServiceGroup: "pmml",
  }) as Service;

test("ls is the seeds' table, character for character", () => {
  const table = serviceTable([
    service("pmml_prod", 4, "2022-06-05T14:30:49Z", 80, "grouping"),
    service("pmml_grey", 1, "2022-06-05T14:31:38Z", 20, "grouping"),
  ]);
  // Seed 000, "View information about the services and service group".
  assert.equal(
    table,
    `\
+---------------------------+----------+-----+--------+----------------------+----------------------+---------+--------+--------------+---------------------------+
|        SERVICENAME        | INSTANCE | CPU | MEMORY |      CREATETIME      |      UPDATETIME      | STATUS  | WEIGHT | TRAFFICSTATE |       SERVICEGROUP        |
+---------------------------+----------+-----+--------+----------------------+----------------------+---------+--------+--------------+---------------------------+
| pmml_prod                 |        4 |   1 | 1000M  | 2022-06-05T14:30:49Z | 2022-06-05T14:30:49Z | Running |     80 | grouping     | pmml                      |
| pmml_grey                 |        1 |   1 | 1000M  | 2022-06-05T14:31:38Z | 2022-06-05T14:31:38Z | Running |     20 | grouping     | pmml                      |
+---------------------------+----------+-----+--------+----------------------+----------------------+---------+--------+--------------+---------------------------+
`,
  );
});

test("blue-green and standalone rows are the seeds' too", () => {
  const rows = (table: string) => table.split("\n").slice(3, -2);
  const bluegreen = serviceTable([service("pmml_prod", 4, "2022-06-05T14:53:20Z", 73, "blue-green")]);
  // Seed 001, after `release pmml_grey -w 27`.
  assert.deepEqual(rows(bluegreen), [
    "| pmml_prod                 |        4 |   1 | 1000M  | 2022-06-05T14:30:49Z | 2022-06-05T14:53:20Z | Running |     73 | blue-green   | pmml                      |",
  ]);
  const standalone = serviceTable([
    service("pmml_prod", 4, "2022-06-05T14:30:49Z", 100, "grouping"),
    service("pmml_grey", 1, "2022-06-05T14:42:41Z", 0, "standalone"),
  ]);
  // Seed 000, after `release pmml_grey -s standalone`; there the cell of weight 0 is shifted by one, a slip.
  assert.deepEqual(rows(standalone), [
    "| pmml_prod                 |        4 |   1 | 1000M  | 2022-06-05T14:30:49Z | 2022-06-05T14:30:49Z | Running |    100 | grouping     | pmml                      |",
    "| pmml_grey                 |        1 |   1 | 1000M  | 2022-06-05T14:31:38Z | 2022-06-05T14:42:41Z | Running |      0 | standalone   | pmml                      |",
  ]);
});

test("a list without rows is its header, and columns grow with what is in them", () => {
  const columns = [
    { header: "A", cell: (text: string) => text },
    { header: "LONGER", align: "right" as const, cell: (text: string) => text.length },
  ];
  assert.equal(listTable(columns, []), "+---+--------+\n| A | LONGER |\n+---+--------+\n");
  assert.equal(
    listTable(columns, ["\u001b[31mred\n"]),
    "+-----------+--------+\n|     A     | LONGER |\n+-----------+--------+\n|  [31mred  |      9 |\n+-----------+--------+\n",
  );
});

test("keys are right-aligned, and long values go on below", () => {
  const table = keyTable(
    [
      ["Intranet Endpoint", "http://a"],
      ["Token", "x".repeat(25)],
      ["Message", "words that are broken at blanks"],
      ["Config", '{\n  "a": 1\n}'],
      ["Image", ""],
    ],
    44,
  );
  assert.equal(
    table,
    `\
+-------------------+----------------------+
| Intranet Endpoint | http://a             |
|             Token | xxxxxxxxxxxxxxxxxxxx |
|                   | xxxxx                |
|           Message | words that are       |
|                   | broken at blanks     |
|            Config | {                    |
|                   |   "a": 1             |
|                   | }                    |
|             Image |                      |
+-------------------+----------------------+
`,
  );
});

test("wide characters take two columns, combining ones none", () => {
  const columns = [{ header: "NAME", cell: (text: string) => text }];
  const table = listTable(columns, ["模型", "ｅ", "e\u0301", "👍", "한국어"]);
  assert.equal(
    table,
    `\
+--------+
|  NAME  |
+--------+
| 模型   |
| ｅ     |
| e\u0301      |
| 👍     |
| 한국어 |
+--------+
`,
  );
  assert.equal(
    keyTable([["K", "模型名称很长"]], 20),
    "+---+--------------+\n| K | 模型名称很长 |\n+---+--------------+\n",
  );
  assert.match(keyTable([["K", "模型名称很长很长"]], 20), /\| 模型名称很长 \|\n\| {3}\| 很长 {8} \|/);
});

test("on a terminal of 40 columns each row is a block, and no line is longer than the terminal", () => {
  const columns = [
    { header: "SERVICENAME", minWidth: 25, cell: (name: string) => name },
    { header: "STATUS", cell: () => "Running" },
    { header: "MESSAGE", cell: () => "Service start successfully, and a long explanation" },
  ];
  const table = listTable(columns, ["a".repeat(63), "b"], 40);
  for (const line of table.trimEnd().split("\n")) assert.ok(line.length <= 40, line);
  assert.match(table, /\| {6}STATUS \| Running/);
  assert.match(listTable(columns, [], 40), /^no rows of SERVICENAME, STATUS, MESSAGE\n$/);
  // From 80 on it is the table that scripts and people know, whatever the terminal makes of it.
  assert.equal(listTable(columns, ["b"], 80), listTable(columns, ["b"]));
});
