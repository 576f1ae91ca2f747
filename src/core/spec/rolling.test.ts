import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { parseSpec } from "./parse.ts";
import { paceOf } from "./rolling.ts";

const parse = (rolling_strategy?: object) =>
  parseSpec({
    name: "a",
    processor_type: "python",
    processor_path: "/p",
    processor_entry: "app.py",
    metadata: { instance: 4, ...(rolling_strategy === undefined ? {} : { rolling_strategy }) },
  }).spec.rolling;

const CASES: readonly (readonly [
  given: object | undefined,
  count: number,
  surge: number,
  unavailable: number,
])[] = [
  [undefined, 1, 1, 0], // 2 %, at least 1 (eas-reference §1.2)
  [undefined, 100, 2, 0],
  [undefined, 101, 3, 0],
  [undefined, 0, 0, 1],
  [{ max_surge: 3 }, 4, 3, 0],
  [{ max_surge: "25%" }, 5, 2, 0], // up
  [{ max_surge: "7%" }, 100, 7, 0], // not 7.000000000000001, rounded up
  [{ max_unavailable: 2 }, 4, 1, 2],
  [{ max_unavailable: 9 }, 4, 1, 4],
  [{ max_unavailable: "25%" }, 7, 1, 1], // down
  [{ max_surge: 0, max_unavailable: "10%" }, 4, 0, 1], // down to 0: then nothing could be replaced
  [{ max_surge: 0, max_unavailable: 1 }, 4, 0, 1],
];

for (const [given, count, surge, unavailable] of CASES) {
  test(`${JSON.stringify(given)} of ${count}: ${surge} more, ${unavailable} fewer`, () => {
    assert.deepEqual(paceOf(parse(given), count), { surge, unavailable });
  });
}

test("neither more nor fewer is refused: nothing could ever be replaced", () => {
  for (const given of [{ max_surge: 0 }, { max_surge: "0%", max_unavailable: 0 }]) {
    assert.throws(
      () => parse(given),
      (error) =>
        error instanceof ServingError &&
        error.code === "INVALID_SPEC" &&
        /rolling_strategy: found neither more nor fewer .* max_surge or max_unavailable above 0/.test(
          error.message,
        ),
    );
  }
});
