/**
 * The rules of STYLE.md and ARCHITECTURE.md that a program can keep: who may import whom, how long a file may be,
 * what a pure part may touch, and what must never be committed. Each rule names the file and what is wanted.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import test from "node:test";

const root = dirname(import.meta.dirname);
/** Every file that is or could be committed. */
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((f) => f !== "" && existsSync(join(root, f)));
const text = (file: string) => readFileSync(join(root, file), "utf8");
const sources = tracked.filter((f) => /^(src|sim|tools|test|bench|examples)\/.*\.ts$/.test(f));

/** Part of `src/` → parts it may import (design: "who may import whom"). Its own part is always allowed. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  base: [],
  core: ["base"],
  http1: ["base"],
  ports: ["base", "core"],
  control: ["base", "core", "ports"],
  gateway: ["base", "core", "http1", "ports"],
  engine: ["base", "core", "http1", "ports"],
  api: ["base", "core"],
  server: ["base", "core", "api", "control", "ports"],
  adapters: ["base", "core", "ports"],
  cli: ["base", "api"],
  testing: ["base", "core", "http1", "ports"],
  roles: ["base", "core", "ports", "control", "gateway", "engine", "api", "server", "adapters", "cli"],
  "main.ts": ["roles"],
};
/** Parts that may see only the types of `core`. */
const TYPES_OF_CORE_ONLY = new Set(["cli"]);
/** Packages from outside, and the only parts that may use them. */
const PACKAGES: Record<string, readonly string[]> = {
  typebox: ["core", "api", "server"],
  fastify: ["server"],
  commander: ["cli"],
  pg: ["adapters"],
  pino: ["adapters"],
  tar: ["adapters"],
  yauzl: ["adapters"],
};
/** Parts that never import `node:*`: values in, values out. */
const PURE = new Set(["core", "http1", "ports", "api"]);

interface Import {
  readonly from: string;
  readonly isTypeOnly: boolean;
}

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const pattern =
    /^\s*(?:import|export)\s+(type\s+)?(?:[^"';]*?\s+from\s+)?["']([^"']+)["']|import\(\s*["']([^"']+)["']\s*\)/gm;
  for (const match of text(file).matchAll(pattern)) {
    found.push({ from: (match[2] ?? match[3])!, isTypeOnly: match[1] !== undefined });
  }
  return found;
}

const partOf = (file: string) => relative("src", file).split("/")[0]!;
const isTest = (file: string) => /\.test\.ts$/.test(file) || file.startsWith("src/testing/");

test("imports point the way the architecture says", () => {
  const wrong: string[] = [];
  for (const file of sources.filter((f) => f.startsWith("src/"))) {
    const part = partOf(file);
    const allowed = MAY_IMPORT[part];
    if (allowed === undefined) {
      wrong.push(`${file}: no part of src/ is called ${part}; name it in ARCHITECTURE.md and here`);
      continue;
    }
    if (isTest(file)) continue;
    for (const { from, isTypeOnly } of importsOf(file)) {
      if (from.startsWith(".")) {
        const target = relative(root, resolve(root, dirname(file), from));
        if (!target.startsWith("src/")) {
          wrong.push(`${file}: imports ${target}, outside src/`);
          continue;
        }
        const to = partOf(target);
        if (to === part) {
          const adapter = (f: string) => f.split("/")[2];
          if (part === "adapters" && adapter(file) !== adapter(target))
            wrong.push(`${file}: knows another adapter, ${target}`);
        } else if (!allowed.includes(to) && !(TYPES_OF_CORE_ONLY.has(part) && to === "core" && isTypeOnly)) {
          wrong.push(`${file}: ${part} may not import ${to} (${target})`);
        }
      } else if (from.startsWith("node:")) {
        if (PURE.has(part)) wrong.push(`${file}: ${part} is pure and may not import ${from}`);
      } else {
        const name = from.startsWith("@") ? from.split("/").slice(0, 2).join("/") : from.split("/")[0]!;
        if (!(PACKAGES[name] ?? []).includes(part))
          wrong.push(`${file}: ${part} may not import the package ${name}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test("the core touches no clock, chance, process or console, and is not asynchronous", () => {
  const banned =
    /\b(Date\.now|new Date\(\)|Math\.random|process\.|console\.|setTimeout|setInterval|setImmediate|queueMicrotask|async |await |performance\.)/;
  const wrong = sources
    .filter((f) => f.startsWith("src/core/") && !isTest(f))
    .flatMap((f) =>
      text(f)
        .split("\n")
        .map((line, i) => ({ line, where: `${f}:${i + 1}` }))
        .filter(({ line }) => !/^\s*(\*|\/\/|\/\*)/.test(line) && banned.test(line))
        .map(({ line, where }) => `${where}: ${line.trim()}`),
    );
  assert.deepEqual(wrong, []);
});

/** Files over 300 lines, each with the reason why it is one thing. None may pass 500. */
const LONG_FILES: Record<string, string> = {
  "src/api/service-operations.ts": "one table: an entry an operation, in the order of the reference",
  "src/adapters/store-postgres/store.ts": "one class: each method of the port with the statement that it is",
  "sim/simulation.ts":
    "one seeded life: what may happen in it is one list of dice, and commands and laws stand apart",
  "src/testing/plan-world.ts":
    "one world for the planner's properties: each of its orders is a few lines over the same state",
  "tools/reference-errors.ts": "one table: an entry a code, in the order of the catalogue",
  "src/testing/memory-control.ts":
    "one small method for each operation of the control plane that it stands in for",
  "src/control/app.ts": "the wiring of one process: a line for each part and each method",
  "src/control/commands.ts": "a few lines for each command, over the same way to decide and commit",
  "src/engine/http-connection.ts": "one connection's states, each a few lines, over the same private fields",
  "src/engine/worker.ts": "one connection: each kind of frame, both ways, over the same private slots",
  "src/engine/worker-supervisor.ts":
    "the life of workers from start to end: each event is a few lines over the same places and the process that they share",
  "test/smuggling/corpus.ts": "one table: forms are compared with their neighbours",
  "src/gateway/client.ts":
    "the states of one client connection; a part of them elsewhere would have to know them all",
  "src/gateway/grpc-call.ts":
    "the life of one gRPC call: each step is a word between its two streams; fields, links and status codes stand apart",
  "src/gateway/gateway.ts": "one worker: what its parts share, and each command and message in one place",
  "src/gateway/wire.ts":
    "one connection: reads, writes and the end share private state that the listeners of all sockets reach",
  "src/gateway/exchange.ts":
    "the life of one request: each step is a call between its client and its instance; its gates and tries stand apart",
};

test("files are short, or say why not", () => {
  const wrong: string[] = [];
  for (const file of sources.filter((f) => !/\.test\.ts$/.test(f))) {
    const lines = text(file).split("\n").length - 1;
    if (lines > 500) wrong.push(`${file}: ${lines} lines; 500 is the most. What two things is it?`);
    else if (lines > 300 && LONG_FILES[file] === undefined)
      wrong.push(`${file}: ${lines} lines; split it, or give the reason in tools/tidy.test.ts`);
  }
  for (const file of Object.keys(LONG_FILES)) {
    if (!tracked.includes(file) || text(file).split("\n").length <= 301)
      wrong.push(`${file}: no longer long; take it off the list`);
  }
  assert.deepEqual(wrong, []);
});

test("files are named by a noun in kebab case", () => {
  const banned = new Set([
    "utils",
    "helpers",
    "common",
    "types",
    "manager",
    "misc",
    "index",
    "util",
    "helper",
  ]);
  const wrong = sources.filter((file) => {
    const name = file
      .split("/")
      .at(-1)!
      .replace(/(\.(real|long|property))?(\.test)?\.ts$/, "");
    return !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || banned.has(name);
  });
  assert.deepEqual(wrong, []);
});

test("nothing left over: no focused or skipped tests, no marks, no barrels", () => {
  const banned = new RegExp(
    [
      String.raw`\b(test|describe|it)\.(only|skip|todo)\(`,
      String.raw`\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b`,
      String.raw`^export \* from`,
    ].join("|"),
    "m",
  );
  assert.deepEqual(
    sources.filter((f) => f !== "tools/tidy.test.ts" && banned.test(text(f))),
    [],
  );
});

test("no file names a package registry's host or a path of somebody's machine", () => {
  const banned =
    /registry\.npmjs|repo1?\.maven|pypi\.org|files\.pythonhosted|deb\.debian|"resolved":|(?<![\w.])\/work\/|\/root\//;
  const wrong = tracked.filter(
    (f) => f !== "tools/tidy.test.ts" && !/\.(png|jar|gz|zip|pmml)$/.test(f) && banned.test(text(f)),
  );
  assert.deepEqual(wrong, []);
});

test("links between the documents lead somewhere", () => {
  const wrong: string[] = [];
  for (const file of tracked.filter((f) => f.endsWith(".md"))) {
    for (const match of text(file).matchAll(/\]\(([^)#\s]+)(#[^)\s]*)?\)/g)) {
      const target = match[1]!;
      if (/^[a-z]+:/.test(target)) continue;
      if (!existsSync(resolve(root, dirname(file), target))) wrong.push(`${file}: ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});
