/**
 * Writes docs/internals/http1-differences.md from the table in src/testing/http1-differences.ts: `node
 * tools/reference-http1-differences.ts`. A test holds the file to it.
 */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { headError } from "../src/http1/message-head.ts";
import { DIFFERENCES, EXCEPTIONS } from "../src/testing/http1-differences.ts";
import { BODY_REFUSAL } from "../src/testing/http1-oracle.ts";

export const DIFFERENCES_FILE = join(
  dirname(import.meta.dirname),
  "docs",
  "internals",
  "http1-differences.md",
);

/** Longer examples are cut: they show a size. */
const EXAMPLE_CHARS_MAX = 90;

function shown(example: string): string {
  const text = JSON.stringify(example).slice(1, -1).replaceAll('\\"', '"').replaceAll("|", "\\|");
  return text.length > EXAMPLE_CHARS_MAX ? `${text.slice(0, EXAMPLE_CHARS_MAX)}…` : text;
}

const answer = (refusal: number) =>
  refusal === 0
    ? "answered, then the connection ends"
    : refusal === BODY_REFUSAL
      ? "400, broken chunks"
      : `${headError(refusal).status}, ${headError(refusal).text}`;

/** The page as it should be. */
export function differencesPage(): string {
  const rows = DIFFERENCES.map(
    (d) => `| ${d.name} | \`${shown(d.example)}\` | ${answer(d.refusal)} | ${d.reason} |`,
  );
  return `# Where our HTTP/1.1 differs from node:http

<!-- Written by tools/reference-http1-differences.ts from src/testing/http1-differences.ts. -->

\`node:http\` is the oracle of our codec: the same byte streams go through both, whole and cut in two at every position
(\`src/http1/node-http.long.test.ts\`), and a sample of all that the fuzzer accepts (\`tools/fuzz-http1.ts\`). What we take for a request, it must take
for the same one: method, target, body, and where the next one begins. It may read on where we refuse; each such difference is
below with its reason, and the tests fail on one that is not.

## We refuse, node:http reads

| What | Example | Answer | Reason |
| --- | --- | --- | --- |
${rows.join("\n")}

## We read, node:http does not

${EXCEPTIONS.map((e) => `- **${e.name[0]!.toUpperCase()}${e.name.slice(1)}**: ${e.reason}.`).join("\n")}
`;
}

if (import.meta.main) writeFileSync(DIFFERENCES_FILE, differencesPage());
