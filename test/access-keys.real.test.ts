/** Access keys of a running installation: the official SDK with one of an operator, what is on the disk, and a rotation of the own key. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { makeEnvironment } from "./harness/python-environment.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

async function makeKey(...args: string[]): Promise<{ id: string; secret: string }> {
  const made = await sluice.cli("key", "create", ...args, "--output", "json");
  assert.equal(made.code, 0, made.stderr);
  const { AccessKeyId, AccessKeySecret } = JSON.parse(made.stdout);
  return { id: AccessKeyId, secret: AccessKeySecret };
}

/** Every file below, by path, with what it holds. One that is replaced at this moment is there under its name. */
function filesBelow(folder: string): [path: string, bytes: Buffer][] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile())
    .flatMap((path): [string, Buffer][] => {
      try {
        return [[path, readFileSync(path)]];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
        throw error;
      }
    });
}

test("the SDK with a restricted operator's key, in the audit log by its id; its secret is in no file", async () => {
  const key = await makeKey("--role", "operator", "--group", "sdk_group", "--note", "the SDK");
  const document = {
    metadata: { name: "sdk_made", instance: 0, group: "sdk_group" },
    labels: { who: "é ü*" },
    processor_type: "python",
    processor_path: join(ROOT, "examples", "python-echo"),
    processor_entry: "app.py",
  };
  const given = {
    endpoint: new URL(sluice.clientConfig().address).host,
    ...key,
    document: JSON.stringify(document),
  };
  const python = makeEnvironment("alibabacloud-eas20210701==7.0.0");
  const said = JSON.parse(
    execFileSync(python, [join(ROOT, "test", "fixtures", "sdk", "access.py")], {
      input: JSON.stringify(given),
      encoding: "utf8",
      timeout: 120_000,
    }),
  );
  assert.equal(said.created.ServiceName, "sdk_made");
  assert.deepEqual([said.listed, said.total], [["sdk_made"], 1]);
  assert.equal(said.refusal.code, "UNAUTHORIZED");
  const audit = JSON.parse((await sluice.cli("audit", "--by", key.id, "--output", "json")).stdout);
  assert.deepEqual(
    audit.Entries.map((e: { Operation: string; Target: string }) => [e.Operation, e.Target]),
    [
      ["DeleteService", "service/sdk_made"],
      ["CreateService", "service/sdk_made"],
    ],
  );
  const log = readFileSync(join(sluice.home, "logs", "control.log"), "utf8");
  assert(log.includes(key.id), "the log says who");
  const files = filesBelow(sluice.home);
  assert(files.some(([path]) => path.endsWith("sluice.db")));
  for (const [path, bytes] of files) assert(!bytes.includes(key.secret), `${path} has the secret`);
});

test("a viewer's key is told what it lacks; a revoked one opens nothing, at once", async () => {
  const key = await makeKey("--role", "viewer", "--expires", "1h");
  assert.equal((await sluice.cli("ls", "-k", key.secret)).code, 0);
  const refused = await sluice.cli("group", "create", "g", "-k", key.secret);
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    new RegExp(`CreateGroup needs the role operator, and access key ${key.id} has the role viewer`),
  );
  assert.equal((await sluice.cli("key", "revoke", key.id, "-y")).code, 0);
  assert.match((await sluice.cli("ls", "-k", key.secret)).stderr, /not one of this server's/);
});

test("keys outlive a killed control process; without the sealing key it does not start, and says why", async () => {
  const key = await makeKey("--role", "operator");
  await sluice.killControl();
  const file = join(sluice.home, "sealing-key.json");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  renameSync(file, `${file}.away`);
  const bare = spawnSync(join(ROOT, "bin", "sluice"), ["serve", "--home", sluice.home, "--api-port", "0"], {
    encoding: "utf8",
    env: sluice.env(),
    timeout: 60_000,
  });
  assert.equal(bare.status, 1, bare.stdout);
  assert.match(bare.stderr, /^\[ERROR\] .*sealing-key\.json is missing, .* put that file back/);
  renameSync(`${file}.away`, file);
  await sluice.startControl();
  assert.equal((await sluice.cli("ls", "-k", key.secret)).code, 0);
});

test("the own key is rotated: config.json has the new secret, and the old one ends", async () => {
  const before = sluice.clientConfig();
  const rotated = await sluice.cli("key", "rotate", "--grace", "0");
  assert.equal(rotated.code, 0, rotated.stderr);
  const now = sluice.clientConfig();
  assert.equal(now.keyId, before.keyId);
  assert.notEqual(now.key, before.key);
  assert.equal((await sluice.cli("ls")).code, 0);
  assert.match((await sluice.cli("ls", "-k", before.key)).stderr, /not one of this server's/);
  await sluice.killControl();
  await sluice.startControl();
  assert.equal((await sluice.cli("ls")).code, 0);
});
