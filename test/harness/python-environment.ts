import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./installation.ts";

/** A Python with `requirement` (`name==version`, with extras or without) and what goes with it, in a virtual environment that is made once and kept in .toolchain. */
export function makeEnvironment(requirement: string, ...others: string[]): string {
  const folder = join(ROOT, ".toolchain", requirement.replace(/\[.*\]/, "").replace("==", "-"));
  const python = join(folder, "bin", "python");
  if (existsSync(python)) return python;
  const draft = `${folder}.${process.pid}`;
  const run = (command: string, ...args: string[]) =>
    execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"], timeout: 240_000 });
  try {
    run(process.env.SLUICE_PYTHON ?? "python3", "-m", "venv", draft);
    run(join(draft, "bin", "python"), "-m", "pip", "install", "--quiet", requirement, ...others);
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  assert.ok(existsSync(python));
  return python;
}
