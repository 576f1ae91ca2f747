import { join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

/** The interpreter of a virtual environment. */
export const pythonOf = (folder: string): string => join(folder, "bin", "python");

/** What `bin/activate` of a virtual environment would set: its programs come first. */
export function inEnvironment(env: Environment, folder: string): Record<string, string | undefined> {
  const { PYTHONHOME: _elsewhere, ...rest } = env;
  const path = [join(folder, "bin"), env.PATH].filter(Boolean).join(":");
  return { ...rest, PATH: path, VIRTUAL_ENV: folder };
}
