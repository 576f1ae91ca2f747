/** Writes docs/reference/settings.md from the one table of settings. `node tools/reference-settings.ts` */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { envOf, flagOf } from "../src/base/settings.ts";
import { type AnySetting, SERVE_SETTINGS } from "../src/roles/settings.ts";

export const SETTINGS_PAGE = join(import.meta.dirname, "..", "docs", "reference", "settings.md");

/** The page as it should be. */
export function settingsPage(): string {
  const rows = Object.values<AnySetting>(SERVE_SETTINGS).map(
    (s) =>
      `| \`${flagOf(s.name)}\` | \`${envOf(s.name)}\` | ${s.defaultText ?? `\`${s.defaultValue}\``} | ${s.text} |`,
  );
  return `# Settings of \`sluice serve\`

Written from \`src/roles/settings.ts\` by \`tools/reference-settings.ts\`. A flag beats the environment, the environment beats the
default. What changes while Sluice runs (services, groups, weights) is no setting: it is in the store.

| Flag | Environment | Default | Meaning |
| --- | --- | --- | --- |
${rows.join("\n")}

Two more are read from the environment only: \`SLUICE_PYTHON\` names the interpreter of Python processors (default \`python3\`),
\`SLUICE_JAVA\` the one of Java processors (default \`java\`). Instances inherit them from the control process that starts them.
`;
}

if (import.meta.main) writeFileSync(SETTINGS_PAGE, settingsPage());
