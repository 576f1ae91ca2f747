import assert from "node:assert/strict";
import { test } from "node:test";
import type { Source } from "../core/spec/service-spec.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";

const headers = { authorization: `Bearer ${TEST_KEY}` };

test("the model cache is listed with who refers to what, and only what nobody uses is removed", async (t) => {
  const { app, control } = apiApp();
  t.after(() => app.close());
  await control.createService({ ...pmmlDocument("lr", 1), model_path: "s3://models/lr.pmml" });
  const content = (id: string, url: string) => ({
    id,
    bytes: 7,
    usedAtMs: Date.UTC(2026, 0, 2),
    sources: [url],
    isOf: (source: Source) => source.kind === "url" && source.url === url,
  });
  control.files.kept = [content("aa", "s3://models/lr.pmml"), content("bb", "s3://models/old.pmml")];
  control.files.inUse.add("aa");
  const url = "/api/v2/internal/cache";
  const list = async () => (await app.inject({ url, headers })).json();
  assert.deepEqual((await list()).Contents, [
    {
      ContentId: "aa",
      Bytes: 7,
      LastUsedTime: "2026-01-02T00:00:00Z",
      Sources: ["s3://models/lr.pmml"],
      Referrers: [{ ServiceName: "lr", Version: 1 }],
    },
    {
      ContentId: "bb",
      Bytes: 7,
      LastUsedTime: "2026-01-02T00:00:00Z",
      Sources: ["s3://models/old.pmml"],
      Referrers: [],
    },
  ]);
  const remove = async (id: string) => {
    const { statusCode, json } = await app.inject({ method: "DELETE", url: `${url}/${id}`, headers });
    return [statusCode, json().Code];
  };
  assert.deepEqual(await remove("aa"), [409, "CONTENT_IN_USE"]);
  assert.deepEqual(await remove("bb"), [200, undefined]);
  assert.deepEqual(await remove("bb"), [404, "CONTENT_NOT_FOUND"]);
  assert.equal((await list()).Contents.length, 1);
});
