import type { HealthSpec, Probe, ProbeAction, ProbeKind } from "../health/probe.ts";
import type { Refuse } from "./build.ts";
import { describeFound } from "./found.ts";
import type { Steps } from "./json-path.ts";
import { isSame } from "./json-value.ts";
import type { ServiceDocument } from "./schema.ts";
import type { Json } from "./service-spec.ts";

type Container = NonNullable<ServiceDocument["containers"]>[number];
type Given = NonNullable<Container["startup_check"]>;

/** Defaults of eas-reference §1.4. For the initial delay its sources disagree (0, 10, 15, 60); Kubernetes has 0. */
const DEFAULTS = { initialDelayS: 0, periodS: 10, timeoutS: 1, successes: 1, failures: 3 };
const METHODS = ["http_get", "tcp_socket", "exec"] as const;
const ONE_METHOD = "exactly one of http_get, tcp_socket and exec";
const FIELDS = {
  startup_check: "startup",
  readiness_check: "readiness",
  liveness_check: "liveness",
} as const satisfies Record<string, ProbeKind>;

/**
 * The checks of a container (eas-reference §1.4). `health_check`, which samples have, is the readiness check.
 * Null when one of them is refused.
 * @param port the container's: a probe of it looks where the instance listens, for each has a port of its own
 */
export function buildHealth(
  container: Container,
  port: number,
  here: Steps,
  refuse: Refuse,
): HealthSpec | null {
  const { health_check: older, readiness_check: newer } = container;
  if (older !== undefined && newer !== undefined && !isSame(older as Json, newer as Json)) {
    return refuse(
      [...here, "health_check"],
      "another check than readiness_check",
      "one of the two: they are the same check",
    );
  }
  const given: Record<string, Given | undefined> = {
    startup_check: container.startup_check,
    [newer === undefined ? "health_check" : "readiness_check"]: newer ?? older,
    liveness_check: container.liveness_check,
  };
  const health: Partial<Record<ProbeKind, Probe>> = {};
  let isFine = true;
  for (const [name, check] of Object.entries(given)) {
    if (check === undefined) continue;
    const kind = name === "health_check" ? "readiness" : FIELDS[name as keyof typeof FIELDS];
    const probe = buildProbe(check, kind, port, [...here, name], refuse);
    if (probe === null) isFine = false;
    else health[kind] = probe;
  }
  return isFine ? health : null;
}

function buildProbe(given: Given, kind: ProbeKind, port: number, steps: Steps, refuse: Refuse): Probe | null {
  const action = buildAction(given, port, steps, refuse);
  const successThreshold = given.success_threshold ?? DEFAULTS.successes;
  if (kind !== "readiness" && successThreshold !== 1) {
    return refuse(
      [...steps, "success_threshold"],
      String(successThreshold),
      "1: only a readiness check may need several good probes in a row",
    );
  }
  if (action === null) return null;
  return {
    action,
    initialDelayMs: (given.initial_delay_seconds ?? DEFAULTS.initialDelayS) * 1000,
    periodMs: (given.period_seconds ?? DEFAULTS.periodS) * 1000,
    timeoutMs: (given.timeout_seconds ?? DEFAULTS.timeoutS) * 1000,
    successThreshold,
    failureThreshold: given.failure_threshold ?? DEFAULTS.failures,
  };
}

function buildAction(given: Given, port: number, steps: Steps, refuse: Refuse): ProbeAction | null {
  const methods = METHODS.filter((name) => given[name] !== undefined);
  if (methods.length !== 1)
    return refuse(steps, methods.length === 0 ? "no method" : methods.join(" and "), ONE_METHOD);
  const own = (asked: number | undefined) => (asked === undefined || asked === port ? null : asked);
  if (given.tcp_socket !== undefined) return { kind: "tcp", port: own(given.tcp_socket.port) };
  if (given.exec !== undefined) {
    const { command } = given.exec;
    const isFine = (command[0] ?? "") !== "" && !command.some((word) => word.includes("\0"));
    if (isFine) return { kind: "exec", command };
    return refuse(
      [...steps, "exec", "command"],
      "a list without a program",
      "the program, then its arguments",
    );
  }
  const { path = "/", scheme = "HTTP", port: asked } = given.http_get!;
  // RFC 9112 §3.2.1: what may stand in a request line.
  if (!/^[!-~]*$/.test(path) || path.includes("#")) {
    const found = describeFound(path, { type: "string" });
    return refuse([...steps, "http_get", "path"], found, "a path, spaces and other letters percent-encoded");
  }
  return {
    kind: "http",
    scheme: scheme.toLowerCase() === "https" ? "https" : "http",
    path: path.startsWith("/") ? path : `/${path}`,
    port: own(asked),
  };
}
