import type { ApiError } from "../api/client.ts";
import { type Problem, problemsText } from "./problems.ts";

/** What an answer of the API says is wrong. */
export function messageOf(error: ApiError): string {
  const problems = error.body.Problems;
  if (!Array.isArray(problems) || problems.length < 2) return error.message;
  return problemsText(problems as readonly Problem[]);
}
