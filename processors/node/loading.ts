import { statSync } from "node:fs";
import { extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Model, Process } from "./processor.d.ts";
import type { Functions } from "./serving.ts";

const EXTENSIONS = [".ts", ".mts", ".cts", ".js", ".mjs", ".cjs"];

/** It cannot be served: one sentence for people. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export interface Loaded {
  readonly functions: Functions;
  /** How long the module itself took to run. */
  readonly importMs: number;
}

/** Runs the user's module and its `initialize`. */
export async function loadProcessor(dir: string, entry: string, model: Model): Promise<Loaded> {
  const path = join(dir, entry);
  if (!EXTENSIONS.includes(extname(entry))) {
    throw new Refusal(
      `${entry} is no module that Node runs; allowed: a file that ends with ${EXTENSIONS.join(", ")}`,
    );
  }
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true)
    throw new Refusal(`there is no file ${entry} in ${dir}`);
  model.progress(`running ${entry}`);
  const begunAt = performance.now();
  const module: Record<string, unknown> = await import(pathToFileURL(path).href);
  const importMs = performance.now() - begunAt;
  // CommonJS whose exports are computed, and modules that export one object, have them all in `default`.
  const inner = module.default as Record<string, unknown> | null | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: what the user wrote has no type here
  const found = (name: string): any => {
    const value = module[name] ?? inner?.[name];
    if (value !== undefined && typeof value !== "function")
      throw new Refusal(`${name} of ${entry} is not a function`);
    // Methods of one exported object may use each other by `this`.
    return value === undefined ? null : value.bind(inner?.[name] === value ? inner : undefined);
  };
  const process = found("process");
  const processBatch = found("processBatch");
  const initialize = found("initialize");
  const describe = found("describe");
  if (process === null && processBatch === null)
    throw new Refusal(`${entry} exports no function process(body, request)`);
  if (initialize !== null) {
    model.progress(`initializing ${entry}`);
    await initialize(model);
  }
  return {
    functions: {
      process: process ?? onlyBy(processBatch),
      processBatch,
      describe: describe ?? (() => ({ processor: "custom", language: "node", entry })),
    },
    importMs,
  };
}

/** A batch of one, for a request that comes alone. */
function onlyBy(processBatch: NonNullable<Functions["processBatch"]>): Process {
  return async (body, request) => {
    const [answer] = await processBatch([body], [request]);
    if (answer instanceof Error) throw answer;
    return answer!;
  };
}
