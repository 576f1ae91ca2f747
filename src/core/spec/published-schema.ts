import type { Field } from "./field.ts";
import { FIELD_TREE, type FieldNode } from "./field-tree.ts";
import type { Json } from "./service-spec.ts";
import { RUNTIMES, type Runtime, standingOf } from "./standing.ts";

/** A JSON Schema, as it is written. */
type Schema = Record<string, unknown>;

const ABOUT =
  "A service of Sluice: what it runs, and how. The rules are those of docs/reference/service-json.md: what this schema refuses is " +
  "refused; a few rules between fields, and sizes, only the server checks (`sluice validate`). x-standing: what a field does in this build.";

const EXAMPLES: readonly Json[] = [
  {
    metadata: { name: "pmml_prod", instance: 4, cpu: 1, group: "pmml" },
    processor: "pmml",
    model_path: "/models/churn-1.pmml",
  },
  {
    metadata: { name: "echo", instance: 1, "rpc.keepalive": 10_000 },
    processor_type: "python",
    processor_path: "/code/echo",
    processor_entry: "app.py",
  },
  {
    metadata: { name: "words", instance: 2 },
    processor_path: "/code/words",
    containers: [{ script: "exec python3 server.py", port: 8000 }],
  },
];

let made: Schema | null = null;

/**
 * The JSON Schema (draft 2020-12) of a service.json, for editors. It takes all that {@link parseSpec} takes: nested and dotted keys,
 * other names of fields, null and empty texts for what is not given, texts for booleans. What it refuses is refused there too; limits of size
 * and rules between fields that may stand in several places are beyond it.
 */
export function publishedSchema(): Schema {
  made ??= makeSchema();
  return made;
}

/** Every field once, by its canonical path; the places where it may be written refer to it. */
type Definitions = Map<string, Schema>;

function makeSchema(): Schema {
  const definitions: Definitions = new Map();
  const root = openBlock({ definitions, prefix: "" }, FIELD_TREE, null);
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "urn:sluice:service.schema.json",
    title: "service.json",
    description: ABOUT,
    examples: EXAMPLES,
    ...root,
    type: "object",
    properties: {
      $schema: { description: "Address of this schema, for editors; it is not read." },
      ...(root.properties as Schema),
    },
    $defs: Object.fromEntries(definitions),
  };
}

/** Where paths are counted from: the root, or the item of a list. */
interface Place {
  readonly definitions: Definitions;
  /** Of the names of definitions, e.g. `storage.item.`. */
  readonly prefix: string;
}

/** Refers to a field, which is defined by it. */
function refer(place: Place, node: FieldNode, inherited: string | null): Schema {
  const name = place.prefix + node.path.join(".");
  if (!place.definitions.has(name)) {
    place.definitions.set(name, {}); // keeps its place in the order
    place.definitions.set(name, define(place, node, inherited));
  }
  return { $ref: `#/$defs/${name}` };
}

function define(place: Place, node: FieldNode, inherited: string | null): Schema {
  const { field } = node;
  const reason = field["x-reason"] ?? inherited;
  const about = {
    ...(field.description === undefined ? {} : { description: describe(field, inherited) }),
    ...(field.deprecated ? { deprecated: true } : {}),
    ...standingMarks(place, node, inherited),
    ...(field.default === undefined ? {} : { default: field.default }),
  };
  if (node.kind === "block") return { ...about, ...openBlock(place, node, reason) };
  if (node.kind === "list") {
    return { ...about, type: ["array", "null"], items: itemOf(place, node, reason) };
  }
  if (node.kind === "map") return { ...about, ...mapOf(field) };
  const plain = plainOf(field, true);
  if (node.children.size === 0) return { ...about, ...plain };
  // An alias leads through it: `batching: {max_batch_size: 2}`.
  return { ...about, anyOf: [plain, openBlock(place, node, reason)] };
}

function describe(field: Field, inherited: string | null): string {
  const reason = field["x-effective"] ? null : (field["x-reason"] ?? null);
  return reason === null || reason === inherited
    ? field.description!
    : `${field.description} No effect here: ${reason}.`;
}

/** One word where it is the same for all that a service may be run as; else one for each. */
function standingMarks(place: Place, { field, path }: FieldNode, inherited: string | null): Schema {
  const item = place.prefix.replaceAll(".item.", ".");
  const dotted = `$.${item}${path.join(".")}`;
  const standings = (Object.keys(RUNTIMES) as Runtime[]).map((runtime) => {
    const standing = standingOf(field, dotted, runtime, inherited);
    return [runtime, standing === null ? null : standing.kind] as const;
  });
  const kinds = new Set(standings.map(([, kind]) => kind));
  if (kinds.size > 1)
    return { "x-standing": Object.fromEntries(standings.map(([r, k]) => [r, k ?? "effective"])) };
  const [kind] = kinds;
  return kind === null ? {} : { "x-standing": kind };
}

/** An object whose names are known: each of them, other names, and all of them dotted. */
function openBlock(place: Place, node: FieldNode, inherited: string | null): Schema {
  const properties: Schema = {};
  const patterns: Schema = {};
  const add = (from: FieldNode, prefix: string, isOther: boolean, reason: string | null): void => {
    for (const [name, child] of from.children) {
      const isAlias = !Object.hasOwn(from.field.properties ?? {}, name);
      const key = prefix + name;
      const target = refer(place, child, isAlias ? null : reason);
      properties[key] =
        isAlias || isOther
          ? { ...target, deprecated: true, description: `Another name of \`${child.path.join(".")}\`.` }
          : target;
      const opened = openedBy(child);
      if (opened !== null) patterns[`^${escaped(key)}\\.`] = opened;
      if (child.kind === "block" || child.children.size > 0)
        add(child, `${key}.`, isOther || isAlias, child.field["x-reason"] ?? reason);
    }
  };
  add(node, "", false, inherited);
  return {
    type: ["object", "null"],
    properties,
    ...(Object.keys(patterns).length === 0 ? {} : { patternProperties: patterns }),
    ...(node.field.properties !== undefined && node.field.additionalProperties === undefined
      ? {}
      : { additionalProperties: false }),
  };
}

const escaped = (text: string) => text.replace(/[$()*+.?[\\\]^{|}]/g, "\\$&");

/** What stands at a key that goes on behind a field with names of the user's own; null: it has none. */
function openedBy(node: FieldNode): Schema | boolean | null {
  const { field } = node;
  if (node.kind === "map") return (mapOf(field).additionalProperties as Schema) ?? true;
  if (node.kind === "block") return field.additionalProperties === undefined ? true : null;
  const isAnything = field.type === undefined && field.enum === undefined && field.anyOf === undefined;
  return node.kind === "value" && isAnything && node.children.size === 0 ? true : null;
}

function itemOf(place: Place, { item, path }: FieldNode, inherited: string | null): Schema {
  if (item === null) return {};
  const inside = { definitions: place.definitions, prefix: `${place.prefix}${path.join(".")}.item.` };
  if (item.kind !== "block") return plainOf(item.field, false);
  const { required = [] } = item.field;
  // Where a field of the item has one place only, it can be asked for there.
  const names = required.filter(
    (name) => !hasOtherName(item, name) && item.children.get(name)!.kind !== "block",
  );
  return {
    ...openBlock(inside, item, inherited),
    type: "object",
    ...(names.length === 0 ? {} : { required: names }),
    ...EXCLUSIONS[path.join(".")],
  };
}

const hasOtherName = (item: FieldNode, name: string) =>
  [...item.children].some(([other, child]) => other !== name && child.path.join(".") === name);

const GIVEN_TEXT = { type: "string", minLength: 1 };

/** Rules between fields of one item that have one place each. */
const EXCLUSIONS: Readonly<Record<string, Schema>> = {
  containers: {
    not: {
      required: ["command", "script"],
      properties: { command: { anyOf: [GIVEN_TEXT, { type: "array" }] }, script: GIVEN_TEXT },
    },
  },
};

function mapOf(field: Field): Schema {
  const { additionalProperties, propertyNames } = field;
  return {
    type: ["object", "null"],
    additionalProperties: plainOf(additionalProperties as Field, true, false),
    ...(propertyNames === undefined ? {} : { propertyNames: plainOf(propertyNames, false) }),
  };
}

const KEYWORDS = ["minimum", "maximum", "exclusiveMinimum", "not", "minLength", "maxLength"] as const;

/**
 * A plain value. `isOptional`: null stands for "not given", and where a text is taken so does an empty one (check.ts).
 * `isEmptyNone`: false in a map, where an empty text is a text.
 */
function plainOf(field: Field, isOptional: boolean, isEmptyNone = isOptional): Schema {
  const orNull = isOptional ? [null] : [];
  if (field.anyOf !== undefined) {
    const none = isOptional ? [{ enum: ["", null] }] : [];
    return { anyOf: [...field.anyOf.map((option) => plainOf(option, false)), ...none] };
  }
  if (field.enum !== undefined) {
    const none = isOptional ? ["", null] : [];
    return { enum: [...new Set<unknown>([...field.enum, ...none])] };
  }
  if (field.type === "boolean") return { enum: [true, false, "true", "false", ...orNull] };
  if (field.type === undefined) return {};
  const { pattern, minLength = 0 } = field;
  const kept = KEYWORDS.flatMap((name) => (field[name] === undefined ? [] : [[name, field[name]] as const]));
  return {
    type: isOptional ? [field.type, "null"] : field.type,
    ...Object.fromEntries(kept),
    ...(pattern === undefined ? {} : { pattern: isEmptyNone && minLength === 0 ? `^$|${pattern}` : pattern }),
    ...(field.items === undefined ? {} : { items: plainOf(field.items, false) }),
  };
}
