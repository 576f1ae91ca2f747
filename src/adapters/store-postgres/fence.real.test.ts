/** Who may write: terms that follow one another, on a real server, with a real process that is paused. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { CutProxy } from "../../../test/harness/cut-proxy.ts";
import { databaseOf, PostgresServer } from "../../../test/harness/postgres.ts";
import { until } from "../../../test/harness/until.ts";
import type { ServiceName } from "../../core/names.ts";
import type { NewEvent, ServiceStatus } from "../../core/service.ts";
import type { Standing, Term } from "../../ports/leadership.ts";
import { serviceRecord } from "../../testing/store-conformance.ts";
import { systemClock } from "../system/clock.ts";
import { postgresInstallation } from "./open.ts";

const server = new PostgresServer();
before(() => server.start());
after(() => server.stop());

const PATIENCE_MS = 30_000;
const installation = (url: string, place = "here") =>
  postgresInstallation({ url, password: "", clock: systemClock, place });
const never = () => new AbortController().signal;

async function lead(url: string, place = "here") {
  const found = installation(url, place);
  const term = await found.leadership.lead(() => {}, AbortSignal.timeout(PATIENCE_MS));
  return { term, store: await found.openStore(term) };
}

const a = "a" as ServiceName;
const putA = { kind: "put-service", record: serviceRecord("a") } as const;
const status = { observedGeneration: 1, phase: "Running" } as ServiceStatus;
const event = { service: a, atMs: 1, type: "Normal", message: "m", instance: null } as NewEvent;
const audit = {
  atMs: 1,
  requestId: "r",
  keyId: "k",
  keyNote: "",
  remoteAddress: "",
  operation: "o",
  target: "",
  outcome: "done",
  code: null,
  change: "",
} as const;

test("nothing of a term is written once the next one has begun, by no kind of write", async () => {
  const url = server.newDatabase();
  const old = await lead(url);
  const { revision } = await old.store.readDesired();
  assert.equal(await old.store.commit(revision, [putA]), "committed");
  server.sql(databaseOf(url), "UPDATE sluice.leadership SET term = term + 1");
  const refused = { code: "NOT_LEADER" };
  await assert.rejects(old.store.commit(revision + 1, [{ kind: "remove-service", name: a }]), refused);
  await assert.rejects(old.store.putStatus(a, status), refused);
  await assert.rejects(old.store.addEvents([event]), refused);
  await assert.rejects(old.store.addAudit([audit]), refused);
  await assert.rejects(old.store.putNumber("n", 1), refused);
  assert.equal((await old.store.readDesired()).state.services.size, 1);
  assert.equal((await old.store.listStatuses()).size, 0);
  assert.equal(await old.store.getNumber("n"), 0);
  await until(() => old.term.lost.aborted, "the old one to notice", PATIENCE_MS);
  assert.equal(old.term.mayAct(), false);
  await old.store.close();
  await old.term.end();
});

test("a process that is paused for ten seconds while it leads writes nothing after it", async (t) => {
  const url = server.newDatabase();
  const from = (file: string) => JSON.stringify(join(import.meta.dirname, file));
  const program = `
    const { postgresInstallation } = await import(${from("open.ts")});
    const { PostgresStore } = await import(${from("store.ts")});
    const { Sessions } = await import(${from("sessions.ts")});
    const { PostgresAddress } = await import(${from("address.ts")});
    const { systemClock: clock } = await import(${from("../system/clock.ts")});
    const url = process.argv[1];
    const found = postgresInstallation({ url, password: "", clock, place: "here" });
    const term = await found.leadership.lead(() => {}, new AbortController().signal);
    await (await found.openStore(term)).close();
    // One that does not ask whether it still leads, and never gives up: only the database holds it back.
    const sessions = new Sessions(new PostgresAddress(url));
    const store = new PostgresStore({ sessions, place: "", term: term.number, onDoubt: () => {} });
    for (let i = 1; ; i++) {
      const said = await store.putNumber("written", i).then(() => "wrote " + i, (error) => "refused " + error.code);
      process.stdout.write(said + "\\n");
      if (!said.startsWith("wrote")) await clock.sleep(20);
    }`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program, url], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  await until(
    () => said.includes("wrote 20\n"),
    "the first one to write",
    PATIENCE_MS,
    () => said,
  );

  child.kill("SIGSTOP");
  const pausedAt = performance.now();
  const next = await lead(url);
  t.diagnostic(`taken over after ${Math.round(performance.now() - pausedAt)} ms`);
  await next.store.putNumber("written", -1);
  await pause(Math.max(0, 10_000 - (performance.now() - pausedAt))); // the ten seconds of the title
  const before = said.length;
  child.kill("SIGCONT");
  const after = () => said.slice(before);
  await until(() => after().includes("refused NOT_LEADER\n"), "a refusal", PATIENCE_MS, after);
  assert.equal(await next.store.getNumber("written"), -1);
  await next.store.close();
  await next.term.end();
});

test("of many who want to lead one does, and when it ends another, each in a term of its own", async () => {
  const url = server.newDatabase();
  const waiting = Array.from({ length: 4 }, () => installation(url).leadership.lead(() => {}, never()));
  const terms: Term[] = [];
  for (const one of waiting) void one.then((term) => terms.push(term));
  for (let count = 1; count <= waiting.length; count++) {
    await until(() => terms.length >= count, `the leader ${count}`, PATIENCE_MS);
    assert.equal(terms.length, count, "one at a time");
    assert.equal(terms[count - 1]!.mayAct(), true);
    await terms[count - 1]!.end();
  }
  assert.deepEqual(
    terms.map((term) => term.number),
    [1, 2, 3, 4],
  );
});

test("one that can no longer reach the database knows it by itself, and may not act", async () => {
  const url = server.newDatabase();
  const proxy = new CutProxy(server.socketPath);
  await proxy.start();
  const cutOff = await lead(`postgres://sluice@127.0.0.1:${proxy.port}/${databaseOf(url)}`);
  proxy.silence(); // nobody is told
  await until(() => cutOff.term.lost.aborted, "it to notice", PATIENCE_MS);
  assert.match(String(cutOff.term.lost.reason), /has not answered for 2000 ms/);
  assert.equal(cutOff.term.mayAct(), false);
  const next = await lead(url);
  assert.equal(next.term.number, cutOff.term.number + 1);
  await assert.rejects(cutOff.store.putNumber("n", 1));
  await proxy.cut();
  await next.store.close();
  await next.term.end();
});

test("a lead is handed over when one waits, and kept when none does", async () => {
  const url = server.newDatabase();
  const first = await lead(url);
  assert.equal(await first.term.handOver(PATIENCE_MS), false);
  assert.equal(first.term.mayAct(), true);
  let standing: Standing | null = null;
  const second = installation(url).leadership.lead((now) => (standing = now), never());
  first.term.announce("http://first");
  await until(() => standing?.leader === "http://first", "the standby to know the leader", PATIENCE_MS);
  assert.equal(await first.term.handOver(PATIENCE_MS), true);
  assert.equal(first.term.mayAct(), false);
  await first.store.close();
  await first.term.end();
  const term = await second;
  assert.equal(term.number, 2);
  await term.end();
});

test("one at another place is refused while the leader lives, and leads when it has gone", async () => {
  const url = server.newDatabase();
  const first = await lead(url, "home /a on one");
  await assert.rejects(
    lead(url, "home /b on two"),
    /leads the installation in .* from home \/a on one, and this one is at home \/b on two/,
  );
  await first.store.close();
  await first.term.end();
  const second = await lead(url, "home /b on two");
  await second.store.close();
  await second.term.end();
});

test("a commit whose answer is lost ends the term: nobody knows what is wanted", async () => {
  const url = server.newDatabase();
  const { term, store } = await lead(url);
  const { revision } = await store.readDesired();
  // The server holds the answer to the last message back, and then ends the session.
  server.sql(
    databaseOf(url),
    `CREATE FUNCTION sluice.die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
     CREATE TRIGGER die AFTER UPDATE ON sluice.revision EXECUTE FUNCTION sluice.die()`,
  );
  await assert.rejects(store.commit(revision, [putA]), { code: "STORE_UNAVAILABLE" });
  assert.equal(term.lost.aborted, true);
  await term.end();
});
