import { error, type Finding, ok, warning } from "./finding.ts";
import type { Machine } from "./machine.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Oldest Java that runs the worker for Java and PMML (docs/guide/pmml.md). */
const JAVA_MIN = 17;

/** pip tries an index that does not answer several times. */
const REGISTRY_MS_MAX = 30_000;

/** Names of packages, by the program that installs them. */
const PACKAGES = {
  "apt-get install -y": { python: "python3 python3-venv", java: "default-jdk-headless", cpp: "g++" },
  "dnf install -y": { python: "python3", java: "java-21-openjdk-devel", cpp: "gcc-c++" },
  "apk add": { python: "python3 py3-pip", java: "openjdk21", cpp: "g++" },
  "zypper install -y": { python: "python3", java: "java-21-openjdk-devel", cpp: "gcc-c++" },
  "brew install": { python: "python3", java: "openjdk", cpp: "gcc" },
} as const;

/** The command that installs something on this machine. */
async function installing(machine: Machine, what: "python" | "java" | "cpp"): Promise<string> {
  for (const [command, packages] of Object.entries(PACKAGES)) {
    const [program] = command.split(" ");
    if ((await machine.run(program!, ["--version"])) === null) continue;
    const sudo = machine.uid === 0 || program === "brew" ? "" : "sudo ";
    return `${sudo}${command} ${packages[what]}`;
  }
  return `install it with what this system has: ${PACKAGES["apt-get install -y"][what]}`;
}

/** Is this Node new enough? `wanted` as package.json has it: `>=26.10.0`. */
export function checkNode(machine: Machine, wanted: string): Finding {
  const parts = (text: string) =>
    text
      .replace(/^[^\d]*/, "")
      .split(".")
      .map(Number);
  const [have, want] = [parts(machine.node), parts(wanted)];
  const at = want.findIndex((part, index) => part !== (have[index] ?? 0));
  const isNew = at === -1 || (have[at] ?? 0) > want[at]!;
  return isNew
    ? ok("node", machine.node)
    : error(
        "node",
        `${machine.node}, and ${wanted} is needed`,
        "start it as bin/sluice, which brings its own Node",
      );
}

/** Python with what makes virtual environments: Python processors need it. */
export async function checkPython(machine: Machine, env: Env): Promise<Finding> {
  const program = env.SLUICE_PYTHON || "python3";
  const version = await machine.run(program, ["-c", "import sys; print(sys.version.split()[0])"]);
  if (version === null || version.code !== 0) {
    const fix = await installing(machine, "python");
    return warning("python", `${program} is not there; Python processors need it`, fix);
  }
  const parts = await machine.run(program, ["-c", "import venv, ensurepip"]);
  if (parts?.code === 0) return ok("python", `${version.output} with venv and pip`);
  return warning(
    "python",
    `${program} ${version.output} cannot make virtual environments; processors with packages need them`,
    await installing(machine, "python"),
  );
}

/** Java for Java processors and PMML. */
export async function checkJava(machine: Machine, env: Env): Promise<Finding> {
  const program = env.SLUICE_JAVA || "java";
  const found = await machine.run(program, ["-version"]);
  const version = /version "([^"]+)"/.exec(found?.output ?? "")?.[1];
  const fix = () => installing(machine, "java");
  if (version === undefined)
    return warning("java", `${program} is not there; Java processors and PMML models need it`, await fix());
  if (Number.parseInt(version, 10) >= JAVA_MIN) return ok("java", version);
  return warning(
    "java",
    `${version} is too old; Java processors and PMML models need ${JAVA_MIN}`,
    await fix(),
  );
}

/** A compiler: only who writes processors in C++ needs it. */
export async function checkCompiler(machine: Machine): Promise<Finding> {
  const found = await machine.run("g++", ["--version"]);
  if (found?.code === 0) return ok("c++", found.output.split("\n")[0]!);
  return warning("c++", "g++ is not there; processors in C++ need it", await installing(machine, "cpp"));
}

/** Docker: nothing in this version needs it, so that only one that is broken is told. */
export async function checkDocker(machine: Machine): Promise<Finding> {
  const found = await machine.run("docker", ["version", "--format", "{{.Server.Version}}"]);
  if (found === null) return ok("docker", "not there; instances are processes here, and nothing needs it");
  if (found.code === 0) return ok("docker", found.output);
  return warning(
    "docker",
    "the program is there, and its service does not answer; nothing in this version needs it",
    "sudo systemctl start docker",
  );
}

/** Can packages be fetched, from where pip is told to look? It leaves this machine, so it is only done when asked for. */
export async function checkRegistries(machine: Machine, env: Env): Promise<Finding> {
  const program = env.SLUICE_PYTHON || "python3";
  const found = await machine.run(program, ["-m", "pip", "index", "versions", "pip"], REGISTRY_MS_MAX);
  if (found?.code === 0) return ok("registries", "pip finds packages where it is told to look");
  const why = found?.output.split("\n").at(-1) ?? `${program} is not there`;
  return warning(
    "registries",
    `pip finds no packages: ${why}`,
    `${program} -m pip config set global.index-url <address of a package index>`,
  );
}
