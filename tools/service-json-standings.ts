/** The part of docs/reference/service-json.md that says what becomes of each field. */
import type { Field } from "../src/core/spec/field.ts";
import { SERVICE_FIELD } from "../src/core/spec/schema.ts";
import {
  RUNTIMES,
  type Runtime,
  type Standing,
  sometimesNot,
  standingOf,
} from "../src/core/spec/standing.ts";

const NAMES = Object.keys(RUNTIMES) as Runtime[];
const HEADS: Readonly<Record<Runtime, string>> = {
  "ready-made": "Ready-made",
  python: "Python",
  native: "C++, Node",
  java: "Java",
  server: "Server",
};

/** One field with a standing, for each of {@link NAMES}. */
export interface StandingRow {
  readonly path: string;
  readonly standings: readonly Standing[];
  /** Why it is without effect for some services of a runtime, by runtime. */
  readonly sometimes: readonly (string | null)[];
}

/** Every field that has a standing of its own, in the order of the schema. */
export function standingRows(): StandingRow[] {
  const rows: StandingRow[] = [];
  const visit = (field: Field, names: readonly string[], inherited: string | null) => {
    for (const [name, child] of Object.entries(field.properties ?? {})) {
      const path = [...names, name];
      const reason = child["x-reason"] ?? inherited;
      const places = `$.${path.join(".").replaceAll("[]", "")}`;
      const standings = NAMES.map((runtime) => standingOf(child, places, runtime, inherited));
      const items = child.items?.properties === undefined ? null : child.items;
      const isBlock = child.properties !== undefined || items !== null;
      if (!isBlock)
        rows.push({
          path: path.join("."),
          standings: standings.map((standing) => standing ?? { kind: "effective" }),
          sometimes: NAMES.map((runtime) => sometimesNot(places, runtime)),
        });
      if (items !== null) visit(items, [...names, `${name}[]`], reason);
      else visit(child, path, reason);
    }
  };
  visit(SERVICE_FIELD, [], null);
  return rows;
}

const WORDS = { effective: "yes", "not-effective": "no", refused: "refused" } as const;

function rowText({ path, standings, sometimes }: StandingRow): string {
  const cells = standings.map(({ kind }, i) =>
    kind === "effective" && sometimes[i] !== null ? "some" : WORDS[kind],
  );
  return `| \`${path}\` | ${cells.join(" | ")} | ${reasonText(standings, sometimes)} |`;
}

function reasonText(standings: readonly Standing[], sometimes: readonly (string | null)[]): string {
  const byReason = new Map<string, string[]>();
  for (const [i, standing] of standings.entries()) {
    const reason = standing.kind === "effective" ? sometimes[i]! : standing.reason;
    if (reason !== null) byReason.set(reason, [...(byReason.get(reason) ?? []), HEADS[NAMES[i]!]]);
  }
  return [...byReason]
    .map(([reason, heads]) => (heads.length === NAMES.length ? reason : `${heads.join(", ")}: ${reason}`))
    .join("; ")
    .replaceAll("|", "\\|");
}

/** How many fields are effective everywhere, for some runtimes, and nowhere. */
export function standingCounts(): { all: number; effective: number; partly: number; none: number } {
  const rows = standingRows();
  const isEffective = ({ kind }: Standing) => kind === "effective";
  const effective = rows.filter(({ standings }) => standings.every(isEffective)).length;
  const none = rows.filter(({ standings }) => !standings.some(isEffective)).length;
  return { all: rows.length, effective, partly: rows.length - effective - none, none };
}

/** The section, as Markdown. */
export function standingSection(): string {
  const { all, effective, partly, none } = standingCounts();
  return `## Standing of each field

What becomes of a field depends on what the service is run as: a ready-made processor, a processor of one's own in Python, C++, Node or Java, or a
server of one's own (\`containers\`). All of them are processes of this machine. There are no Docker and no Kubernetes runtimes in this build, so no
field has a standing there; what needs one says so.

- **yes**: this build does what the field says. **some**: for some processors of the kind.
- **no**: the field is checked and kept, and has no effect; the answers to create and update name it with the reason.
- **refused**: the field, or a value of it, does not go with the rest, and the document is refused.

Of ${all} fields ${effective} are effective for all kinds of service, ${partly} for some, and ${none} for none. \`sluice validate\` shows the standing of
each field of a file.

| Field | ${NAMES.map((name) => HEADS[name]).join(" | ")} | Why not |
| --- | ${NAMES.map(() => "---").join(" | ")} | --- |
${standingRows().map(rowText).join("\n")}
`;
}
