import { isIP } from "node:net";

/** What host names are looked up in. */
export interface NamedRoutes {
  /** Changes with every table. */
  readonly number: number;
  readonly serviceRoutes: ReadonlyMap<string, unknown>;
  readonly groupRoutes: ReadonlyMap<string, unknown>;
}

/**
 * Finds the service or group that a host name speaks of: `{name}.{anything}`, with `-` for each `_` of the name (eas-reference §3.1, the
 * virtual-host form). Made anew with the first question after a change of the table.
 */
export class HostNames {
  readonly #routes: NamedRoutes;
  #number = -1;
  /** By the name with `-` for `_`; null: several have it, so that nobody can say which is meant. */
  #byHost = new Map<string, string | null>();

  constructor(routes: NamedRoutes) {
    this.#routes = routes;
  }

  /** The name in `authority` (`host` or `host:port`), or null. A name spelled as it is goes before one spelled with `-`. */
  find(authority: string): string | null {
    const host = authority.replace(/:\d*$/, "").toLowerCase();
    if (isIP(host) !== 0 || host.startsWith("[")) return null;
    const label = host.split(".", 1)[0]!;
    const { serviceRoutes, groupRoutes, number } = this.#routes;
    if (serviceRoutes.has(label) || groupRoutes.has(label)) return label;
    if (number !== this.#number) this.#learn();
    return this.#byHost.get(label) ?? null;
  }

  #learn(): void {
    const { serviceRoutes, groupRoutes, number } = this.#routes;
    this.#number = number;
    this.#byHost = new Map();
    for (const name of [...serviceRoutes.keys(), ...groupRoutes.keys()]) {
      const host = name.replaceAll("_", "-");
      this.#byHost.set(host, this.#byHost.has(host) ? null : name);
    }
  }
}
