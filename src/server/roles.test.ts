/** Every operation of the contract, with each role and without a key: who may is what the contract says, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { roleOf } from "../api/operation.ts";
import { OPERATION_LIST } from "../api/operations.ts";
import { ROLES } from "../core/access/access-key.ts";
import { apiApp, apiOver, TEST_KEY } from "../testing/api-app.ts";
import { ControlWorld, documentFor } from "../testing/control-world.ts";

const PATH: Readonly<Record<string, string>> = {
  ClusterId: "local",
  ServiceName: "one",
  GroupName: "g",
  InstanceName: "one-v1-0",
  TokenNumber: "7",
  ContentId: "0".repeat(64),
  EnvironmentId: "0".repeat(64),
  AccessKeyId: "sluice-none",
};

/** What opens, and what is answered for any operation that has a key but not the right to it. */
async function keysOf(
  call: (method: string, url: string, body?: object) => Promise<{ status: number; body: Made }>,
) {
  const keys = new Map<string, string>();
  for (const role of ROLES) {
    const { status, body } = await call("POST", "/api/v2/access-keys", { Role: role, Note: `a ${role}` });
    assert.equal(status, 200);
    keys.set(role, body.AccessKeySecret);
  }
  return keys;
}
interface Made {
  readonly AccessKeySecret: string;
  readonly Code?: string;
  readonly Message?: string;
}

test("each operation lets in the roles that the contract names, and tells the others which it needs", async (t) => {
  const world = new ControlWorld();
  world.begin();
  t.after(() => world.stop());
  const { app } = apiOver(world.control, () => world.clock.now(), {}, undefined, world.random);
  const ask = async (method: string, url: string, key: string | null, body?: object) => {
    const headers = key === null ? {} : { authorization: `Bearer ${key}` };
    const answer = await app.inject({
      method: method as "GET",
      url,
      headers,
      ...(body ? { payload: body } : {}),
    });
    const isJson = String(answer.headers["content-type"]).includes("json");
    return { status: answer.statusCode, body: (isJson ? answer.json() : {}) as Made };
  };
  const keys = await keysOf((method, url, body) => ask(method, url, TEST_KEY, body));
  await ask("POST", "/api/v2/services", TEST_KEY, documentFor("one", { group: "g" }));
  await world.untilRunning("one");
  for (const operation of OPERATION_LIST) {
    const url = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
      assert(PATH[name] !== undefined, `say what ${name} is`);
      return PATH[name];
    });
    const none = await ask(operation.method, url, null);
    assert.equal(none.status === 401, operation.isOpen !== true, `${operation.name} without a key`);
    if (operation.isOpen) continue;
    const needed = roleOf(operation);
    for (const [role, key] of keys) {
      const { status, body } = await ask(operation.method, url, key);
      const what = `${operation.name} as ${role}: ${status} ${body.Code}`;
      const isEnough = ROLES.indexOf(role as never) >= ROLES.indexOf(needed);
      if (isEnough) assert.notEqual(status, 403, what);
      else {
        assert.deepEqual([status, body.Code], [403, "FORBIDDEN"], what);
        assert.match(
          body.Message!,
          new RegExp(`^${operation.name} needs the role ${needed}, and access key`),
        );
      }
      assert(status < 500, what);
    }
    if (operation.name === "DeleteService") {
      await world.until("gone", () => world.store.state.services.size === 0);
      await ask("POST", "/api/v2/services", TEST_KEY, documentFor("one", { group: "g" }));
      await world.untilRunning("one");
    }
  }
});

test("the roles of the contract: reading secrets takes an operator, keys and the audit log an admin", () => {
  const of = (wanted: string) =>
    OPERATION_LIST.filter((o) => !o.isOpen && roleOf(o) === wanted).map((o) => o.name);
  const reading = OPERATION_LIST.filter((o) => o.method === "GET").map((o) => o.name as string);
  assert.deepEqual(
    of("operator")
      .filter((name) => reading.includes(name))
      .toSorted(),
    ["ListGroupTokens", "ListServiceMirrorDifferences", "ListServiceTokens"],
  );
  const admin = [
    "CreateAccessKey",
    "DeleteAccessKey",
    "ListAccessKeys",
    "ListAuditEntries",
    "MakeBackup",
    "RestartGatewayWorkers",
    "RestoreBackup",
    "RotateAccessKey",
  ];
  assert.deepEqual(of("admin").toSorted(), admin);
  assert(
    of("viewer").every((name) => reading.includes(name) || name === "ValidateService"),
    "a viewer changes nothing",
  );
});

test("the installation's own key is in a file, and cannot be revoked", async (t) => {
  const { app } = apiApp();
  t.after(() => app.close());
  const answer = await app.inject({
    method: "DELETE",
    url: "/api/v2/access-keys/test",
    headers: { authorization: `Bearer ${TEST_KEY}` },
  });
  assert.deepEqual([answer.statusCode, answer.json().Code], [409, "ACCESS_KEY_IN_FILE"]);
});
