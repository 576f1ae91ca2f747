/** What one check found. */
export interface Finding {
  readonly name: string;
  /** `warning`: something works less well, or not every service does. `error`: Sluice, or this client, does not work. */
  readonly level: "ok" | "warning" | "error";
  readonly text: string;
  /** Commands, or what to do; empty when all is well. */
  readonly fixes: readonly string[];
}

export const ok = (name: string, text: string): Finding => ({ name, level: "ok", text, fixes: [] });
export const warning = (name: string, text: string, ...fixes: string[]): Finding => ({
  name,
  level: "warning",
  text,
  fixes,
});
export const error = (name: string, text: string, ...fixes: string[]): Finding => ({
  name,
  level: "error",
  text,
  fixes,
});
