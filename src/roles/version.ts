import { readFileSync } from "node:fs";
import { join } from "node:path";

const MANIFEST = join(import.meta.dirname, "..", "..", "package.json");

const manifest = JSON.parse(readFileSync(MANIFEST, "utf8")) as {
  readonly version: string;
  readonly engines: { readonly node: string };
};

/** The version of Sluice. It stands in package.json and nowhere else. */
export const VERSION = manifest.version;
/** Versions of Node that it runs on: `>=26.10.0`. */
export const NODE_VERSIONS = manifest.engines.node;
