/** `apply`, `diff`, `doctor`, completion and broken pipes with the built program, against a real installation. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Installation, ROOT } from "./harness/installation.ts";
import { fixtureSpec } from "./harness/specs.ts";

const sluice = new Installation({ gatewayWorkers: 1 });
before(() => sluice.start());
after(() => sluice.stop());

const folder = join(sluice.home, "documents");
const write = (name: string, content: unknown) => writeFileSync(join(folder, name), JSON.stringify(content));
const generation = async (name: string) => (await sluice.service(name)).Generation as number;

test("a folder is made so, once: in parallel, by the server's own plan; then a change, and a prune", async () => {
  mkdirSync(folder);
  write("group.json", { Name: "web", Labels: { team: "risk" } });
  for (const name of ["one", "two"])
    write(
      `${name}.json`,
      fixtureSpec(name, "steady", { group: "web", memory: 128 }, { "labels.tier": "gold" }),
    );
  await sluice.ok("create", await aside("stranger"));
  const apply = ["apply", "-f", folder, "--set", "web", "--prune", "-y"];
  const first = await sluice.ok(...apply);
  assert.match(first, /\[OK\] \[one\] Service is running/);
  assert.match(first, /\[OK\] 3 created\n$/);
  const [one, two] = [await generation("one"), await generation("two")];
  assert.match(await sluice.ok(...apply), /Plan: 3 unchanged\n\[OK\] Everything is as described/);
  assert.deepEqual([await generation("one"), await generation("two")], [one, two]);

  write(
    "one.json",
    fixtureSpec("one", "steady", { group: "web", memory: 128, instance: 2 }, { "labels.tier": "gold" }),
  );
  const diff = await sluice.cli("diff", "-f", folder);
  assert.equal(diff.code, 1, diff.stderr);
  assert.match(
    diff.stdout,
    /^--- service one, stored\n.*\n-\$\.metadata\.instance: 1\n\+\$\.metadata\.instance: 2\n$/,
  );
  rmSync(join(folder, "two.json"));
  const plan = await sluice.cli(...apply, "--plan");
  assert.equal(plan.code, 3, plan.stderr);
  assert.match(plan.stdout, /only the number of instances: no new version/);
  const second = await sluice.ok(...apply);
  assert.match(second, /\[OK\] 1 updated, 1 deleted, 1 unchanged\n$/);
  const { Services } = await sluice.json("GET", "/api/v2/services");
  assert.deepEqual(Services.map((s: { ServiceName: string }) => s.ServiceName).toSorted(), [
    "one",
    "stranger",
  ]);
  assert.equal((await sluice.service("one")).RunningInstance, 2);

  // What somebody else changed by hand meanwhile is a difference.
  await sluice.ok("scale", "one", "1");
  assert.equal((await sluice.cli("diff", "one", join(folder, "one.json"))).code, 1);
  assert.equal((await sluice.cli("diff", "one", join(folder, "none.json"))).code, 2);
});

/** A service that no set knows; it need not run. */
async function aside(name: string): Promise<string> {
  const path = join(sluice.home, `${name}.json`);
  writeFileSync(path, JSON.stringify(fixtureSpec(name, "steady", { instance: 0 })));
  return path;
}

test("an apply that is interrupted begins nothing more, and leaves what it began", async () => {
  write(
    "one.json",
    fixtureSpec("one", "steady", { group: "web", memory: 128, instance: 1 }, { model_config: { a: 1 } }),
  );
  for (const name of ["three", "zz"]) write(`${name}.json`, fixtureSpec(name, "steady", { memory: 128 }));
  const child = spawn(join(ROOT, "bin", "sluice"), ["apply", "-f", folder, "--parallel", "1", "-y"], {
    env: sluice.env(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const closed = once(child, "close");
  while (!said.includes("Service is now"))
    await once(child.stdout, "data", { signal: AbortSignal.timeout(30_000) });
  child.kill("SIGINT");
  assert.deepEqual(await closed, [1, null], said);
  assert.match(said, /service zz \(create\) was left out: interrupted before it was begun/);
  const { Services } = await sluice.json("GET", "/api/v2/services");
  assert.ok(!Services.some((s: { ServiceName: string }) => s.ServiceName === "zz"));
});

test("bash completes verbs, and names that the API knows; a profile and a key from a file do as well", async () => {
  const script = join(sluice.home, "completion.bash");
  writeFileSync(script, await sluice.ok("completion", "bash"));
  // A busy machine is no reason to fail.
  const env = { ...sluice.env(), SLUICE_COMPLETION_MS: "30000" };
  const next = (...words: string[]) =>
    execFileSync(
      "bash",
      [
        "-c",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sluice; printf "%s\\n" "${COMPREPLY[@]}"',
        "bash",
        script,
        join(ROOT, "bin", "sluice"),
        ...words,
      ],
      { env, encoding: "utf8", cwd: folder, timeout: 60_000 },
    )
      .trimEnd()
      .split("\n");
  assert.deepEqual(next("mirror", "d"), ["desc", "diffs", "delete"]);
  assert.deepEqual(next("desc", "str"), ["stranger"]);
  assert.deepEqual(next("group", "desc", ""), ["web"]);
  assert.deepEqual(next("create", "gro"), ["group.json"]);
  assert.deepEqual(next("-e", "127.0.0.1:1", "desc", ""), [""]);

  const { address, key } = sluice.clientConfig();
  writeFileSync(join(sluice.home, "key"), key, { mode: 0o600 });
  await sluice.ok("config", "add", "same", "-e", address, "-k", `@${join(sluice.home, "key")}`);
  assert.match(await sluice.ok("--profile", "same", "ls"), /stranger/);
  assert.equal(statSync(join(sluice.home, "config.json")).mode & 0o777, 0o600);
  assert.ok(!(await sluice.ok("config", "ls")).includes(key));
});

test("doctor knows this installation; a reader that has enough is no failure", async () => {
  const { stdout } = await sluice.cli("doctor", "--output", "json");
  const { Checks } = JSON.parse(stdout) as { Checks: { Name: string; Level: string; Text: string }[] };
  const text = (name: string) => Checks.find((c) => c.Name === name)?.Text ?? "";
  assert.match(text("gateway port"), /is Sluice's/);
  assert.match(text("api port"), /is Sluice's/);
  assert.match(text("server"), /takes the key; region local/);
  assert.match(text("version"), /as the server's/);
  assert.match(text("home"), /its secrets are ours alone/);
  const sluiceBin = join(ROOT, "bin", "sluice");
  const piped = execFileSync(
    "bash",
    ["-c", `set -o pipefail; "${sluiceBin}" --help | head -1; "${sluiceBin}" ls | head -1`],
    {
      env: sluice.env(),
      encoding: "utf8",
      timeout: 30_000,
    },
  );
  assert.match(piped, /^Usage: sluice .*\n\[RequestId\]/);
});
