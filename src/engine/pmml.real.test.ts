/** The built-in processor `pmml` (eas-reference §5.2) on its real worker: rows, refusals, and files that are no PMML. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineInstance } from "../testing/engine-instance.ts";
import { answerOf, type PeerSpec, WorkerPeer } from "../testing/worker-peer.ts";
import { encodeFrame, FRAME } from "./frames.ts";

const PMML = fileURLToPath(new URL("../../processors/java/src/test/resources/heart.pmml", import.meta.url));
const CANARY = fileURLToPath(new URL("../../examples/pmml-canary/", import.meta.url));
const ROW = { age: 54.5, vessels: 1, chol: 210, pain: "typical", smoker: true };

const spec = (path: string | null, memoryMb = 256, config: string | null = null): PeerSpec => ({
  processor: { kind: "builtin", code: "pmml", family: "pmml" },
  model: { path, entry: path, config },
  rpc: { workerThreads: 3, maxQueueSize: 64, keepaliveMs: 5000 },
  limits: { cpu: 1, memoryMb },
});

const probability = (row: typeof ROW & { chol?: number }): number => {
  const pain = { none: 0, typical: 1.1, atypical: 0.3 }[row.pain]!;
  const z =
    -4.25 + 0.03125 * row.age + 0.7 * row.vessels + 0.004 * (row.chol ?? 200) + pain + (row.smoker ? 0.5 : 0);
  return 1 / (1 + Math.exp(-z));
};

describe("pmml processor", () => {
  let peer: WorkerPeer;
  let serial = 0;
  before(async () => {
    peer = await WorkerPeer.start(spec(PMML));
    assert.equal((await peer.init(spec(PMML))).type, FRAME.READY);
  });
  after(() => peer.dispose());

  async function ask(body: unknown): Promise<{ type: number; status: number; body: string }> {
    const id = ++serial;
    peer.send(peer.request(id, typeof body === "string" ? body : JSON.stringify(body)));
    const frame = await peer.take(id);
    return { type: frame.type, ...answerOf(frame) };
  }
  async function rows(body: unknown): Promise<{ label: number; p_0: number; p_1: number }[]> {
    const answer = await ask(body);
    assert.equal(answer.type, FRAME.RESPONSE, answer.body);
    return JSON.parse(answer.body);
  }
  async function refusal(body: unknown): Promise<string> {
    const answer = await ask(body);
    assert.equal(answer.type, FRAME.ERROR, answer.body);
    assert.equal(answer.status, 400);
    return answer.body;
  }

  test("each row has its answer, to the last digits, in order, with the output fields only", async () => {
    const given = [
      ROW,
      { ...ROW, pain: "none", smoker: false },
      { ...ROW, age: 0, vessels: 3 },
      { ...ROW, age: 120 },
    ];
    const answers = await rows(given);
    assert.equal(answers.length, given.length);
    for (const [i, row] of given.entries()) {
      const p = probability(row);
      assert.deepEqual(Object.keys(answers[i]!), ["label", "p_0", "p_1"]);
      assert.ok(Math.abs(answers[i]!.p_1 - p) < 1e-14, `${answers[i]!.p_1} is not ${p}`);
      assert.ok(Math.abs(answers[i]!.p_0 - (1 - p)) < 1e-14);
      assert.equal(answers[i]!.label, p > 0.5 ? 1 : 0);
    }
  });

  test("one object is one row; no rows are no answers; unknown fields do not matter", async () => {
    assert.equal((await rows(ROW)).length, 1);
    assert.deepEqual(await rows([]), []);
    const [answer] = await rows([{ ...ROW, extra: { deep: [1, { age: "x" }] }, more: null }]);
    assert.ok(Math.abs(answer!.p_1 - probability(ROW)) < 1e-14);
  });

  test("a field with a replacement may be missing or null; whole numbers may be written 1.0", async () => {
    const { chol: _, ...without } = ROW;
    for (const row of [without, { ...ROW, chol: null }]) {
      const [answer] = await rows([row]);
      assert.ok(Math.abs(answer!.p_1 - probability({ ...ROW, chol: 200 })) < 1e-14);
    }
    const [answer] = await rows(`[${JSON.stringify(ROW).replace('"vessels":1', '"vessels":1.0')}]`);
    assert.ok(Math.abs(answer!.p_1 - probability(ROW)) < 1e-14);
  });

  test("a field that is missing or null gets the default of its type, where that is allowed", async () => {
    const { age: _a, vessels: _v, smoker: _s, ...without } = ROW;
    const asZero = probability({ ...ROW, age: 0, vessels: 0, smoker: false });
    for (const row of [without, { ...without, age: null, smoker: null }]) {
      const [answer] = await rows([row]);
      assert.ok(Math.abs(answer!.p_1 - asZero) < 1e-14);
    }
    assert.match(peer.output, /field "age" is missing in a request: 0\.0 is taken for it/);
    const { pain: _p, ...painless } = ROW;
    assert.equal(
      await refusal([painless]),
      'row 1, field "pain": found no value, allowed: one of "none", "typical", "atypical"',
    );
  });

  test("good rows are answered beside bad ones", async () => {
    const answers = await rows([{ ...ROW, age: -1, pain: 7 }, ROW, null]);
    assert.deepEqual(answers[0], {
      error:
        'field "age": found -1, allowed: a number in [0.0, 120.0]; field "pain": found 7, allowed: one of "none", "typical", "atypical"',
    });
    assert.ok(Math.abs(answers[1]!.p_1 - probability(ROW)) < 1e-14);
    assert.deepEqual(answers[2], { error: "found null, allowed: an object" });
  });

  test("a name that comes twice, NaN, infinities and numbers beyond the largest are refused", async () => {
    const row = (text: string) => JSON.stringify([ROW]).replace('"chol":210', text);
    const where = 'row 1, field "chol": found';
    assert.equal(await refusal(row('"chol":1,"chol":2')), `${where} a second value, allowed: a number`);
    assert.equal(await refusal(row('"chol":null,"chol":2')), `${where} a second value, allowed: a number`);
    assert.equal(await refusal(row('"chol":NaN')), `${where} NaN, allowed: a number`);
    assert.equal(await refusal(row('"chol":-Infinity')), `${where} -Infinity, allowed: a number`);
    assert.equal(await refusal(row('"chol":1e999')), `${where} 1e999, allowed: a number`);
    assert.equal(await refusal(row('"chol":"210"')), `${where} "210", allowed: a number`);
    assert.equal(
      await refusal(row(`"chol":${"9".repeat(2000)}`)),
      "the body has a number with more than 1000 digits",
    );
    const [answer] = await rows(row('"chol":210,"other":NaN,"other":1'));
    assert.ok(Math.abs(answer!.p_1 - probability(ROW)) < 1e-14);
  });

  test("the rows of the Java SDK's JsonRequest are answered as its JsonResponse reads them", async () => {
    const typed = (row: object) =>
      Object.fromEntries(Object.entries(row).map(([k, dataValue]) => [k, { dataType: 40, dataValue }]));
    const answer = await ask({ inputs: [typed(ROW), typed({ ...ROW, age: "x" })] });
    assert.equal(answer.status, 200, answer.body);
    const p = probability(ROW);
    const { outputs } = JSON.parse(answer.body);
    assert.equal(outputs[0].outputLabel, p > 0.5 ? "1" : "0");
    assert.ok(Math.abs(outputs[0].outputMulti[1] - p) < 1e-14);
    assert.equal(outputs[0].outputValue.dataType, 40);
    assert.ok(Math.abs(outputs[0].outputValue.dataValue - Math.max(p, 1 - p)) < 1e-14);
    assert.match(outputs[1].error, /^field "age": found another dataValue, allowed: a number/);
  });

  test("each problem is told with its row, field, what was found and what is allowed", async () => {
    const text = await refusal([
      { ...ROW, age: "54", vessels: 1.5, pain: "other", smoker: 1 },
      { age: 121, vessels: 2 ** 65, chol: [1], pain: null },
      7,
    ]);
    assert.deepEqual(text.split("\n"), [
      'row 1, field "age": found "54", allowed: a number in [0.0, 120.0]',
      'row 1, field "vessels": found 1.5, allowed: a whole number',
      'row 1, field "pain": found "other", allowed: one of "none", "typical", "atypical"',
      'row 1, field "smoker": found 1, allowed: true or false',
      'row 2, field "age": found 121, allowed: a number in [0.0, 120.0]',
      'row 2, field "vessels": found 36893488147419103000, allowed: a whole number',
      'row 2, field "chol": found an array, allowed: a number',
      'row 2, field "pain": found no value, allowed: one of "none", "typical", "atypical"',
      "row 3: found a number, allowed: an object",
    ]);
  });

  test("no more than twenty problems are told", async () => {
    const lines = (await refusal(Array.from({ length: 1000 }, () => ({})))).split("\n");
    assert.equal(lines.length, 21);
    assert.equal(lines[20], "(only the first 20 problems are listed)");
  });

  test("a body that is not JSON is refused with the place; one of another shape with what is allowed", async () => {
    assert.match(
      await refusal('[{"age": 1,\n "vessels": }]'),
      /^the body is not JSON at line 2, column 13: /,
    );
    assert.match(await refusal("[{"), /^the body is not JSON at line 1, column 3: /);
    assert.match(await refusal("["), /^the body is not JSON at line 1/);
    assert.match(await refusal("\u0000\u00ff\u0001"), /^the body is not JSON/);
    assert.equal(await refusal("17"), "the body is a number; allowed: a JSON array of objects, one per row");
    assert.match(await refusal("[] []"), /^the body goes on after the JSON value/);
    assert.equal(await refusal("[".repeat(100_000)), "the body is nested too deeply");
  });

  test("the description names inputs and outputs", async () => {
    peer.send(encodeFrame(FRAME.DESCRIBE, 1_000_000, Buffer.alloc(0)));
    const described = JSON.parse(answerOf(await peer.take(1_000_000)).body);
    assert.deepEqual(described.model, {
      name: "heart",
      kind: "RegressionModel",
      function: "classification",
      version: "4.4",
    });
    assert.deepEqual(described.inputs[0], {
      name: "age",
      dataType: "double",
      opType: "continuous",
      required: false,
      intervals: ["[0.0, 120.0]"],
    });
    assert.equal(described.inputs[2].required, false);
    assert.equal(described.inputs[3].required, true);
    assert.deepEqual(described.inputs[3].values, ["none", "typical", "atypical"]);
    assert.deepEqual(JSON.parse((await ask("")).body), described);
    assert.deepEqual(
      described.outputs.map((o: { name: string }) => o.name),
      ["label", "p_0", "p_1"],
    );
  });
});

test("a body that does not fit in memory is refused naming metadata.memory, and the worker lives", async (t) => {
  const peer = await WorkerPeer.start(spec(PMML, 48));
  t.after(() => peer.dispose());
  assert.equal((await peer.init(spec(PMML, 48))).type, FRAME.READY);
  const many = `[${Array.from({ length: 200_000 }, () => JSON.stringify(ROW)).join(",")}]`;
  for (const [id, body] of ["x".repeat(60_000_000), many].entries()) {
    peer.send(peer.request(id + 1, body));
    const { status, body: text } = answerOf(await peer.take(id + 1));
    assert.equal(status, 500);
    assert.equal(text, "the processor ran out of memory for this request; metadata.memory is 48 MB");
  }
  peer.send(peer.request(9, JSON.stringify([ROW])));
  assert.equal(answerOf(await peer.take(9)).status, 200);
});

describe("model_config of pmml", () => {
  async function one(t: TestContext, path: string, config: string) {
    const given = spec(path, 256, config);
    const peer = await WorkerPeer.start(given);
    t.after(() => peer.dispose());
    const frame = await peer.init(given);
    if (frame.type === FRAME.FAILED) return { told: JSON.parse(frame.payload.toString()).message as string };
    const ask = async (body: unknown) => {
      peer.send(peer.request(1, JSON.stringify(body)));
      return answerOf(await peer.take(1)).body;
    };
    return { told: "", ask };
  }

  test('{"missing": "refuse"} refuses a row with a field missing that has no replacement', async (t) => {
    const { ask } = await one(t, PMML, '{"missing": "refuse"}');
    const lines = (await ask!([{ chol: 1 }])).split("\n");
    assert.equal(lines.length, 4);
    assert.equal(lines[3], 'row 1, field "smoker": found no value, allowed: true or false');
  });

  test('{"missing": "model"} leaves it to the model, which then has no answer, or another', async (t) => {
    const { ask } = await one(t, PMML, '{"missing": "model"}');
    assert.deepEqual(JSON.parse(await ask!([{ pain: "typical" }])), [{ label: null, p_0: null, p_1: null }]);
  });

  test("a document's own rule for a missing value holds before the type's default", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-pmml-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "tree.pmml");
    const node = (score: string, predicate: string) => `<Node score="${score}">${predicate}</Node>`;
    const when = (field: string, rest: string) => `<SimplePredicate field="${field}" ${rest}/>`;
    writeFileSync(
      path,
      `<PMML version="4.4" xmlns="http://www.dmg.org/PMML-4_4"><Header/><DataDictionary>
      <DataField name="a" optype="continuous" dataType="double"/><DataField name="b" optype="continuous" dataType="double"/>
      <DataField name="y" optype="continuous" dataType="double"/></DataDictionary>
      <TransformationDictionary><DerivedField name="twice" optype="continuous" dataType="double"><Apply function="*">
      <FieldRef field="a"/><Constant dataType="double">2</Constant></Apply></DerivedField></TransformationDictionary>
      <TreeModel functionName="regression" splitCharacteristic="multiSplit"><MiningSchema><MiningField name="y" usageType="target"/>
      <MiningField name="a"/><MiningField name="b"/></MiningSchema><Node score="0"><True/>
      ${node("1", when("twice", 'operator="isMissing"'))}${node("2", when("b", 'operator="lessOrEqual" value="0"'))}
      ${node("3", when("b", 'operator="greaterThan" value="0"'))}</Node></TreeModel></PMML>`,
    );
    const { ask } = await one(t, path, "{}");
    const answers = await ask!([{ b: 1 }, { a: 1 }, { a: 1, b: 1 }, {}]);
    assert.deepEqual(
      JSON.parse(answers).map((row: Record<string, number>) => Object.values(row)[0]),
      [1, 2, 3, 1],
    );
  });

  test("what it does not know is refused at the start", async (t) => {
    const cases: [string, RegExp][] = [
      ["{", /^model_config is not JSON: /],
      ["[]", /^model_config is no JSON object; allowed: \{"missing": "default"\}, "refuse" or "model"$/],
      ['{"mising": "x"}', /^model_config has "mising"; allowed for pmml: /],
      ['{"missing": "drop"}', /^model_config: missing is drop; allowed: /],
      ['{"missing": 1}', /^model_config: missing is 1; allowed: /],
    ];
    for (const [config, message] of cases) assert.match((await one(t, PMML, config)).told, message);
  });
});

test("the canary example's models give scikit-learn's probabilities to 1e-9", async (t) => {
  const lines = readFileSync(`${CANARY}held-out.jsonl`, "utf8").trim().split("\n");
  const held: Record<string, Record<string, number>>[] = lines.map((line) => JSON.parse(line));
  for (const model of ["model1", "model2"]) {
    const peer = await WorkerPeer.start(spec(`${CANARY}${model}.pmml`));
    t.after(() => peer.dispose());
    assert.equal((await peer.init(spec(`${CANARY}${model}.pmml`))).type, FRAME.READY);
    peer.send(peer.request(1, JSON.stringify(held.map(({ row }) => row))));
    const answer = answerOf(await peer.take(1));
    assert.equal(answer.status, 200, answer.body);
    const answers: Record<string, number>[] = JSON.parse(answer.body);
    assert.ok(held.length > 10 && answers.length === held.length);
    for (const [i, expected] of held.entries()) {
      for (const [name, value] of Object.entries(expected[model]!)) {
        assert.ok(
          Math.abs(answers[i]![name]! - value) < 1e-9,
          `${model}, row ${i}: ${name} is ${answers[i]![name]}`,
        );
      }
    }
  }
});

test("files that are no PMML fail with their name and what they are", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-pmml-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const cases: [string | null, RegExp][] = [
    [null, /model_path is not set/],
    [join(folder, "none.pmml"), /none\.pmml does not exist/],
    [
      file("page.pmml", "<html><body/></html>"),
      /page\.pmml is not a PMML file: its root element is <html>, not <PMML>/,
    ],
    [
      file("cut.pmml", readFileSync(PMML, "utf8").slice(0, 900)),
      /cut\.pmml is not a PMML file, nor other XML: ParseError at \[row,col\]/,
    ],
    [file("dtd.pmml", '<!DOCTYPE PMML [<!ENTITY a "b">]><PMML/>'), /dtd\.pmml has a DTD/],
    [file("empty.pmml", ""), /empty\.pmml is not a PMML file/],
    [
      file("bare.pmml", "<PMML version='4.4'><Header/><DataDictionary/></PMML>"),
      /bare\.pmml is not a PMML model that can be used: /,
    ],
    [folder, /is a folder with 5 \.pmml or \.xml files; name one with model_entry/],
  ];
  for (const [path, message] of cases) {
    const peer = await WorkerPeer.start(spec(path));
    t.after(() => peer.dispose());
    const frame = await peer.init(spec(path));
    assert.equal(frame.type, FRAME.FAILED, String(path));
    assert.match(JSON.parse(frame.payload.toString()).message, message);
  }
});

test("behind an engine: JSON by default, refusals as 400, the description on GET", async (t) => {
  const instance = new EngineInstance({
    processor: { kind: "builtin", code: "pmml", family: "pmml" },
    modelPath: PMML,
  });
  t.after(() => instance.dispose());
  await instance.ready();
  const answer = await instance.call(JSON.stringify([ROW]), "/api/predict/svc");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "application/json");
  const refused = await instance.call('[{"age": "x"}]');
  assert.equal(refused.status, 400);
  assert.equal(refused.headers["x-sluice-reason"], "PROCESSOR_REFUSED");
  assert.match(refused.body.toString(), /^row 1, field "age"/);
  assert.equal(JSON.parse((await instance.call(null)).body.toString()).processor, "pmml");
});
