/** Steps from the root of a document: names of fields and places in lists. */
export type Steps = readonly (string | number)[];

/** Longest name shown in a path; a longer one is cut. */
const NAME_CHARS_SHOWN = 80;

/** One step as JSONPath (RFC 9535): `.instance`, `[0]`, `["rpc.keepalive"]`. */
export function pathStep(step: string | number): string {
  if (typeof step === "number") return `[${step}]`;
  if (step.length > NAME_CHARS_SHOWN) return `[${JSON.stringify(`${step.slice(0, NAME_CHARS_SHOWN)}…`)}]`;
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}

/** All steps as JSONPath, from `$`. */
export function jsonPath(steps: Steps): string {
  return `$${steps.map(pathStep).join("")}`;
}

/**
 * Where the user wrote what stands in a canonical document, by canonical path. What is not in it was written
 * below the nearest one above it that is.
 */
export class Origins {
  readonly #spelled = new Map<string, string>();

  /** The first spelling stays. */
  set(canonical: Steps, spelled: string): void {
    const key = JSON.stringify(canonical);
    if (!this.#spelled.has(key)) this.#spelled.set(key, spelled);
  }

  /** True when the value was written as one, not put together from dotted keys. */
  has(canonical: Steps): boolean {
    return this.#spelled.has(JSON.stringify(canonical));
  }

  /** What was written at this place, else the first thing below it, else what it is a part of. Looks through all. */
  nearest(canonical: Steps): string {
    const exact = this.#spelled.get(JSON.stringify(canonical));
    if (exact !== undefined) return exact;
    const prefix = `${JSON.stringify(canonical).slice(0, -1)},`;
    for (const [key, spelled] of this.#spelled) if (key.startsWith(prefix)) return spelled;
    return canonical.length === 0 ? "$" : this.nearest(canonical.slice(0, -1));
  }

  /** JSON path as the user spelled it. */
  spelled(canonical: Steps): string {
    for (let length = canonical.length; length > 0; length--) {
      const known = this.#spelled.get(JSON.stringify(canonical.slice(0, length)));
      if (known !== undefined) return known + canonical.slice(length).map(pathStep).join("");
    }
    return jsonPath(canonical);
  }
}
