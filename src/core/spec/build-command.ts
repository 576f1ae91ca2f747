import { buildHealth } from "./build-health.ts";
import { buildRequirements } from "./build-requirements.ts";
import { describeFound } from "./found.ts";
import type { Steps } from "./json-path.ts";
import type { ServiceDocument } from "./schema.ts";
import type { EnvironmentEntry, ProcessorSource, Source } from "./service-spec.ts";

type Container = NonNullable<ServiceDocument["containers"]>[number];
type CommandSource = Extract<ProcessorSource, { kind: "command" }>;
type Refuse = (steps: Steps, found: string, allowed: string) => null;

/** The port of a container that names none (eas-reference §1.4). */
const PORT = 8000;
/** Names that each instance is given with a value of its own. */
const PORT_NAME = "PORT";
const OWN_NAMES = /^SLUICE_/;
const HERE: Steps = ["containers", 0];
const show = (value: unknown) => describeFound(value, { type: "string" });

/**
 * A service that is a program of the user's own behind a port: `containers` without a processor (eas-reference §1.4). The process
 * runtime runs the command of the one container on this machine; there is no image to run it in.
 */
export function buildCommand(
  containers: readonly Container[],
  source: Source | null,
  refuse: Refuse,
): CommandSource | null {
  const [container, ...more] = containers;
  if (container === undefined) return refuse(["containers"], "an empty list", "one container");
  if (more.length > 0) {
    refuse(
      ["containers"],
      `${containers.length} containers`,
      "one container: the process runtime runs one command for an instance",
    );
  }
  const argv = buildArgv(container, refuse);
  const env = buildEnv(container, refuse);
  const port = container.port ?? PORT;
  const health = buildHealth(container, port, HERE, refuse);
  const requirements = buildRequirements(
    {
      lines: container.prepare?.pythonRequirements,
      linesAt: [...HERE, "prepare", "pythonRequirements"],
      file: container.prepare?.pythonRequirementsPath,
      fileAt: [...HERE, "prepare", "pythonRequirementsPath"],
      hasFolder: source !== null,
    },
    refuse,
  );
  if (argv === null || env === null || health === null || requirements === null || more.length > 0)
    return null;
  const checks = Object.keys(health).length > 0 ? { health } : {};
  const packages = requirements === undefined ? {} : { requirements };
  return { kind: "command", argv, port, env, source, ...checks, ...packages };
}

function buildArgv({ script, command, args, image }: Container, refuse: Refuse): readonly string[] | null {
  if (script !== undefined && command !== undefined) {
    return refuse([...HERE, "command"], "command and script", "one of the two: they exclude each other");
  }
  const words = args ?? [];
  if (words.some((word) => word.includes("\0")))
    return refuse([...HERE, "args"], "a NUL character", "arguments without one");
  if (script !== undefined) {
    if (args !== undefined) return refuse([...HERE, "args"], "args and script", "args beside a command only");
    const isText = script.trim() !== "" && !script.includes("\0");
    return isText
      ? ["/bin/sh", "-c", script]
      : refuse([...HERE, "script"], show(script), "commands of a shell");
  }
  if (command === undefined) {
    const found = image === undefined ? "no command" : "an image without a command";
    return refuse(
      HERE,
      found,
      "script or command: the process runtime runs it on this machine; images need the docker runtime, which this build does not have",
    );
  }
  if (typeof command !== "string") {
    const isFine = (command[0] ?? "") !== "" && !command.some((word) => word.includes("\0"));
    return isFine
      ? [...command, ...words]
      : refuse([...HERE, "command"], "a list without a program", "the program, then its arguments");
  }
  const text = command.trim();
  if (text === "" || text.includes("\0"))
    return refuse([...HERE, "command"], show(command), "a program, then its arguments");
  const operator = operatorIn(text);
  if (operator !== null) {
    return refuse(
      [...HERE, "command"],
      operator,
      "a single command (eas-reference §1.4); several commands, pipes and redirections go into script",
    );
  }
  // The shell only cuts it into words and puts variables in; then the program takes its place.
  return ["/bin/sh", "-c", `exec ${[text, ...words.map(quoted)].join(" ")}`];
}

/** One word of a shell, as it is (POSIX XCU 2.2.2). */
const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;

/** What makes a text more than one simple command, outside of quotes (POSIX XCU 2.10.1); null: nothing does. */
function operatorIn(text: string): string | null {
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (quote === "'") {
      if (char === "'") quote = "";
    } else if (char === "\\") i += 1;
    else if (char === "`" || (char === "$" && text[i + 1] === "(")) return "a command inside of the command";
    else if (quote === '"') {
      if (char === '"') quote = "";
    } else if (char === '"' || char === "'") quote = char;
    else if (char === "\n") return "several lines";
    else if (";&|<>()".includes(char)) return `the operator ${char}`;
  }
  return quote === "" ? null : "a quote without its end";
}

function buildEnv({ env = [], port = PORT }: Container, refuse: Refuse): readonly EnvironmentEntry[] | null {
  const seen = new Set<string>();
  const entries: EnvironmentEntry[] = [];
  let isFine = true;
  const wrong = (at: number, name: string, found: string, allowed: string) => {
    isFine = false;
    refuse([...HERE, "env", at, name], found, allowed);
  };
  env.forEach(({ name, value = "" }, i) => {
    if (/[=\0]/.test(name)) wrong(i, "name", show(name), "a name without = and NUL");
    else if (seen.has(name)) wrong(i, "name", `${show(name)} a second time`, "each name once");
    else if (OWN_NAMES.test(name)) wrong(i, "name", show(name), "names of your own: SLUICE_… are ours");
    else if (value.includes("\0")) wrong(i, "value", "a NUL character", "a text without one");
    else if (name === PORT_NAME) {
      // Said a second time. Every instance listens on a port of its own, and is told which one under this name.
      if (value !== String(port))
        wrong(i, "value", "another number than port", `${port}, as in port, or no such variable`);
    } else entries.push({ name, value });
    seen.add(name);
  });
  return isFine ? entries : null;
}
