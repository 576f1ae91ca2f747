import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

type Api = ReturnType<typeof apiApp>;

async function ask({ app }: Api, method: "GET" | "POST", url: string, payload?: string | object) {
  const answer = await app.inject({
    method,
    url,
    headers: { authorization: `Bearer ${TEST_KEY}`, "content-type": "application/json" },
    ...(payload === undefined
      ? {}
      : { payload: typeof payload === "string" ? payload : JSON.stringify(payload) }),
  });
  return { status: answer.statusCode, text: answer.body };
}

const create = (api: Api, name: string, group: string | null = "pmml") =>
  ask(api, "POST", "/api/v2/services", pmmlDocument(name, 1, { group }));
const backup = async (api: Api) => (await ask(api, "GET", "/api/v2/internal/backup")).text;
const restore = async (
  api: Api,
  text: string,
  query = "",
): Promise<Record<string, unknown> & { readonly status: number }> => {
  const { status, text: body } = await ask(api, "POST", `/api/v2/internal/restore${query}`, text);
  return { status, ...(JSON.parse(body) as Record<string, unknown>) };
};

/** The lines as given, with an end that is true of them. */
function sealed(lines: readonly string[]): string {
  const sha256 = createHash("sha256")
    .update(lines.map((l) => `${l}\n`).join(""))
    .digest("hex");
  return [...lines, JSON.stringify({ end: { lines: lines.length, sha256 } })].join("\n");
}

test("what one installation wrote, another one restores, and then writes the same", async () => {
  const one = apiApp();
  await create(one, "pmml_prod");
  await create(one, "pmml_grey");
  const text = await backup(one);
  const other = apiApp();
  const plan = await restore(other, text, "?Plan=true");
  assert.deepEqual([plan.status, plan.ChangeCount, other.control.services.size], [200, 3, 0]);
  const done = await restore(other, text);
  assert.deepEqual(done.Services, [
    { Name: "pmml_grey", Outcome: "created" },
    { Name: "pmml_prod", Outcome: "created" },
  ]);
  assert.deepEqual(done.Groups, [{ Name: "pmml", Outcome: "created" }]);
  assert.equal((await restore(other, text)).ChangeCount, 0);
  const fields = (t: string) =>
    t
      .trim()
      .split("\n")
      .map((l) => JSON.parse(l) as { service?: { generation: number; updatedAtMs: number } });
  const same = (t: string) =>
    fields(t)
      .filter((l) => !("end" in l))
      .map((l) => (l.service ? { service: { ...l.service, generation: 0, updatedAtMs: 0 } } : l));
  assert.deepEqual(same(await backup(other)), same(text));
});

test("a text that was cut at any line, or changed anywhere, is refused, and nothing is changed", async () => {
  const api = apiApp();
  await create(api, "a");
  await create(api, "b", null);
  const text = await backup(api);
  const fresh = apiApp();
  const lines = text.split("\n").filter((l) => l !== "");
  for (let kept = 0; kept < lines.length; kept++) {
    const { status, Code } = await restore(fresh, `${lines.slice(0, kept).join("\n")}`);
    assert.deepEqual([status, Code], [400, "INVALID_BACKUP"], `${kept} lines`);
  }
  for (let at = 0; at < text.length; at += 7) {
    const changed = `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;
    const { status } = await restore(fresh, changed);
    assert.equal(status, 400, `changed at ${at}`);
  }
  assert.equal(fresh.control.services.size, 0);
});

test("records that no Sluice would have written are refused with their line", async () => {
  const api = apiApp();
  await create(api, "a");
  const lines = (await backup(api)).split("\n").filter((l) => l !== "");
  const body = lines.slice(0, -1);
  const serviceAt = body.findIndex((l) => l.startsWith('{"service"'));
  const withService = (change: object) =>
    body.map((l, at) =>
      at === serviceAt ? JSON.stringify({ service: { ...JSON.parse(l).service, ...change } }) : l,
    );
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [withService({ weight: 1001 }), new RegExp(`line ${serviceAt + 1}`)],
    [withService({ document: null }), new RegExp(`line ${serviceAt + 1}`)],
    [withService({ token: "" }), new RegExp(`line ${serviceAt + 1}`)],
    [withService({ name: "Not A Name" }), /is not a name/],
    [withService({ group: "nobody" }), /in group nobody/],
    [withService({ version: 7, latestVersion: 7 }), /at version 7/],
    [[...body, body[serviceAt]!], /comes twice/],
    [body.filter((_, at) => at !== serviceAt), /no such service/],
    [["{}"], /does not say that it is a backup/],
    [['{"sluiceBackup":2}'], /format 2/],
    [[`{"sluiceBackup":1}`], /madeTime/],
    [[body[0]!, "[]"], /line 2/],
  ];
  for (const [given, message] of cases) {
    const { status, Code, Message } = await restore(apiApp(), sealed(given));
    assert.deepEqual([status, Code], [400, "INVALID_BACKUP"], String(Message));
    assert.match(String(Message), message);
  }
});

test("a document that this build cannot run is refused by name", async () => {
  const api = apiApp();
  await create(api, "a");
  const lines = (await backup(api)).split("\n").filter((l) => l !== "");
  const changed = lines
    .slice(0, -1)
    .map((l) => l.replaceAll('"pmml"}', '"pmml"}').replace('"/models/', '"models/'));
  const { status, Code, Message } = await restore(apiApp(), sealed(changed));
  assert.deepEqual([status, Code], [409, "RESTORE_REFUSED"], String(Message));
  assert.match(String(Message), /service a: .*model_path/);
});

test("a backup longer than a document may be is taken, and none beyond its own limit", async () => {
  const api = apiApp({ linesBytesMax: 3_000_000, discardBytesMax: 3_000_000 });
  await ask(api, "POST", "/api/v2/services", {
    ...pmmlDocument("big", 1),
    model_config: { text: "x".repeat(900_000) },
  });
  const text = await backup(api);
  assert.ok(text.length > 1_500_000);
  assert.equal((await restore(api, text)).ChangeCount, 0);
  assert.equal((await restore(api, text + "\n".repeat(3_000_000))).status, 413);
});
