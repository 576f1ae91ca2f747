import type { Input } from "../api/operations.ts";
import { Misuse } from "./cli-io.ts";
import { listOption, textOption, type VerbOptions } from "./verb.ts";

type Body = Input<"UpdateServiceMirror">["body"];
type Compare = NonNullable<Body["Compare"]>;

/**
 * What the options of `mirror create` and `mirror update` ask for.
 * @throws Misuse when they make no sense
 */
export function mirrorBody(options: VerbOptions): Body {
  const target = textOption(options, "target");
  const ratio = textOption(options, "ratio");
  const compare = compareOf(options);
  if (ratio !== undefined && !/^\d{1,3}$/.test(ratio))
    throw new Misuse(`--ratio ${ratio}: a whole number from 0 to 100`);
  return {
    ...(ratio === undefined ? {} : { Ratio: Number(ratio) }),
    ...(target === undefined ? {} : { Target: namesOf(target) }),
    ...(compare === undefined ? {} : { Compare: compare }),
  };
}

const namesOf = (text: string) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");

function compareOf(options: VerbOptions): Compare | undefined {
  const mode = textOption(options, "compare") as Compare["Mode"] | undefined;
  const tolerance = textOption(options, "tolerance");
  const samples = textOption(options, "samples");
  const ignored = listOption(options, "ignore");
  if (mode === undefined) {
    if (tolerance !== undefined || samples !== undefined || ignored.length > 0)
      throw new Misuse("--tolerance, --ignore and --samples belong to --compare: name it, too");
    return undefined;
  }
  if (tolerance !== undefined && !/^\d*\.?\d+(e-\d+)?$/.test(tolerance))
    throw new Misuse(`--tolerance ${tolerance}: a number from 0 to below 1`);
  if (samples !== undefined && !/^\d{1,2}$/.test(samples))
    throw new Misuse(`--samples ${samples}: a whole number from 0 to 20`);
  return {
    Mode: mode,
    ...(tolerance === undefined ? {} : { Tolerance: Number(tolerance) }),
    ...(ignored.length === 0 ? {} : { IgnorePaths: [...ignored] }),
    ...(samples === undefined ? {} : { Samples: Number(samples) }),
  };
}
