/** The value of `--name=…` or `--name …`, or the other one. A number that is none ends the program with the reason. */
export function numberOption(name: string, otherwise: number): number {
  const text = textOption(name);
  if (text === null) return otherwise;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  console.error(`--${name} is ${text}; it must be a number above 0`);
  process.exit(2);
}

/** The text behind `--name=`, or the argument behind `--name`; null when the option was not given. */
export function textOption(name: string): string | null {
  const prefix = `--${name}=`;
  const joined = process.argv.find((arg) => arg.startsWith(prefix))?.slice(prefix.length);
  const at = process.argv.indexOf(`--${name}`);
  return joined ?? (at === -1 ? null : (process.argv[at + 1] ?? null));
}

/** True when `--name` was given. */
export function hasFlag(name: string): boolean {
  return process.argv.includes(`--${name}`);
}
