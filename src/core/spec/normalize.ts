import type { Problem } from "../errors.ts";
import { FIELD_TREE, type FieldNode } from "./field-tree.ts";
import { describeKind } from "./found.ts";
import { Origins, pathStep, type Steps } from "./json-path.ts";
import { isObject, isSame, type JsonDraft } from "./json-value.ts";
import type { Json, JsonObject } from "./service-spec.ts";
import { suggestField } from "./suggest.ts";

/** Deepest nesting of a document. The deepest known field stands at 7; the rest is for `model_config`. */
export const DEPTH_MAX = 32;
/** Most values in one document. The largest real samples have some hundred. */
export const VALUES_MAX = 50_000;
/** Most problems told at once. */
export const PROBLEMS_MAX = 100;

/** Names the JSON Schema of the document to editors; nothing else reads it. */
const EDITORS_KEY = "$schema";

/** A document in its canonical form: nested, every field in its one place, types not looked at yet. */
export interface Normalized {
  readonly document: JsonObject;
  readonly origins: Origins;
  readonly problems: readonly Problem[];
  /** False when it was given up half way, so that what is missing says nothing. */
  readonly isComplete: boolean;
}

/** What goes on while one document is opened. */
interface Job {
  readonly origins: Origins;
  readonly problems: Problem[];
  valueCount: number;
}

/** The root, or the item of a list: what paths of nodes are relative to. */
interface Target {
  readonly root: JsonDraft;
  readonly steps: Steps;
}

/** Thrown to leave a document that is too large to go on with; its problem is already noted. */
class Abandoned extends Error {}

/**
 * Opens dotted keys at any depth, moves aliases to their place, and leaves free maps and free values as they are
 * (eas-reference §1.0). Reports unknown fields, two different values for one field, and what is not JSON.
 * The given document is not changed, and nothing of it is shared with the result.
 */
export function normalize(document: unknown): Normalized {
  const job: Job = { origins: new Origins(), problems: [], valueCount: 0 };
  const root: JsonDraft = {};
  let isComplete = false;
  try {
    if (isObject(document)) {
      openBlock(job, FIELD_TREE, document, { root, steps: [] }, "$");
      isComplete = true;
    } else {
      note(job, "$", describeKind(document), "a JSON object");
    }
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error;
  }
  return { document: root, origins: job.origins, problems: job.problems, isComplete };
}

function note(job: Job, path: string, found: string, allowed: string): void {
  job.problems.push({ path, found, allowed });
  if (job.problems.length >= PROBLEMS_MAX) throw new Abandoned();
}

function count(job: Job, spelled: string): void {
  job.valueCount++;
  if (job.valueCount <= VALUES_MAX) return;
  note(job, spelled, "one value too many", `at most ${VALUES_MAX} values in one document`);
  throw new Abandoned();
}

function openBlock(
  job: Job,
  node: FieldNode,
  value: Record<string, unknown>,
  to: Target,
  spelled: string,
): void {
  for (const key of Object.keys(value)) {
    if (value[key] === undefined || (key === EDITORS_KEY && node === FIELD_TREE)) continue;
    const path = spelled + pathStep(key);
    count(job, path);
    const found = resolve(node, key);
    if (found.unknown !== undefined)
      note(job, path, "an unknown field", suggestField(found.unknown, found.node));
    else if (found.rest === null) place(job, found.node, value[key], to, path);
    else put(job, to, [...found.node.path, found.rest], value[key], path);
  }
}

interface Resolved {
  /** The field meant, or the last known one on the way to an unknown name. */
  readonly node: FieldNode;
  /** Name inside a free map or an open block; null when the field itself is meant. */
  readonly rest: string | null;
  readonly unknown?: string;
}

/** Follows a key, dotted or not. Inside a free map the rest of it is one name: `labels.a.b` is `{"a.b": …}`. */
function resolve(from: FieldNode, key: string): Resolved {
  const direct = from.children.get(key);
  if (direct !== undefined) return { node: direct, rest: null };
  let node = from;
  let start = 0;
  while (start <= key.length) {
    if (node !== from && isFree(node)) return { node, rest: key.slice(start) };
    const dot = key.indexOf(".", start);
    const name = key.slice(start, dot === -1 ? key.length : dot);
    const next = node.children.get(name);
    if (next === undefined) {
      const isOpen = node.kind === "block" && node.field.additionalProperties === undefined;
      return isOpen ? { node, rest: key.slice(start) } : { node, rest: null, unknown: name };
    }
    if (dot === -1) return { node: next, rest: null };
    node = next;
    start = dot + 1;
  }
  return { node, rest: null, unknown: "" };
}

/** Names below it are the user's own. */
const isFree = (node: FieldNode) =>
  node.kind === "map" || (node.kind === "value" && node.field.type === undefined && node.children.size === 0);

function place(job: Job, node: FieldNode, value: unknown, to: Target, spelled: string): void {
  if (isObject(value) && (node.kind === "block" || node.children.size > 0)) {
    // A block is made by what is in it, so that one with nothing but other names of fields elsewhere leaves none behind.
    if (node.kind === "block" && Object.keys(value).length === 0) put(job, to, node.path, {}, spelled);
    else if (node.kind === "block") job.origins.set([...to.steps, ...node.path], spelled);
    openBlock(job, node, value, to, spelled);
  } else if (isObject(value) && node.kind === "map") {
    put(job, to, node.path, {}, spelled);
    for (const key of Object.keys(value)) {
      count(job, spelled);
      put(job, to, [...node.path, key], value[key], spelled + pathStep(key));
    }
  } else if (Array.isArray(value) && node.item !== null) {
    const item = node.item;
    const steps = [...to.steps, ...node.path];
    const items = value.map((entry: unknown, index): Json => {
      const path = spelled + pathStep(index);
      count(job, path);
      if (!isObject(entry) || item.kind !== "block") return copy(job, entry, path, 1);
      const root: JsonDraft = {};
      job.origins.set([...steps, index], path);
      openBlock(job, item, entry, { root, steps: [...steps, index] }, path);
      return root;
    });
    put(job, to, node.path, items, spelled);
  } else if (node.kind === "block" && value !== null) {
    // Left out, so that parts of the block written elsewhere are not in conflict with it.
    note(job, spelled, describeKind(value), "an object");
  } else {
    put(job, to, node.path, value, spelled);
  }
}

/** Sets the value at a canonical path. An object already there and an empty one given are one and the same. */
function put(job: Job, to: Target, path: readonly string[], value: unknown, spelled: string): void {
  const steps = [...to.steps, ...path];
  if (path.includes("__proto__")) {
    note(job, spelled, "the name __proto__", "another name");
    return;
  }
  let parent = to.root;
  for (const name of path.slice(0, -1)) {
    if (!Object.hasOwn(parent, name)) parent[name] = {};
    const next = parent[name];
    if (!isObject(next)) {
      conflict(job, steps, spelled);
      return;
    }
    parent = next as JsonDraft;
  }
  const name = path.at(-1)!;
  const fresh = copy(job, value, spelled, 0);
  if (!Object.hasOwn(parent, name)) parent[name] = fresh;
  else if (!(isObject(parent[name]) && isEmptyObject(fresh)) && !isSame(parent[name]!, fresh)) {
    conflict(job, steps, spelled);
    return;
  }
  job.origins.set(steps, spelled);
}

const isEmptyObject = (value: Json) => isObject(value) && Object.keys(value).length === 0;

function conflict(job: Job, steps: Steps, spelled: string): void {
  const first = job.origins.nearest(steps);
  note(job, spelled, `another value than at ${first}`, "one value: both are the same field");
}

/** A deep copy that is JSON and nothing else. */
function copy(job: Job, value: unknown, spelled: string, depth: number): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  // JSON writes −0 as 0, and so it would come back from the store.
  if (typeof value === "number" && Number.isFinite(value)) return value === 0 ? 0 : value;
  if (depth > DEPTH_MAX) {
    note(job, spelled, "deeper nesting", `at most ${DEPTH_MAX} levels`);
    return null;
  }
  if (Array.isArray(value)) {
    return Array.from(value, (item: unknown, index) => {
      count(job, spelled);
      return copy(job, item, spelled + pathStep(index), depth + 1);
    });
  }
  if (!isObject(value)) {
    note(job, spelled, describeKind(value), "a JSON value");
    return null;
  }
  const result: JsonDraft = {};
  for (const key of Object.keys(value)) {
    count(job, spelled);
    if (key === "__proto__") note(job, spelled + pathStep(key), "the name __proto__", "another name");
    else result[key] = copy(job, value[key], spelled + pathStep(key), depth + 1);
  }
  return result;
}
