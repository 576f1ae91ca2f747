import type { ApiError } from "../api/client.ts";

/** One problem of a document, as the API tells it. */
export interface Problem {
  readonly Path: string;
  readonly Found: string;
  readonly Allowed: string;
}

/** Several problems of one document stand below each other. */
export function problemsText(problems: readonly Problem[]): string {
  const lines = problems.map(({ Path, Found, Allowed }) => `  ${Path}: found ${Found}, allowed: ${Allowed}`);
  return [`${problems.length} problems`, ...lines].join("\n");
}

/** What an answer of the API says is wrong. */
export function messageOf(error: ApiError): string {
  const problems = error.body.Problems;
  if (!Array.isArray(problems) || problems.length < 2) return error.message;
  return problemsText(problems as readonly Problem[]);
}
