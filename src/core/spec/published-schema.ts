import { FIELD_TREE, type FieldNode } from "./field-tree.ts";

/** Names that lead on, when they are followed by a dot. */
const opens = (node: FieldNode) => node.kind === "block" || node.kind === "map" || node.children.size > 0;

/** The schema as others should see it: dotted keys, other names and texts for booleans are let through as well. */
function published(node: FieldNode): Record<string, unknown> {
  const { properties, required, items, ...rest } = node.field;
  if (items !== undefined) return { ...rest, items: node.item === null ? items : published(node.item) };
  if (rest.type === "boolean") return { ...rest, type: undefined, enum: [true, false, "true", "false"] };
  if (rest.enum !== undefined) return { ...rest, enum: [...new Set([...rest.enum, ""])] };
  if (rest.pattern !== undefined && rest.minLength !== 1) return { ...rest, pattern: `^$|${rest.pattern}` };
  if (properties === undefined) return { ...rest };
  const own = Object.keys(properties).map((name) => [name, published(node.children.get(name)!)]);
  const aliases = [...node.children]
    .filter(([name]) => !Object.hasOwn(properties, name))
    .map(([name, target]) => [
      name,
      { description: `Another name of \`${target.path.join(".")}\`.`, deprecated: true },
    ]);
  const leading = [...node.children].filter(([, child]) => opens(child)).map(([name]) => name);
  return {
    ...rest,
    properties: Object.fromEntries([...own, ...aliases]),
    ...(leading.length === 0 ? {} : { patternProperties: { [`^(${leading.join("|")})\\.`]: {} } }),
    // `name` and `instance` may stand under other spellings, which JSON Schema cannot count together.
    ...(required === undefined || node === FIELD_TREE || node.path[0] === "metadata" ? {} : { required }),
  };
}

/** JSON Schema of service.json, for editors and for the OpenAPI document. */
export function publishedSpecSchema(): Record<string, unknown> {
  return {
    title: "service.json",
    ...published(FIELD_TREE),
    description:
      "A service of Sluice: what it runs, and how. metadata.name and metadata.instance are required. x-effective marks what this build acts on.",
  };
}
