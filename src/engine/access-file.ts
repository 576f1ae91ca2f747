import { readFileSync, statSync } from "node:fs";
import type { AccessRules } from "../core/instance-spec.ts";

/** access.json of an instance's folder: rules for direct callers that came after its spec. Replaced whole, by rename. */
export class AccessFile {
  readonly #path: string;
  #seen = "";

  constructor(path: string) {
    this.#path = path;
  }

  /** The rules, when they are others than at the last look; null when nothing has changed or there is no file. */
  changed(): AccessRules | null {
    try {
      const stat = statSync(this.#path, { throwIfNoEntry: false });
      if (stat === undefined) return null;
      const version = `${stat.ino}/${stat.mtimeMs}`;
      if (version === this.#seen) return null;
      const rules = JSON.parse(readFileSync(this.#path, "utf8")) as AccessRules;
      this.#seen = version;
      return rules;
    } catch {
      return null; // replaced or removed between the two calls: the next look tells
    }
  }
}
