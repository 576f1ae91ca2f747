import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../errors.ts";
import { classifyChange } from "./classify.ts";
import { parseSpec } from "./parse.ts";

const own = (container: object, rest: object = {}) => ({
  name: "own",
  metadata: { instance: 1 },
  containers: [container],
  ...rest,
});
const commandOf = (document: unknown) => {
  const { processor } = parseSpec(document).spec;
  assert(processor.kind === "command");
  return processor;
};
function problemsOf(document: unknown): readonly Problem[] {
  try {
    parseSpec(document);
  } catch (error) {
    return (error as { facts: { problems: readonly Problem[] } }).facts.problems;
  }
  throw new assert.AssertionError({ message: "it was accepted" });
}

test("a script is one text for the shell; port, variables and folder go along", () => {
  const env = [
    { name: "A", value: "1" },
    { name: "EMPTY" },
    { name: "PORT", value: "9000" }, // says what `port` says
  ];
  const given = own({ script: "cd app; python3 server.py", port: 9000, env }, { processor_path: "/code" });
  assert.deepEqual(commandOf(given), {
    kind: "command",
    argv: ["/bin/sh", "-c", "cd app; python3 server.py"],
    port: 9000,
    env: [
      { name: "A", value: "1" },
      { name: "EMPTY", value: "" },
    ],
    source: { kind: "path", path: "/code" },
  });
  assert.deepEqual(parseSpec(given).notEffective, []);
});

test("without a port it is 8000, without a folder none", () => {
  const { port, source, env } = commandOf(own({ script: "x" }));
  assert.deepEqual({ port, source, env }, { port: 8000, source: null, env: [] });
});

const COMMANDS: readonly (readonly [name: string, container: object, argv: readonly string[]])[] = [
  ["a list is run as it is", { command: ["node", "a b.js", "$X"] }, ["node", "a b.js", "$X"]],
  ["args follow a list", { command: ["node"], args: ["a b", ""] }, ["node", "a b", ""]],
  [
    "a text is cut by the shell",
    { command: ' python3 "a b.py" --port $PORT ' },
    ["/bin/sh", "-c", 'exec python3 "a b.py" --port $PORT'],
  ],
  [
    "args follow a text as they are",
    { command: "run", args: ["it's", "$X; y"] },
    ["/bin/sh", "-c", "exec run 'it'\\''s' '$X; y'"],
  ],
  [
    "operators in quotes are text",
    { command: "a ';' \"&|\" \\;" },
    ["/bin/sh", "-c", "exec a ';' \"&|\" \\;"],
  ],
];
for (const [name, container, argv] of COMMANDS) {
  test(`command: ${name}`, () => assert.deepEqual(commandOf(own(container)).argv, argv));
}

const REFUSED: readonly (readonly [
  name: string,
  document: object,
  paths: readonly string[],
  allowed: RegExp,
])[] = [
  ["no container", { ...own({}), containers: [] }, ["$.containers"], /one container/],
  ["no command", own({}), ["$.containers[0]"], /script or command/],
  ["an image only", own({ image: "i" }), ["$.containers[0]"], /images need the docker runtime/],
  ["script and command", own({ script: "a", command: "b" }), ["$.containers[0].command"], /one of the two/],
  ["an empty script", own({ script: " " }), ["$.containers[0].script"], /commands of a shell/],
  ["an empty list", own({ command: [] }), ["$.containers[0].command"], /the program/],
  ["a list of another type", own({ command: [1] }), ["$.containers[0].command"], /list/],
  ["two commands", own({ command: "cd a && b" }), ["$.containers[0].command"], /go into script/],
  ["a pipe", own({ command: "a | b" }), ["$.containers[0].command"], /go into script/],
  ["two lines", own({ command: "a\nb" }), ["$.containers[0].command"], /go into script/],
  ["a command inside", own({ command: 'a "$(b)"' }), ["$.containers[0].command"], /go into script/],
  ["an open quote", own({ command: "a 'b" }), ["$.containers[0].command"], /single command/],
  ["args and script", own({ script: "a", args: ["b"] }), ["$.containers[0].args"], /beside a command/],
  ["args as a text", own({ command: "a", args: "b" }), ["$.containers[0].args"], /list/],
  ["a port of ours", own({ script: "a", port: 9090 }), ["$.containers[0].port"], /not 8080 or 9090/],
  [
    "another PORT",
    own({ script: "a", env: [{ name: "PORT", value: "1" }] }),
    ["$.containers[0].env[0].value"],
    /8000, as in port/,
  ],
  [
    "a variable of ours",
    own({ script: "a", env: [{ name: "SLUICE_X", value: "1" }] }),
    ["$.containers[0].env[0].name"],
    /are ours/,
  ],
  [
    "a variable twice, and one with =",
    own({ script: "a", env: [{ name: "A" }, { name: "A" }, { name: "B=C" }] }),
    ["$.containers[0].env[1].name", "$.containers[0].env[2].name"],
    /each name once|without =/,
  ],
  [
    "two containers, and what is wrong with the first",
    { ...own({}), containers: [{ command: "a; b" }, { script: "c" }] },
    ["$.containers", "$.containers[0].command"],
    /one container|go into script/,
  ],
  [
    "a folder elsewhere",
    own({ script: "a" }, { processor_path: "oss://b/c" }),
    ["$.processor_path"],
    /object/,
  ],
];
for (const [name, document, paths, allowed] of REFUSED) {
  test(`refused: ${name}`, () => {
    const problems = problemsOf(document);
    assert.deepEqual(
      problems.map((p) => p.path),
      paths,
    );
    for (const problem of problems) assert.match(problem.allowed, allowed);
  });
}

test("Python packages of a command: a list, a file, both; each line is looked at", () => {
  const packages = (prepare: object, rest: object = {}) =>
    commandOf(own({ script: "a", prepare }, rest)).requirements;
  assert.deepEqual(packages({ pythonRequirements: ["NumPy == 1"] }), {
    lines: ["NumPy == 1"],
    file: null,
    field: "containers[0].prepare.pythonRequirements",
  });
  const inside = packages({ pythonRequirementsPath: "r.txt" }, { processor_path: "/code" });
  const field = "containers[0].prepare.pythonRequirementsPath";
  assert.deepEqual(inside, { lines: [], file: "r.txt", field });
  assert.equal(packages({ pythonRequirements: [] }), undefined);
  const wrong = own({ script: "a", prepare: { pythonRequirements: ["a==1", "-e .", "b\nc"] } });
  assert.deepEqual(
    problemsOf(wrong).map((p) => p.path),
    ["$.containers[0].prepare.pythonRequirements[1]", "$.containers[0].prepare.pythonRequirements[2]"],
  );
  for (const path of ["r.txt", "/a/../r.txt"]) {
    const [problem] = problemsOf(own({ script: "a", prepare: { pythonRequirementsPath: path } }));
    assert.equal(problem!.path, "$.containers[0].prepare.pythonRequirementsPath");
  }
});

test("Python packages of a processor: a list or a file", () => {
  const parse = (requirements: unknown, type = "python") =>
    parseSpec({
      name: "own",
      metadata: { instance: 1 },
      processor_type: type,
      processor_path: "/code",
      processor_entry: "app.py",
      requirements,
    });
  const of = (requirements: unknown) => {
    const { spec, notEffective } = parse(requirements);
    assert(spec.processor.kind === "custom");
    assert.deepEqual(notEffective, []);
    return spec.processor.requirements;
  };
  assert.deepEqual(of(["a==1"]), { lines: ["a==1"], file: null, field: "requirements" });
  assert.deepEqual(of("r.txt"), { lines: [], file: "r.txt", field: "requirements" });
  assert.throws(() => parse(["-r x"]), /requirements\[0\]/);
  assert.throws(() => parse(7), /requirements/);
});

test("what no engine and no image does is named, in the spelling of the file", () => {
  const { notEffective } = parseSpec({
    ...own({
      image: "i:1",
      script: "a",
      prepare: { pythonRequirements: ["numpy"] },
      readiness_check: { tcp_socket: { port: 8000 } },
    }),
    processor_entry: "server.py",
    warm_up_data_path: "/w.txt",
    "metadata.rpc.keepalive": 1000,
    metadata: { instance: 1, rpc: { worker_threads: 3, max_queue_size: 1, rate_limit: 5 }, gpu: 1 },
  });
  assert.deepEqual(notEffective.map((field) => field.path).toSorted(), [
    "$.containers[0].image",
    "$.metadata.gpu",
    "$.metadata.rpc.max_queue_size",
    "$.metadata.rpc.rate_limit",
    "$.metadata.rpc.worker_threads",
    "$.processor_entry",
    "$.warm_up_data_path",
  ]);
});

test("beside a processor containers are named, and do nothing", () => {
  const { spec, notEffective } = parseSpec(
    own({ script: "a" }, { processor: "pmml", model_path: "/m.pmml" }),
  );
  assert.equal(spec.processor.kind, "builtin");
  assert.deepEqual(
    notEffective.map((field) => field.path),
    ["$.containers"],
  );
});

test("values of variables are never repeated", () => {
  const secret = "s3cr3t";
  for (const env of [
    [{ name: "PORT", value: secret }],
    [{ name: "A", value: `${secret}\0` }],
    [{ name: "A", value: [secret] }],
  ]) {
    assert.ok(!JSON.stringify(problemsOf(own({ script: "a", env }))).includes(secret));
  }
});

test("another script, port or variable makes a new version", () => {
  const before = parseSpec(own({ script: "a" })).spec;
  for (const container of [
    { script: "b" },
    { script: "a", port: 9000 },
    { script: "a", env: [{ name: "A", value: "1" }] },
  ])
    assert.equal(classifyChange(before, parseSpec(own(container)).spec), "new-version");
  assert.equal(classifyChange(before, parseSpec(own({ script: "a", port: 8000 })).spec), "nothing");
});

const healthOf = (container: object) => {
  const { processor } = parseSpec(own({ script: "a", ...container })).spec;
  return processor.kind === "command" ? processor.health : undefined;
};

test("checks with the defaults of eas-reference §1.4; the container's port is the instance's own", () => {
  assert.equal(healthOf({}), undefined);
  const usual = {
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
  };
  assert.deepEqual(
    healthOf({
      port: 9000,
      startup_check: { exec: { command: ["true"] } },
      liveness_check: { tcp_socket: { port: 9000 } },
      readiness_check: {
        http_get: { path: "health?x=1", port: 9001, scheme: "HTTPS" },
        initial_delay_seconds: 3,
        period_seconds: 5,
        timeout_seconds: 2,
        success_threshold: 2,
        failure_threshold: 1,
      },
    }),
    {
      startup: { action: { kind: "exec", command: ["true"] }, ...usual },
      readiness: {
        action: { kind: "http", scheme: "https", path: "/health?x=1", port: 9001 },
        initialDelayMs: 3000,
        periodMs: 5000,
        timeoutMs: 2000,
        successThreshold: 2,
        failureThreshold: 1,
      },
      liveness: { action: { kind: "tcp", port: null }, ...usual },
    },
  );
  const bare = { readiness: { action: { kind: "http", scheme: "http", path: "/", port: null }, ...usual } };
  for (const name of ["health_check", "readiness_check"]) {
    assert.deepEqual(healthOf({ [name]: { http_get: {} } }), bare);
    assert.deepEqual(healthOf({ [name]: { http_get: { port: 8000 } } }), bare);
  }
});

const tcp = { tcp_socket: { port: 8000 } };
const CHECKS: readonly [string, object, string, RegExp][] = [
  ["no method", { startup_check: { period_seconds: 3 } }, "startup_check", /exactly one/],
  ["two methods", { liveness_check: { ...tcp, http_get: {} } }, "liveness_check", /exactly one/],
  ["no program", { liveness_check: { exec: { command: [] } } }, "liveness_check.exec.command", /program/],
  [
    "a NUL in a command",
    { liveness_check: { exec: { command: ["a", "b\0"] } } },
    "liveness_check.exec.command",
    /program/,
  ],
  [
    "several good ones until alive",
    { liveness_check: { ...tcp, success_threshold: 2 } },
    "liveness_check.success_threshold",
    /1: only a readiness check/,
  ],
  [
    "several good ones until started",
    { startup_check: { ...tcp, success_threshold: 3 } },
    "startup_check.success_threshold",
    /1: only a readiness check/,
  ],
  [
    "a threshold of 0",
    { readiness_check: { ...tcp, failure_threshold: 0 } },
    "readiness_check.failure_threshold",
    /1/,
  ],
  [
    "a period of 0",
    { readiness_check: { ...tcp, period_seconds: 0 } },
    "readiness_check.period_seconds",
    /1/,
  ],
  ["a port of 0", { readiness_check: { tcp_socket: { port: 0 } } }, "readiness_check.tcp_socket.port", /1/],
  [
    "a path with a space",
    { health_check: { http_get: { path: "/a b" } } },
    "health_check.http_get.path",
    /percent-encoded/,
  ],
  [
    "two readiness checks",
    { health_check: tcp, readiness_check: { http_get: {} } },
    "health_check",
    /the same check/,
  ],
];
for (const [name, container, path, allowed] of CHECKS) {
  test(`refused check: ${name}`, () => {
    const [problem, ...more] = problemsOf(own({ script: "a", ...container }));
    assert.deepEqual([problem?.path, more], [`$.containers[0].${path}`, []]);
    assert.match(problem!.allowed, allowed);
  });
}

test("the same readiness check under both names is one; another check makes a new version", () => {
  const both = { script: "a", health_check: tcp, readiness_check: tcp };
  const before = parseSpec(own(both)).spec;
  const kind = (container: object) => classifyChange(before, parseSpec(own(container)).spec);
  assert.equal(kind({ script: "a", readiness_check: tcp }), "nothing");
  assert.equal(kind({ script: "a" }), "new-version");
  assert.equal(kind({ ...both, liveness_check: tcp }), "new-version");
});
