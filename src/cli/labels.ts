import { Misuse } from "./cli-io.ts";

/** `key=value`, several times, as one map. */
export function readLabels(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at <= 0) throw new Misuse(`--label ${text}: write it as key=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
