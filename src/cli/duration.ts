import { Misuse } from "./cli-io.ts";

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/**
 * Seconds of `90s`, `30m`, `12h`, `7d`, or `0`.
 * @throws Misuse that names the option
 */
export function readSeconds(text: string, option: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (text === "0") return 0;
  if (number === undefined)
    throw new Misuse(`${option} takes a time such as 90s, 30m, 12h or 7d, not ${text}`);
  return Number(number) * SECONDS[unit as keyof typeof SECONDS];
}
