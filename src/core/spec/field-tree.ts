import { assert } from "../../base/assert.ts";
import type { Field } from "./field.ts";
import { SERVICE_FIELD } from "./schema.ts";

/** A place in a service.json where a value may stand, with the names that lead further. */
export interface FieldNode {
  readonly field: Field;
  /** Canonical names from the root, or from the item of the nearest list. */
  readonly path: readonly string[];
  /** `block`: names of its own. `map`: free names. `list`: items. `value`: anything else, opened no further. */
  readonly kind: "block" | "map" | "list" | "value";
  /** Names below it, aliases among them. A `value` has them only when an alias leads through it. */
  readonly children: Map<string, FieldNode>;
  /** What a `list` holds. */
  readonly item: FieldNode | null;
}

/**
 * Other names of fields: older places of a key, and newer ones (eas-reference §1.0; the full list of them is known
 * from the public source of a client). From → canonical place. What follows the name leads on from there:
 * `rpc.keepalive` at the top is `metadata.rpc.keepalive`. `[]`: of each item of a list, within which the name moves.
 */
export const ALIASES: Readonly<Record<string, string>> = {
  name: "metadata.name",
  rpc: "metadata.rpc",
  scheduling: "metadata.scheduling",
  "metadata.keepalive": "metadata.rpc.keepalive",
  "metadata.rate_limit": "metadata.rpc.rate_limit",
  "metadata.io_threads": "metadata.rpc.io_threads",
  "metadata.max_queue_size": "metadata.rpc.max_queue_size",
  "metadata.worker_threads": "metadata.rpc.worker_threads",
  "metadata.workers": "metadata.rpc.worker_threads",
  "metadata.rpc.batching.max_batch_size": "metadata.rpc.max_batch_size",
  "metadata.rpc.batching.max_batch_timeout": "metadata.rpc.max_batch_timeout",
  "metadata.batching": "metadata.rpc.batching",
  "metadata.autoscaler": "autoscaler",
  "metadata.cronscaler": "cronscaler",
  "metadata.gateway": "networking.gateway",
  "metadata.path": "networking.path",
  "metadata.enable_https": "networking.enable_https",
  "metadata.enable_http2": "networking.enable_http2",
  "metadata.disable_internet_endpoint": "networking.disable_internet_endpoint",
  "networking.enable_grpc": "metadata.enable_grpc",
  "networking.traffic_state": "metadata.traffic_state",
  "runtime.cuda": "metadata.cuda",
  "runtime.termination_grace_period": "metadata.eas.termination_grace_period",
  // The API begins its names with a capital letter (eas-reference §6.2).
  "cronscaler.ExcludeDates": "cronscaler.excludeDates",
  "cronscaler.ScaleJobs": "cronscaler.scaleJobs",
  "cronscaler.scaleJobs[].Name": "cronscaler.scaleJobs[].name",
  "cronscaler.scaleJobs[].Schedule": "cronscaler.scaleJobs[].schedule",
  "cronscaler.scaleJobs[].TargetSize": "cronscaler.scaleJobs[].targetSize",
  "cronscaler.scaleJobs[].TimeZone": "cronscaler.scaleJobs[].timeZone",
  baseimage: "runtime.base_image",
  worker_image: "runtime.worker_image",
  DataLoader: "data_loader",
};

function kindOf(field: Field): FieldNode["kind"] {
  if (field.properties !== undefined) return "block";
  if (typeof field.additionalProperties === "object") return "map";
  return field.type === "array" ? "list" : "value";
}

function makeNode(field: Field, path: readonly string[]): FieldNode {
  const children = new Map<string, FieldNode>();
  for (const [name, child] of Object.entries(field.properties ?? {})) {
    children.set(name, makeNode(child, [...path, name]));
  }
  const item = field.items === undefined ? null : makeNode(field.items, []);
  return { field, path, kind: kindOf(field), children, item };
}

function nodeAt(root: FieldNode, dotted: readonly string[]): FieldNode {
  let node = root;
  for (const name of dotted) {
    const isItem = name.endsWith("[]");
    const child = node.children.get(isItem ? name.slice(0, -2) : name);
    const next = isItem ? child?.item : child;
    assert(next != null, `no field ${dotted.join(".")}`);
    node = next;
  }
  return node;
}

function makeTree(): FieldNode {
  const root = makeNode(SERVICE_FIELD, []);
  for (const [from, to] of Object.entries(ALIASES)) {
    const names = from.split(".");
    const parent = nodeAt(root, names.slice(0, -1));
    const name = names.at(-1)!;
    assert(!parent.children.has(name), `alias ${from} is the name of a field`);
    parent.children.set(name, nodeAt(root, to.split(".")));
  }
  return root;
}

/** The whole service.json. */
export const FIELD_TREE = makeTree();

/** Every canonical name at any depth, as the last word of it → dotted places where it stands. */
function namesOf(node: FieldNode, prefix: string, into: Map<string, string[]>): Map<string, string[]> {
  for (const name of Object.keys(node.field.properties ?? {})) {
    const child = node.children.get(name)!;
    const place = prefix === "" ? name : `${prefix}.${name}`;
    into.set(name, [...(into.get(name) ?? []), place]);
    namesOf(child, place, into);
    if (child.item !== null) namesOf(child.item, `${place}[]`, into);
  }
  return into;
}

/** Last word of each canonical field → where it stands, such as `metadata.rpc.keepalive`. */
export const FIELD_PLACES: ReadonlyMap<string, readonly string[]> = namesOf(FIELD_TREE, "", new Map());
