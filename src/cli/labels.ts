import { Misuse } from "./cli-io.ts";

/** `key=value`, several times, as one map. `option`: by which they were given. */
export function readLabels(texts: readonly string[], option = "--label"): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const at = text.indexOf("=");
      if (at <= 0) throw new Misuse(`${option} ${text}: write it as key=value`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}
