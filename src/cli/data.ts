import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type CliIo, Failure } from "./cli-io.ts";

/** A body as it is given on the command line: text, `@file`, or `@-` for standard input. */
export async function readData(data: string, io: CliIo): Promise<Uint8Array> {
  if (!data.startsWith("@")) return new TextEncoder().encode(data);
  if (data === "@-") return io.readInput();
  try {
    return readFileSync(resolve(io.cwd, data.slice(1)));
  } catch (error) {
    throw new Failure(`cannot read ${data.slice(1)}: ${(error as Error).message}`, { cause: error });
  }
}
