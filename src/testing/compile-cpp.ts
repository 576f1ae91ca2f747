import { execFileSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const HEADERS = fileURLToPath(new URL("../../processors/cpp/include", import.meta.url));

/** Makes `x.so` beside `x.cpp`, as the guide says it; with the header, so that the signatures are checked. */
export function compileCpp(source: string, ...options: readonly string[]): string {
  const library = source.replace(/\.cpp$/, ".so");
  const args = ["-O1", "-shared", "-fPIC", `-I${HEADERS}`, "-o", library, source, ...options];
  execFileSync(process.env.CXX ?? "g++", args, { cwd: dirname(source), stdio: "inherit" });
  return library;
}
