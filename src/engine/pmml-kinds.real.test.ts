/**
 * Every kind of model that the processor `pmml` serves: small documents whose answers were computed without it (make.py beside them), all in one
 * process, as starting one for each would take long.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const JAVA = fileURLToPath(new URL("../../processors/java/", import.meta.url));
const KINDS = join(JAVA, "src", "test", "resources", "kinds");
const RUN = join(JAVA, "src", "test", "java", "sluice", "worker", "KindsRun.java");
const JAR = join(JAVA, "target", "sluice-worker.jar");
/** Of the larger of 1 and the value. */
const TOLERANCE = 1e-9;

type Answer = Readonly<Record<string, number | string | null>>;
interface Case {
  readonly row: object;
  readonly answer: Answer;
}
const CASES: Readonly<Record<string, readonly Case[]>> = JSON.parse(
  readFileSync(join(KINDS, "cases.json"), "utf8"),
);

/** Documents that PMML4S takes and computes wrong, and what they are refused with. */
const REFUSED: Readonly<Record<string, string>> = {
  "neighbour-weighted": 'NearestNeighborModel with continuousScoringMethod="weightedAverage"',
  "general-cox": 'GeneralRegressionModel with modelType="CoxRegression"',
  associations: "association rules",
  "map-default": "MapValues with defaultValue",
};

/** What is said of each document, by its name. */
function answersOfAll(): Map<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-kinds-"));
  try {
    for (const file of globSync("*.pmml", { cwd: KINDS })) {
      const name = basename(file, ".pmml");
      const rows = CASES[name]!.map(({ row }) => row);
      writeFileSync(join(folder, `${name}.json`), JSON.stringify(rows));
    }
    execFileSync("javac", ["-J-XX:TieredStopAtLevel=1", "-encoding", "UTF-8", "-cp", JAR, "-d", folder, RUN]);
    const java = process.env.SLUICE_JAVA ?? "java";
    const args = [
      "-XX:TieredStopAtLevel=1",
      "-cp",
      `${folder}:${JAR}`,
      "sluice.worker.KindsRun",
      KINDS,
      folder,
    ];
    const lines = execFileSync(java, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    return new Map(
      lines
        .trimEnd()
        .split("\n")
        .map((line) => line.split("\t") as [string, string]),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function agree(found: Answer, wanted: Answer, where: string): void {
  assert.deepEqual(Object.keys(found), Object.keys(wanted), where);
  for (const [key, value] of Object.entries(wanted)) {
    const got = found[key]!;
    if (typeof value !== "number") {
      assert.equal(got, value, `${where}: ${key}`);
      continue;
    }
    const isNear =
      typeof got === "number" && Math.abs(got - value) <= TOLERANCE * Math.max(1, Math.abs(value));
    assert.ok(isNear, `${where}: ${key} is ${got}, not ${value}`);
  }
}

describe("kinds of PMML models", () => {
  let told: Map<string, string>;
  before(() => {
    told = answersOfAll();
  });

  for (const [name, cases] of Object.entries(CASES)) {
    const refusal = REFUSED[name];
    if (refusal !== undefined) {
      test(`${name} is refused, as PMML4S computes it wrong`, () => {
        const why = `the model has ${refusal}, which PMML4S does not compute as PMML 4.4 says`;
        assert.equal(told.get(name), `refused: ${why}`);
      });
      continue;
    }
    test(`${name} answers as was computed without it`, () => {
      const text = told.get(name)!;
      assert.match(text, /^\[/, text);
      const answers: Answer[] = JSON.parse(text);
      assert.equal(answers.length, cases.length);
      for (const [i, { answer }] of cases.entries()) agree(answers[i]!, answer, `row ${i}`);
    });
  }
});
