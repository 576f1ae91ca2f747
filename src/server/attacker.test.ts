/** What somebody with a key of too few rights, or with none, tries: to learn, to take, and to be in the way of others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { documentFor } from "../testing/control-world.ts";
import { keyedApi } from "../testing/keyed-api.ts";
import { StrangerLines } from "./stranger-lines.ts";

const MIRROR = "/api/v2/services/local/mine/mirror";

test("a mirror is refused for a target that is not seen as for one that is not there, whatever that one is", async (t) => {
  const { admin, own, create } = await keyedApi(t, { Role: "operator", Workspaces: ["77"] });
  await create("mine", { workspace_id: "77" });
  const program = { processor_type: undefined, processor_path: undefined, processor_entry: undefined };
  const containers = [{ command: "./serve", port: 9001 }];
  await create("hidden_grpc", { enable_grpc: true }, { ...program, containers });
  await create("hidden_back");
  await create("hidden_one");
  await admin("POST", "/api/v2/services/local/hidden_back/mirror", { Ratio: 5, Target: ["mine"] });
  const nobody = await own("POST", MIRROR, { Ratio: 5, Target: ["nobody_at"] });
  assert.equal(nobody.status, 400);
  for (const name of ["hidden_one", "hidden_grpc", "hidden_back"]) {
    const told = await own("POST", MIRROR, { Ratio: 5, Target: [name] });
    assert.equal(told.body.Message.replaceAll(name, "nobody_at"), nobody.body.Message, name);
  }
});

test("a mirror that is there already is told without the targets that are not seen", async (t) => {
  const { admin, own, create } = await keyedApi(t, { Role: "operator", Workspaces: ["77"] });
  await create("mine", { workspace_id: "77" });
  await create("also_mine", { workspace_id: "77" });
  await create("hidden_one");
  await admin("POST", MIRROR, { Ratio: 5, Target: ["hidden_one"] });
  const again = await own("POST", MIRROR, { Ratio: 5, Target: ["also_mine"] });
  assert.equal(again.body.Code, "MIRROR_EXISTS", again.text);
  assert(!again.text.includes("hidden"), again.text);
});

test("a member of a group with others gets no more of its traffic by its own weight or state", async (t) => {
  const { world, admin, own, create } = await keyedApi(t, { Role: "operator", Workspaces: ["77"] });
  await create("mine", { group: "shared", workspace_id: "77" });
  for (const name of ["hidden_one", "hidden_two"]) await create(name, { group: "shared" });
  const set = await admin("PUT", "/api/v2/services/local/hidden_one/release", { Weight: 50 });
  assert.equal(set.status, 200, set.text);
  const weights = () => [...world.store.state.services.values()].map((s) => [s.weight, s.trafficState]);
  const before = weights();
  for (const body of [{ Weight: 60 }, { TrafficState: "standalone" }]) {
    const { body: told } = await own("PUT", "/api/v2/services/local/mine/release", body);
    assert.equal(told.Code, "FORBIDDEN", JSON.stringify([body, told]));
  }
  const state = { metadata: { traffic_state: "standalone" } };
  const update = await own("PUT", "/api/v2/services/local/mine", state);
  assert.deepEqual(weights(), before, update.text);
  assert.equal((await own("DELETE", "/api/v2/services/local/mine")).status, 200, "it may go");
});

test("what a restricted key is told beforehand is what it is told when it does it", async (t) => {
  const { own, create } = await keyedApi(t, { Role: "operator", Workspaces: ["77"] });
  await create("mine", { workspace_id: "77" });
  await create("hidden_one", { group: "hidden_group" });
  const leave = { metadata: { workspace_id: "78" } };
  for (const query of ["?Plan=true", ""]) {
    const { body } = await own("PUT", `/api/v2/services/local/mine${query}`, leave);
    assert.equal(body.Code, "FORBIDDEN", query);
  }
  const update = await own("POST", "/api/v2/internal/validate?ServiceName=mine", leave);
  assert.deepEqual([update.body.Valid, update.body.Refusal?.Code], [false, "FORBIDDEN"]);
  const validated = async (name: string, metadata: object) => {
    const document = documentFor(name, { workspace_id: "77", ...metadata });
    const { body } = await own("POST", "/api/v2/internal/validate", document);
    return [body.Valid, body.Exists, body.Refusal?.Code ?? null];
  };
  assert.deepEqual(await validated("fresh", {}), [true, false, null]);
  assert.deepEqual(await validated("hidden_one", {}), [true, true, null], "names are one space");
  assert.deepEqual(await validated("fresh", { workspace_id: "78" }), [false, false, "FORBIDDEN"]);
  assert.deepEqual(await validated("fresh", { group: "hidden_group" }), [false, false, "FORBIDDEN"]);
  assert.deepEqual(await validated("hidden_group", {}), [false, false, "INGRESS_TAKEN"]);
});

test("a viewer is told no secret of the service that a document is held against", async (t) => {
  const { admin, own, create } = await keyedApi(t, { Role: "viewer" });
  const secret = {
    token: "s3cret-token",
    processor_path: "https://user:s3cret-word@example.invalid/p.tar.gz?s3cret=1",
    containers: [{ image: "i", env: [{ name: "KEY", value: "s3cret-value" }] }],
    dockerAuth: "s3cret-auth",
  };
  await create("one", {}, secret);
  for (const body of [
    {},
    { token: "x", dockerAuth: "y", processor_path: "z", containers: [] },
    { containers: [{ image: "i", env: [{ name: "KEY", value: 1 }] }] },
    { processor: "pmml" },
    { metadata: { name: "s" }, storage: 5 },
    { containers: [{ image: "i", command: "c", script: "s" }], metadata: { gpu: 1, gpu_memory: 1 } },
  ]) {
    for (const mode of ["merge", "replace"]) {
      const url = `/api/v2/internal/validate?ServiceName=one&UpdateType=${mode}`;
      const { text, status } = await own("POST", url, body);
      assert.equal(status, 200, text);
      assert(!text.includes("s3cret"), text);
    }
  }
  const paths = ["versions", "diagnosis", "events", "instances", "endpoints", "tokens", "mirror"];
  for (const path of [...paths.map((p) => `services/local/one/${p}`), "services", "internal/cache"]) {
    const { text } = await own("GET", `/api/v2/${path}`);
    assert(!text.includes("s3cret"), `${path}: ${text}`);
  }
  assert((await admin("GET", "/api/v2/services/local/one")).text.includes("s3cret-value"));
});

test("a backup and a restore are told by the audit log, with what the restore made of which service", async (t) => {
  const { admin, create } = await keyedApi(t, { Role: "viewer" });
  await create("kept");
  await create("lost");
  const text = (await admin("GET", "/api/v2/internal/backup")).text;
  await admin("PUT", "/api/v2/services/local/lost/scale", { Instance: 2 });
  await create("later");
  const { body } = await admin("POST", "/api/v2/internal/restore", text);
  assert.equal(body.ChangeCount, 2, JSON.stringify(body));
  const { Entries } = (await admin("GET", "/api/v2/audit")).body;
  const [restored] = Entries;
  assert.deepEqual([restored.Operation, restored.Target], ["RestoreBackup", ""]);
  assert.match(
    restored.Change,
    new RegExp(`^back to the backup of ${body.MadeTime}: changed lost; removed later; `),
  );
  const made = Entries.find((e: { Operation: string }) => e.Operation === "MakeBackup");
  assert.match(made?.Change ?? "nothing", /2 services and 0 groups, with their tokens/);
  assert.equal(made.Outcome, "done");
});

test("whoever has no key cannot fill the disk with lines of the log", async (t) => {
  const { admin, asked, logged } = await keyedApi(t, { Role: "viewer" });
  const lines = () => logged.filter((line) => line.includes('"text":"answered"')).length;
  const before = lines();
  for (let i = 0; i < 200; i++) await asked("wrong", "GET", `/api/v2/services?x=${i}`);
  assert.equal(lines(), before + 60);
  await admin("PUT", "/api/v2/services/local/nobody/start");
  assert.equal(lines(), before + 61, "who has a key is told of");
});

test("what went by without a line is counted by the next one", () => {
  const lines = new StrangerLines();
  for (let i = 0; i < 60; i++) assert.equal(lines.take(i), 0);
  for (let i = 0; i < 7; i++) assert.equal(lines.take(59_999), null);
  assert.equal(lines.take(60_000), 7);
  assert.equal(lines.take(60_001), 0);
});

test("an empty list of what a key is restricted to is refused, and not a key for everything", async (t) => {
  const { admin } = await keyedApi(t, { Role: "viewer" });
  for (const order of [{ Groups: [] }, { Workspaces: [] }, { Groups: [], Workspaces: [] }]) {
    const { body, text } = await admin("POST", "/api/v2/access-keys", { Role: "operator", ...order });
    assert.equal(body.Code, "INVALID_ARGUMENT", text);
    assert.match(body.Message, /found an empty list, allowed: a name at least/);
  }
  const one = { Role: "operator", Groups: [], Workspaces: ["7"] };
  assert.equal((await admin("POST", "/api/v2/access-keys", one)).status, 200);
});

test("the new secret of the own key is told although the audit log cannot be written", async (t) => {
  const { world, admin, asked, logged } = await keyedApi(t, { Role: "viewer" });
  world.store.addAudit = async () => {
    throw new Error("the disk is full");
  };
  const { status, body, text } = await admin("PUT", "/api/v2/access-keys/test/rotate?GraceSeconds=0");
  assert.equal(status, 200, text);
  assert.equal((await asked(body.AccessKeySecret, "GET", "/api/v2/services")).status, 200);
  assert.equal((await admin("GET", "/api/v2/services")).status, 401);
  assert(logged.some((line) => line.includes("an audit entry could not be stored")));
  assert(!logged.some((line) => line.includes(body.AccessKeySecret)));
});
