/** One setting: from it come the flag, the environment name, `--help`, and the reference page. */
export interface Setting<T> {
  readonly name: string;
  /** Shown in `--help`. */
  readonly text: string;
  readonly defaultValue: T;
  /** How the default is written where it depends on the machine. */
  readonly defaultText?: string;
  /** A value of the wrong form is not repeated. */
  readonly isSecret?: true;
  /** Says what is wrong with the text, or gives the value. */
  readonly parse: (text: string) => T | SettingProblem;
}

export class SettingProblem {
  readonly allowed: string;
  constructor(allowed: string) {
    this.allowed = allowed;
  }
}

/** Flag of a setting: `apiPort` → `--api-port`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/** Environment name of a setting: `apiPort` → `SLUICE_API_PORT`. */
export function envOf(name: string): string {
  return `SLUICE_${name.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase()}`;
}

/** A whole number from `min` to `max`, both allowed. */
export function wholeNumber(min: number, max: number): (text: string) => number | SettingProblem {
  return (text) => {
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max
      ? value
      : new SettingProblem(`a whole number from ${min} to ${max}`);
  };
}

/** Any text but the empty one. */
export function nonEmptyText(text: string): string | SettingProblem {
  return text === "" ? new SettingProblem("a text that is not empty") : text;
}

/**
 * Value of one setting: flag beats environment beats default.
 * @throws Error naming the flag or variable, what was found, and what is allowed
 */
export function readSetting<T>(setting: Setting<T>, flag: string | undefined, env: NodeJS.ProcessEnv): T {
  const source = flag !== undefined ? flagOf(setting.name) : envOf(setting.name);
  const text = flag ?? env[envOf(setting.name)];
  if (text === undefined) return setting.defaultValue;
  const value = setting.parse(text);
  if (value instanceof SettingProblem) {
    const found = setting.isSecret === true ? "something else" : JSON.stringify(text);
    throw new Error(`${source}: found ${found}, allowed: ${value.allowed}`);
  }
  return value;
}
