import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { BadSettings, readServeSettings } from "./serve-settings.ts";

function home(t: TestContext, file?: string): string {
  const folder = mkdtempSync(join(tmpdir(), "sluice-settings-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (file !== undefined) writeFileSync(join(folder, "sluice.json"), file);
  return folder;
}

const flags = (given: Record<string, string>) => (name: string) => given[name];

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    assert.ok(error instanceof BadSettings, String(error));
    return error.problems;
  }
  throw new Error("it was read without a problem");
}

test("a flag beats the environment, which beats the file, which beats the default", (t) => {
  const folder = home(
    t,
    '{"port": 1001, "apiPort": "1002", "gatewayWorkers": 3, "accessLogQuery": true, "accessLog": 0.5}',
  );
  const settings = readServeSettings(flags({ port: "3001" }), {
    SLUICE_HOME: folder,
    SLUICE_PORT: "2001",
    SLUICE_API_PORT: "2002",
  });
  const { port, apiPort, gatewayWorkers, accessLogQuery, accessLog, region } = settings;
  assert.deepEqual(
    { port, apiPort, gatewayWorkers, accessLogQuery, accessLog, region, home: settings.home },
    {
      port: 3001,
      apiPort: 2002,
      gatewayWorkers: 3,
      accessLogQuery: true,
      accessLog: 0.5,
      region: "local",
      home: folder,
    },
  );
});

test("all that is wrong is told at once, each with where it was found", (t) => {
  const folder = home(
    t,
    '{"prot": 1, "region": "Not A Name", "host": null, "logLevel": "loud", "home": "/x", "xyzzy": 1}',
  );
  const file = join(folder, "sluice.json");
  const problems = problemsOf(() =>
    readServeSettings(flags({ home: folder, port: "99999" }), { SLUICE_GATEWAY_WORKERS: "0" }),
  );
  const has = (text: string) =>
    assert.ok(
      problems.some((p) => p.includes(text)),
      `${text}: ${problems}`,
    );
  has(`${file}: found the unknown name prot; is port meant?`);
  has(`${file}: found the unknown name xyzzy, allowed: store, host`);
  has(`${file}: host: found null, allowed: a text, a number, true or false`);
  has(`${file}: region: found "Not A Name", allowed: lower-case letters`);
  has(`${file}: logLevel: found "loud", allowed: debug, info, warn, error`);
  has('--port: found "99999", allowed: a whole number from 0 to 65535');
  has('SLUICE_GATEWAY_WORKERS: found "0", allowed: a whole number from 1 to 256');
  has("the unknown name home");
  assert.equal(problems.length, 8, problems.join("\n"));
});

test("a file that is no object of settings is told, and one that is not there says nothing", (t) => {
  for (const [text, said] of [
    ["[]", /found no object/],
    ["{", /sluice\.json is not JSON: /],
    ['{"port": 1, "port": 2}', /port/],
    [`{"region": "${"a".repeat(70_000)}"}`, /larger than 65536 bytes/],
  ] as const) {
    const problems = problemsOf(() => readServeSettings(flags({ home: home(t, text) }), {}));
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0]!, said);
    assert.match(problems[0]!, /sluice\.json/);
  }
  const folder = home(t);
  mkdirSync(join(folder, "sluice.json"));
  assert.match(problemsOf(() => readServeSettings(flags({ home: folder }), {}))[0]!, /cannot be read/);
  chmodSync(folder, 0o700);
  assert.equal(readServeSettings(flags({ home: home(t) }), {}).port, 8080);
  assert.match(problemsOf(() => readServeSettings(flags({ home: "" }), {}))[0]!, /^--home: found ""/);
});
