/** Answers rows of numbers by a line: `initialize` loads the model once, `process` answers each request. */
import { readFileSync } from "node:fs";

let model = { slope: 0, intercept: 0 };

/** Once, before the first request: `entry` is the path of the model's file, `config` is `model_config` as text or null. */
export function initialize({ entry }) {
  model = JSON.parse(readFileSync(entry, "utf8"));
}

/** Each request; it may be async. An object is sent as JSON; what is thrown is 400 with its message. */
export function process(body) {
  const rows = JSON.parse(body.toString("utf8"));
  if (!Array.isArray(rows)) return { status: 400, body: "the body is not a JSON array of rows" };
  return rows.map((row, i) => {
    if (typeof row?.x !== "number") throw new TypeError(`row ${i} has no number x`);
    return { y: model.intercept + model.slope * row.x };
  });
}
