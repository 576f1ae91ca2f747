import { EXIT, Misuse } from "../cli-io.ts";
import { SCRIPTS, SHELLS } from "../completion/scripts.ts";
import type { VerbRun } from "../verb.ts";

/** `source <(sluice completion bash)` */
export const run: VerbRun = async (session, [shell]) => {
  const known = SHELLS.find((s) => s === shell);
  if (known === undefined) throw new Misuse(`${shell}: one of ${SHELLS.join(", ")}`);
  session.tell({ Shell: known, Script: SCRIPTS[known] }, () => SCRIPTS[known]);
  return EXIT.done;
};
