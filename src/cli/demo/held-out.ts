/** Furthest that a probability may be from scikit-learn's. */
export const DIFFERENCE_MAX = 1e-9;

/** What a model says about one row. */
export interface Prediction {
  readonly probability_0: number;
  readonly probability_1: number;
  readonly predicted_diagnosis: number;
}

/** One row that no model was trained on, ready to send, and what scikit-learn says about it. */
export interface HeldOutRow {
  /** Request body: a JSON array of this one row. */
  readonly body: string;
  /** By model: `model1`, `model2`. */
  readonly expected: Readonly<Record<string, Prediction>>;
}

/**
 * Reads `held-out.jsonl` of examples/pmml-canary: one JSON object a line, `{row, diagnosis, model1, model2}`.
 * @throws Error when it has no rows or a line is not JSON
 */
export function readHeldOut(text: string): HeldOutRow[] {
  const lines = text.split("\n").filter((line) => line !== "");
  if (lines.length === 0) throw new Error("the file of held-out rows is empty");
  return lines.map((line) => {
    const { row, diagnosis: _, ...expected } = JSON.parse(line);
    return { body: JSON.stringify([row]), expected };
  });
}

/** What an answer is worth. */
export interface Verdict {
  /** Largest distance of a probability from the expected one; 0 when there is none to compare. */
  readonly difference: number;
  /** Null when the answer is right. */
  readonly complaint: string | null;
}

/** Compares the body of an answer with what the model should say. Anything may come: it is outside input. */
export function judge(status: number, body: string, expected: Prediction): Verdict {
  if (status !== 200) return { difference: 0, complaint: `status ${status}: ${shorten(body)}` };
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return { difference: 0, complaint: `the answer is not JSON: ${shorten(body)}` };
  }
  const first: unknown = Array.isArray(answer) && answer.length === 1 ? answer[0] : null;
  if (typeof first !== "object" || first === null) {
    return { difference: 0, complaint: `the answer is not an array of one object: ${shorten(body)}` };
  }
  const given = first as Readonly<Record<string, unknown>>;
  const distances = (["probability_0", "probability_1"] as const).map((name) => {
    const value = given[name];
    return typeof value === "number" ? Math.abs(value - expected[name]) : Number.NaN;
  });
  const difference = Math.max(...distances);
  const isSameClass = String(given.predicted_diagnosis) === String(expected.predicted_diagnosis);
  if (difference <= DIFFERENCE_MAX && isSameClass) return { difference, complaint: null };
  const wanted = JSON.stringify(expected);
  return {
    difference: Number.isNaN(difference) ? 0 : difference,
    complaint: `${shorten(body)} instead of ${wanted}`,
  };
}

const shorten = (text: string) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);
