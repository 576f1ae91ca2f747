import fc from "fast-check";
import type { Field } from "../core/spec/field.ts";
import { isObject } from "../core/spec/json-value.ts";
import { SERVICE_FIELD } from "../core/spec/schema.ts";
import type { Json, JsonObject } from "../core/spec/service-spec.ts";

const made = new Map<Field, fc.Arbitrary<Json>>();

/** Values of a field that the schema allows. Made once for each field: making them is most of the work. */
function allowed(field: Field): fc.Arbitrary<Json> {
  const known = made.get(field) ?? makeAllowed(field);
  made.set(field, known);
  return known;
}

function makeAllowed(field: Field): fc.Arbitrary<Json> {
  if (field.anyOf !== undefined) return fc.oneof(...field.anyOf.map(allowed));
  if (field.enum !== undefined) return fc.constantFrom(...field.enum.filter((value) => value !== ""));
  // Nothing above and nothing below the count is refused as a whole: no instance could ever be replaced.
  const isHalt = (value: Json | undefined) => value === 0 || value === "0%";
  if (field.properties?.max_surge !== undefined)
    return block(field).map((v) => (isHalt(v.max_surge) ? { ...v, max_surge: 1 } : v));
  if (field.properties !== undefined) return block(field);
  if (typeof field.additionalProperties === "object") {
    const name = fc.stringMatching(/^[a-z.]{1,5}$/);
    return fc.dictionary(name, allowed(field.additionalProperties), { maxKeys: 4 }) as fc.Arbitrary<Json>;
  }
  if (field.items !== undefined) {
    return fc.array(allowed(field.items), { maxLength: 2 }).map((items) => items.map(apart));
  }
  const { minimum = -9, maximum = 99 } = field;
  switch (field.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
      return fc
        .integer({ min: minimum, max: maximum })
        .filter((n) => !(field.not?.enum.includes(n) ?? false));
    case "number":
      return fc.integer({ min: (field.exclusiveMinimum ?? minimum) + 1, max: maximum }).map((n) => n - 0.5);
    case "string":
      if (field.description?.startsWith("Cron") === true)
        return fc.constantFrom("0 0 12-14 * * *", "* * * * * 6,0");
      if (field.pattern?.endsWith("%$") === true) return fc.nat(100).map((n) => `${n}%`);
      if (field.pattern !== undefined && !field.pattern.includes("x21") && !field.pattern.startsWith("^[!"))
        return fc.stringMatching(/^[a-z]{1,8}$/).map((word) => fitting(field.pattern!, word));
      return fc.stringMatching(/^[a-z]{1,8}$/);
    default:
      return jsonValue;
  }
}

/** As it comes out of a store: without −0, which JSON writes as 0. */
const jsonValue = fc
  .jsonValue({ maxDepth: 2 })
  .map((value) => JSON.parse(JSON.stringify(value)) as Json)
  .filter((value) => value !== null && value !== "" && !JSON.stringify(value).includes("__proto__"));

/** Required fields, and few of the others: there are many. */
function block(field: Field): fc.Arbitrary<JsonObject> {
  const entries = Object.entries(field.properties ?? {});
  const some = entries.filter(([name]) => field.required?.includes(name) !== true);
  const fixed = entries.filter(([name]) => field.required?.includes(name) === true);
  return (
    fc
      .subarray(some, { maxLength: Math.min(6, some.length) })
      .chain(
        (chosen) =>
          fc.record(
            Object.fromEntries([...fixed, ...chosen].map(([name, child]) => [name, allowed(child)])),
          ) as fc.Arbitrary<JsonObject>,
      )
      .map((made) => (isLimitless(made, field) ? { ...made, limit: 1 } : made))
      // The engine of a processor of one's own does not speak it.
      .map((made) => (made.enable_grpc === true ? { ...made, enable_grpc: false } : made))
      // With no surge, some may be missing: else no instance could ever be replaced.
      .map((made) => (made.max_surge !== undefined ? { ...made, max_unavailable: 1 } : made))
      .map((made) => (made.policy === "hash" ? { policy: "hash", hash_cookie: "c" } : made))
      .map(coherent)
  );
}

/** A text that a pattern takes, made of a word. */
function fitting(pattern: string, word: string): string {
  const forms = [
    word,
    `/${word}`,
    `oss://${word}/`,
    `gw-${word}`,
    `nlb-${word}`,
    `eas-r-${word}`,
    "11.2",
    "30Gi",
  ];
  return forms.find((form) => new RegExp(pattern, "u").test(form))!;
}

const SOURCES = ["oss", "nfs", "dataset", "git", "image", "empty_dir", "cpfs", "secret"];

/** What fields of one block ask for together (rules.ts). */
function coherent(made: JsonObject): JsonObject {
  const result: Record<string, Json> = { ...made };
  const drop = (...names: string[]) => {
    for (const name of names) delete result[name];
  };
  if (result.gpu_core_percentage !== undefined) result.gpu_memory = 8;
  if (result.gpu_memory !== undefined) drop("gpu");
  if (result.resource_burstable === true) drop("resource_burstable");
  if (typeof result.min === "number" && typeof result.max === "number") {
    result.min = Math.min(result.min, 999);
    result.max = result.min + 1;
  }
  if (result.strategies !== undefined) drop("scaleStrategies");
  if (isObject(result.config)) drop("type");
  if (result.type === "maxcompute" || result.type === "MaxCompute")
    result.config = { maxcompute: { project: "p", table: "t" } };
  if (result.type === "sls" || result.type === "SLS")
    result.config = { sls: { project: "p", logstore: "l" } };
  if (result.script !== undefined) drop("command");
  if (result.mount_path !== undefined) {
    const [first = "nfs"] = SOURCES.filter((name) => result[name] !== undefined);
    drop(...SOURCES.filter((name) => name !== first));
    result[first] ??= { server: "s" };
  }
  return result;
}

/** Mounts beside each other do not overlap. */
function apart(item: Json, at: number): Json {
  const isMount = isObject(item) && (item as JsonObject).mount_path !== undefined;
  return isMount ? { ...(item as JsonObject), mount_path: `/mnt/${at}` } : item;
}

/** A limit that is enabled needs a number; no schema of one field says so. */
function isLimitless(made: JsonObject, field: Field): boolean {
  return made.enable === true && field.properties?.limit !== undefined && made.limit === undefined;
}

/** Nested documents that are accepted: whatever the schema allows, with a processor that this build runs. */
export const canonical = block(SERVICE_FIELD).map(
  (document): JsonObject => ({ ...document, ...runnable, processor_type: "python", processor: "mine" }),
);
export const runnable = {
  processor_path: "/code",
  processor_entry: "app.py",
  model_path: "/m",
  warm_up_data_path: "/w.txt",
  model_entry: "m.bin",
};

/** Choices, one after the other and round again. */
export const choices = fc.array(fc.boolean(), { minLength: 5, maxLength: 40 }).map((list) => {
  let at = 0;
  return () => list[at++ % list.length]!;
});

/** The same document with some blocks and maps written as dotted keys. */
export function dotted(field: Field, value: JsonObject, isDotted: () => boolean): JsonObject {
  const result: Record<string, Json> = {};
  for (const [name, child] of Object.entries(value)) {
    const childField = field.properties?.[name] ?? {};
    const isMap = typeof childField.additionalProperties === "object";
    let spelled = child;
    if (childField.properties !== undefined) spelled = dotted(childField, child as JsonObject, isDotted);
    const item = childField.items;
    if (item?.properties !== undefined) {
      spelled = (child as readonly JsonObject[]).map((entry) => dotted(item, entry, isDotted));
    }
    const canOpen = childField.properties !== undefined || isMap;
    if (canOpen && Object.keys(spelled as JsonObject).length > 0 && isDotted()) {
      for (const [below, part] of Object.entries(spelled as JsonObject)) result[`${name}.${below}`] = part;
    } else {
      result[name] = spelled;
    }
  }
  return result;
}

/** The document with one place in it, chosen by `at`, given another value or another name. */
export function mutate(value: Json, at: number, fresh: unknown): unknown {
  if (!isObject(value) || Object.keys(value).length === 0) return fresh;
  const names = Object.keys(value);
  const name = names[at % names.length]!;
  const rest = Math.floor(at / names.length);
  if (rest % 5 === 0) return { ...value, [name]: fresh };
  if (rest % 5 === 1) return { ...value, [`${name}.${String(rest)}`]: fresh };
  if (rest % 5 === 2) return { ...value, [name.slice(1)]: fresh };
  return { ...value, [name]: mutate(value[name] as Json, Math.floor(rest / 5), fresh) };
}
