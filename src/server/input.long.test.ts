import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import Type from "typebox";
import { query, textList, textMap } from "../api/fields.ts";
import { OPERATION_LIST } from "../api/operations.ts";
import { ServingError } from "../core/errors.ts";
import { apiApp, pmmlDocument, TEST_KEY } from "../testing/api-app.ts";
import { checked, typedQuery } from "./input.ts";

/** Values that somebody might send for a parameter: right, wrong, and hostile. */
const parameter = fc.oneof(
  fc.constantFrom(
    "1",
    "0",
    "-1",
    "1e9",
    "true",
    "false",
    "{}",
    '{"a":"b"}',
    '{"a":1}',
    "[]",
    "null",
    "asc",
    "__proto__",
  ),
  fc.string({ maxLength: 20 }),
);
const body = fc.oneof(
  fc.json(),
  fc.string({ maxLength: 40 }),
  fc.constantFrom('{"__proto__":1}', '{"constructor":{}}', ""),
);
const target = fc.constantFrom("pmml_prod", "pmml", "nobody", "..", "a b", "%", "x".repeat(300));

test("no input whatever makes the server fail: it is accepted or refused, with a RequestId", async () => {
  const request = fc.record({
    operation: fc.constantFrom(...OPERATION_LIST),
    target,
    body,
    // Names of the contract most of the time, so that what is behind the names is reached.
    query: fc.array(fc.tuple(fc.oneof(fc.nat(40), fc.string({ maxLength: 10 })), parameter), {
      maxLength: 4,
    }),
  });
  const property = fc.asyncProperty(request, async ({ operation, target, body, query }) => {
    const { app, control, logged } = apiApp();
    await control.createService(pmmlDocument("pmml_prod", 2));
    control.settle();
    const names = Object.keys(operation.query.properties);
    const search = new URLSearchParams();
    for (const [key, value] of query) {
      const name = typeof key === "string" ? key : (names[key % Math.max(1, names.length)] ?? "x");
      // A stream that follows has no end.
      if (name !== "Follow") search.append(name, value);
    }
    const path = operation.path
      .replace("{ClusterId}", "local")
      .replace(/\{\w+\}/, encodeURIComponent(target));
    const answer = await app.inject({
      method: operation.method,
      url: `${path}?${search}`,
      headers: { authorization: `Bearer ${TEST_KEY}` },
      ...(operation.method === "GET" ? {} : { payload: body }),
    });
    assert.ok(answer.statusCode < 500, `${operation.name}: ${answer.body} ${logged.join("\n")}`);
    assert.match(String(answer.headers["x-request-id"]), /^[0-9A-F-]{36}$/);
    if (answer.statusCode !== 200) assert.ok(answer.json().Code);
  });
  await fc.assert(property, { numRuns: 100 });
});

const LISTS = query({ Keys: Type.Optional(textList("")), Label: Type.Optional(textMap("")) });
const read = (given: Record<string, unknown>) => checked(LISTS, typedQuery(LISTS, given), "?");
/** What is between two commas. */
const item = fc.string({ minLength: 1 }).filter((text) => text.trim() === text && !/[,[]/.test(text));

test("lists and maps that an SDK writes are read back as they were, by commas or as JSON", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.array(item), (any, plain) => {
      assert.deepEqual(read({ Keys: JSON.stringify(any) }), { Keys: any });
      assert.deepEqual(read({ Keys: plain.join(",") }), { Keys: plain });
      assert.deepEqual(read({ Keys: ` ${plain.join(" , ")},` }), { Keys: plain });
    }),
  );
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.string()), (labels) => {
      const text = JSON.stringify(labels);
      assert.equal(JSON.stringify((read({ Label: text }) as { Label: object }).Label), text);
    }),
  );
});

test("whatever stands in their place is taken as a list or a map of texts, or refused by its name", () => {
  const value = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(fc.string()),
    fc.string().map((text) => `[${text}`),
  );
  fc.assert(
    fc.property(value, value, (Keys, Label) => {
      try {
        const { Keys: keys, Label: labels } = read({ Keys, Label }) as { Keys: unknown; Label: object };
        assert.ok(Array.isArray(keys) && keys.every((key) => typeof key === "string"));
        assert.ok(Object.values(labels).every((text) => typeof text === "string"));
        assert.equal(Array.isArray(labels), false);
      } catch (error) {
        assert.ok(error instanceof ServingError && error.code === "INVALID_ARGUMENT", String(error));
        assert.match(error.message, /\?(Keys|Label)/);
      }
    }),
    { numRuns: 2000 },
  );
});
