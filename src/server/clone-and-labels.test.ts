import assert from "node:assert/strict";
import test from "node:test";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

type Api = ReturnType<typeof apiApp>;
// biome-ignore lint/suspicious/noExplicitAny: answers of all operations pass through here
type Body = any;

async function ask(
  { app }: Api,
  method: "GET" | "POST" | "PUT" | "DELETE",
  path: string,
  body?: unknown,
): Promise<{ status: number; body: Body }> {
  const answer = await app.inject({
    method,
    url: `/api/v2/${path}`,
    headers: { authorization: `Bearer ${TEST_KEY}` },
    ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
  });
  return { status: answer.statusCode, body: answer.json() };
}

const json = (value: unknown) => encodeURIComponent(JSON.stringify(value));
const labelsOf = async (api: Api, name: string) =>
  Object.fromEntries(
    (await ask(api, "GET", `services/local/${name}`)).body.Labels.map((l: Body) => [
      l.LabelKey,
      l.LabelValue,
    ]),
  );

async function oneService(): Promise<Api> {
  const api = apiApp();
  const document = { ...pmmlDocument("a", 2), labels: { team: "x", stage: "test" }, token: "secret-of-a" };
  assert.equal((await ask(api, "POST", "services?WorkspaceId=7", document)).status, 200);
  api.control.settle();
  return api;
}

test("a clone is what its source is, but for its name, its token and what is asked for", async () => {
  const api = await oneService();
  const asked = { metadata: { name: "b", instance: 1 } };
  const made = await ask(api, "POST", `services/local/a/clone?Labels=${json({ stage: "prod" })}`, asked);
  assert.equal(made.status, 200, JSON.stringify(made.body));
  assert.deepEqual([made.body.ServiceName, made.body.Status, made.body.Region], ["b", "Creating", "local"]);
  const [source, clone] = await Promise.all(
    ["a", "b"].map(async (name) => (await ask(api, "GET", `services/local/${name}`)).body),
  );
  const { token, ...was } = JSON.parse(source.ServiceConfig);
  assert.equal(token, "secret-of-a");
  assert.deepEqual(JSON.parse(clone.ServiceConfig), {
    ...was,
    labels: { team: "x", stage: "prod" },
    metadata: { ...was.metadata, name: "b", instance: 1 },
  });
  assert.notEqual(clone.AccessToken, source.AccessToken);
  assert.deepEqual([clone.CurrentVersion, clone.ServiceGroup, clone.WorkspaceId], [1, "pmml", "7"]);
});

test("a clone needs another name, and a source that is there", async () => {
  const api = await oneService();
  const clone = (source: string, body: unknown) => ask(api, "POST", `services/local/${source}/clone`, body);
  const nameless = await clone("a", {});
  assert.deepEqual([nameless.status, nameless.body.Code], [400, "INVALID_ARGUMENT"]);
  assert.match(nameless.body.Message, /\$\.metadata\.name/);
  assert.equal((await clone("a", { name: "a" })).body.Code, "INVALID_ARGUMENT");
  assert.equal((await clone("a", { name: "pmml" })).body.Code, "INGRESS_TAKEN");
  assert.equal((await clone("a", { name: "b", nonsense: 1 })).body.Code, "INVALID_SPEC");
  assert.equal((await clone("a", [])).body.Code, "INVALID_SPEC");
  assert.equal((await clone("nobody", { name: "b" })).body.Code, "SERVICE_NOT_FOUND");
  assert.equal((await clone("a", { name: "b" })).status, 200);
  assert.equal((await clone("a", { name: "b" })).body.Code, "SERVICE_EXISTS");
});

test("labels are set and removed one by one, in place; nothing new is no change", async () => {
  const api = await oneService();
  const set = (Labels: unknown) => ask(api, "PUT", "services/local/a/label", { Labels });
  const first = await set({ stage: "prod", "a.b": "é" });
  assert.equal(first.status, 200, JSON.stringify(first.body));
  assert.deepEqual(await labelsOf(api, "a"), { team: "x", stage: "prod", "a.b": "é" });
  assert.equal((await set({ stage: "prod" })).body.Generation, first.body.Generation);
  assert.equal((await set({ stage: 1 })).body.Code, "INVALID_ARGUMENT");
  assert.equal((await set({ [`k${"x".repeat(200)}`]: "1" })).body.Code, "INVALID_SPEC");
  assert.equal((await ask(api, "PUT", "services/local/a/label", {})).body.Code, "INVALID_ARGUMENT");

  const remove = (query: string) => ask(api, "DELETE", `services/local/a/label?${query}`);
  assert.equal((await remove("Keys=stage,nothing")).status, 200);
  assert.deepEqual(await labelsOf(api, "a"), { team: "x", "a.b": "é" });
  assert.equal((await remove(`LabelKeys=${json(["a.b"])}`)).status, 200);
  assert.deepEqual(await labelsOf(api, "a"), { team: "x" });
  assert.equal((await remove("Keys=team&LabelKeys=team")).status, 200);
  assert.deepEqual(await labelsOf(api, "a"), {});
  for (const query of ["", "Keys=", "Keys=,%20,", `Keys=${json([])}`, `Keys=${json([1])}`, "Keys=%5Bx"])
    assert.deepEqual((await remove(query)).body.Code, "INVALID_ARGUMENT", query);
  const { body } = await ask(api, "GET", "services/local/a");
  assert.equal(body.CurrentVersion, 1, "no new version");
});

test("a locked service keeps its labels, and one that is going is not cloned", async () => {
  const api = await oneService();
  await ask(api, "PUT", "services/local/a/lock", { Lock: "all" });
  const locked = await ask(api, "PUT", "services/local/a/label", { Labels: { a: "1" } });
  assert.deepEqual([locked.status, locked.body.Code], [409, "SAFETY_LOCKED"]);
  assert.equal((await ask(api, "POST", "services/local/a/clone", { name: "b" })).status, 200);
  await ask(api, "PUT", "services/local/a/lock", { Lock: "none" });
  await ask(api, "DELETE", "services/local/a");
  assert.equal(
    (await ask(api, "POST", "services/local/a/clone", { name: "c" })).body.Code,
    "SERVICE_DELETING",
  );
});

test("a workspace goes into the document where that names none, and a document that names another is refused", async () => {
  const api = apiApp();
  const create = (name: string, workspace: string, metadata = {}) =>
    ask(api, "POST", `services?WorkspaceId=${workspace}`, pmmlDocument(name, 1, metadata));
  assert.equal((await create("a", "7")).status, 200);
  assert.equal((await create("b", "7", { workspace_id: 7 })).status, 200);
  const other = await create("c", "7", { workspace_id: "8" });
  assert.deepEqual([other.status, other.body.Code], [400, "INVALID_ARGUMENT"]);
  assert.match(other.body.Message, /\?WorkspaceId/);
  assert.equal((await ask(api, "GET", "services?WorkspaceId=7")).body.TotalCount, 2);
});

test("labels of a request do not hide labels of a document that are none", async () => {
  const api = apiApp();
  const document = { ...pmmlDocument("a", 1), labels: "team=x" };
  const { status, body } = await ask(api, "POST", `services?Labels=${json({ b: "2" })}`, document);
  assert.deepEqual([status, body.Code], [400, "INVALID_SPEC"]);
  assert.match(body.Message, /\$\.labels/);
});
