import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const folder = import.meta.dirname;
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const json = (name: string) => JSON.parse(read(name));
const heldOut = () =>
  read("held-out.jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

interface Model {
  readonly intercept: number;
  readonly coefficients: ReadonlyMap<string, number>;
}

/** The numbers of a binary logistic RegressionModel: a second reading of the files, without any PMML library. */
function readModel(name: string): Model {
  const table = /<RegressionTable targetCategory="1" intercept="([^"]+)">([\s\S]*?)<\/RegressionTable>/.exec(
    read(name),
  );
  assert.ok(table, `${name} has no regression table for class 1`);
  const predictors = table[2]!.matchAll(/<NumericPredictor name="([^"]+)" coefficient="([^"]+)"\/>/g);
  return {
    intercept: Number(table[1]),
    coefficients: new Map([...predictors].map((match) => [match[1]!, Number(match[2])])),
  };
}

function probabilityOfOne(model: Model, row: Record<string, number>): number {
  let sum = model.intercept;
  for (const [field, coefficient] of model.coefficients) {
    const value = row[field];
    assert.ok(value !== undefined, `the row has no ${field}`);
    sum += coefficient * value;
  }
  return 1 / (1 + Math.exp(-sum));
}

for (const [name, fieldCount] of [
  ["model1", 4],
  ["model2", 30],
] as const) {
  test(`${name}.pmml gives scikit-learn's probabilities for every held-out row`, () => {
    const model = readModel(`${name}.pmml`);
    assert.equal(model.coefficients.size, fieldCount);
    const rows = heldOut();
    assert.equal(rows.length, 143);
    for (const item of rows) {
      const p1 = probabilityOfOne(model, item.row);
      assert.ok(Math.abs(p1 - item[name].probability_1) < 1e-12);
      assert.ok(Math.abs(1 - p1 - item[name].probability_0) < 1e-12);
      assert.equal(item[name].predicted_diagnosis, p1 > 0.5 ? 1 : 0);
    }
  });
}

test("model 2 is the better model on rows that neither has seen", () => {
  const rows: Record<string, { predicted_diagnosis: number }>[] = heldOut();
  const right = (name: string) =>
    rows.filter((item) => item[name]!.predicted_diagnosis === (item.diagnosis as unknown as number)).length;
  assert.ok(right("model2") > right("model1"), `${right("model2")} against ${right("model1")}`);
});

test("request.json is the first held-out row, and expected.json what each model answers to it", () => {
  const [first] = heldOut();
  assert.deepEqual(json("request.json"), [first.row]);
  assert.deepEqual(json("expected.json"), { model1: [first.model1], model2: [first.model2] });
});

test("the service files are the pair of the canary walk-through and name models that exist", () => {
  const [prod, grey] = [json("pmml_prod.json"), json("pmml_grey.json")];
  assert.deepEqual([prod.name, prod.metadata.instance, prod.metadata.group], ["pmml_prod", 4, "pmml"]);
  assert.deepEqual([grey.name, grey.metadata.instance, grey.metadata.group], ["pmml_grey", 1, "pmml"]);
  for (const service of [prod, grey]) assert.ok(existsSync(join(folder, service.model_path)));
});
