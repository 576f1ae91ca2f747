/** Longest text of a worker that goes into state.json, in characters. */
const CHARS_MAX = 1000;

/** What the worker of a ready-made processor tells with READY, for people. */
export interface ModelFacts {
  /** Library and version, e.g. "xgboost 2.1.4". */
  readonly library?: string;
  /** What people should know of the model, though it serves. */
  readonly note?: string;
}

/** The parts of READY that are told on; what is no text is left out. */
export function modelFacts(ready: unknown): ModelFacts {
  const { library, note } = ready as { library?: unknown; note?: unknown };
  const text = (value: unknown) =>
    typeof value === "string" && value !== "" ? value.slice(0, CHARS_MAX) : null;
  const [known, told] = [text(library), text(note)];
  return { ...(known === null ? {} : { library: known }), ...(told === null ? {} : { note: told }) };
}
