import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { apiOver, TEST_KEY } from "./api-app.ts";
import { ControlWorld, documentFor } from "./control-world.ts";

/** What the API said. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many operations; null: it was not JSON
  readonly body: any;
}

/**
 * The API over the real control plane, asked by its own key (`admin`), and by another one that is made for the test as `order` says (`own`);
 * `asked` takes any.
 */
export async function keyedApi(t: TestContext, order: object) {
  const world = new ControlWorld();
  world.begin();
  t.after(() => world.stop());
  const { app, logged } = apiOver(world.control, () => world.clock.now(), {}, undefined, world.random);
  const asked = async (key: string, method: string, url: string, body?: object | string): Promise<Answer> => {
    const headers = { authorization: `Bearer ${key}` };
    const answer = await app.inject({
      method: method as "GET",
      url,
      headers,
      ...(body ? { payload: body } : {}),
    });
    const isJson = String(answer.headers["content-type"]).includes("json");
    return { status: answer.statusCode, text: answer.body, body: isJson ? answer.json() : null };
  };
  const admin = (method: string, url: string, body?: object | string) => asked(TEST_KEY, method, url, body);
  const made = await admin("POST", "/api/v2/access-keys", order);
  assert.equal(made.status, 200, made.text);
  const own = (method: string, url: string, body?: object) =>
    asked(made.body.AccessKeySecret as string, method, url, body);
  const create = async (name: string, metadata: object = {}, rest: object = {}) => {
    const document = { ...documentFor(name, metadata as never), ...rest };
    const { status, text } = await admin("POST", "/api/v2/services", document);
    assert.equal(status, 200, text);
  };
  return { world, admin, own, asked, create, logged, keyId: made.body.AccessKeyId as string };
}
