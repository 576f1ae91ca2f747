/** Thrown when the program itself is wrong. Never used for outside input. */
export class AssertionError extends Error {
  override name = "AssertionError";
}

/** States what must be true here. A failure is a bug, and stops what relied on it. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message);
}

/** Closes an exhaustive `switch`: the compiler proves that it cannot be reached. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`);
}
