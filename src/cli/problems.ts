/** One problem of a document, as the API tells it. */
export interface Problem {
  readonly Path: string;
  readonly Found: string;
  readonly Allowed: string;
}

/** Several problems of one document, below each other. */
export const problemLines = (problems: readonly Problem[]) =>
  problems.map(({ Path, Found, Allowed }) => `  ${Path}: found ${Found}, allowed: ${Allowed}`).join("\n");

/** The same, with how many there are. */
export const problemsText = (problems: readonly Problem[]) =>
  `${problems.length} problems\n${problemLines(problems)}`;
