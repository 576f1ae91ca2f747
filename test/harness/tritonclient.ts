import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./installation.ts";
import { makeEnvironment } from "./python-environment.ts";

/** The official client of the Open Inference Protocol, with both of its transports. */
const PACKAGE = "tritonclient[http,grpc]==2.73.0";

/** Runs a program of test/fixtures/inference-protocol with the official client; gives what it prints, as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into field by field
export async function runTriton(program: string, input: object): Promise<any> {
  const file = join(ROOT, "test", "fixtures", "inference-protocol", program);
  return JSON.parse(await runTritonPython(file, JSON.stringify(input)));
}

/** Runs a Python that has the official client; gives what it prints. */
export async function runTritonPython(...args: readonly string[]): Promise<string> {
  const how = { encoding: "utf8", timeout: 120_000, maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout } = await promisify(execFile)(makeEnvironment(PACKAGE), args, how);
  return stdout;
}
