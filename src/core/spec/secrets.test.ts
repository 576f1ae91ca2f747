import assert from "node:assert/strict";
import { test } from "node:test";
import { ServingError } from "../errors.ts";
import { differencesOf } from "./difference.ts";
import type { Field } from "./field.ts";
import { mergeDocuments } from "./merge.ts";
import { examineSpec, parseSpec } from "./parse.ts";
import { SERVICE_FIELD } from "./schema.ts";
import type { Json, JsonObject } from "./service-spec.ts";

const SECRET = "hush-0123456789";
const own = {
  processor_type: "python",
  processor_path: "/code",
  processor_entry: "app.py",
  metadata: { name: "a", instance: 1 },
};

/** Every field marked as secret, as steps; 0: an item of a list. */
function secretsIn(field: Field, steps: readonly (string | number)[]): (readonly (string | number)[])[] {
  const here = field["x-secret"] === true ? [steps] : [];
  const items = field.items === undefined ? [] : secretsIn(field.items, [...steps, 0]);
  const below = Object.entries(field.properties ?? {}).flatMap(([name, child]) =>
    secretsIn(child, [...steps, name]),
  );
  return [...here, ...items, ...below];
}

const SECRETS = secretsIn(SERVICE_FIELD, []);

const put = ([step, ...rest]: readonly (string | number)[], value: Json): Json => {
  if (step === undefined) return value;
  return typeof step === "number" ? [put(rest, value)] : { [step]: put(rest, value) };
};

/** The secret as what it may be, and in every place where it may have been put by mistake. */
const FORMS: readonly Json[] = [
  SECRET,
  ` ${SECRET} `,
  [SECRET],
  { value: SECRET },
  { x: { y: [SECRET] } },
  [[SECRET]],
];

test("what is secret is known as such", () => {
  assert.deepEqual(SECRETS.map((steps) => steps.join(".")).toSorted(), [
    "confidential.decryption_key",
    "containers.0.env.0.value",
    "dockerAuth",
    "processor_envs",
    "storage.0.git.password",
    "storage.0.git.repo",
    "storage.0.git.username",
    "storage.0.secret",
    "token",
  ]);
});

for (const steps of SECRETS) {
  test(`no message, standing, default or difference holds what stands in ${steps.join(".")}`, () => {
    for (const form of FORMS) {
      const part = put(steps, form) as JsonObject;
      // In the document as it is, and with a mistake elsewhere, so that it is refused in any case.
      for (const document of [
        { ...own, ...part },
        { ...own, ...part, oops: 1 },
        { ...part, processor: [part] },
      ]) {
        for (const act of [parseSpec, examineSpec, (given: unknown) => mergeDocuments({}, given)]) {
          try {
            const answer = act(document) as Partial<ReturnType<typeof examineSpec>>;
            const shown = [answer.notEffective, answer.standings, answer.defaults, answer.runtime];
            assert.ok(!JSON.stringify(shown).includes(SECRET), JSON.stringify(document));
          } catch (error) {
            assert.ok(error instanceof ServingError, String(error));
            assert.ok(!`${error.message}${JSON.stringify(error.facts)}`.includes(SECRET), error.message);
          }
        }
      }
      const differences = [...differencesOf({}, part), ...differencesOf(part, {})];
      assert.ok(!JSON.stringify(differences).includes(SECRET), JSON.stringify(differences));
    }
  });
}

test("what stands beside a secret by mistake is not repeated either", () => {
  const documents: readonly object[] = [
    { ...own, containers: [{ env: { PASSWORD: SECRET } }] },
    { ...own, containers: [{ env: [`PASSWORD=${SECRET}`] }] },
    { ...own, containers: [{ env: [{ name: "PASSWORD", valeu: SECRET }] }] },
    { ...own, tokn: SECRET },
    { ...own, metadata: { ...own.metadata, token: SECRET } },
    { ...own, model_path: `ftp://user:${SECRET}@host/a` },
    { ...own, model_path: `https://host/a.zip?signature=${SECRET}`, oops: 1 },
  ];
  for (const document of documents) {
    assert.throws(
      () => parseSpec(document),
      (error) => error instanceof ServingError && !error.message.includes(SECRET),
    );
  }
});
