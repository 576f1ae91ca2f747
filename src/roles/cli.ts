import { envOf, flagOf } from "../base/settings.ts";
import { EXIT } from "../cli/cli-io.ts";
import { runCli } from "../cli/main.ts";
import { processIo } from "../cli/process-io.ts";
import { type LocalVerb, textOption } from "../cli/verb.ts";
import { type AnySetting, SERVE_SETTINGS } from "./settings.ts";
import { VERSION } from "./version.ts";

const serve: LocalVerb = {
  name: "serve",
  summary: "start Sluice: the control process and its gateways",
  options: Object.values<AnySetting>(SERVE_SETTINGS).map((s) => ({
    flags: `${flagOf(s.name)} <${typeof s.defaultValue === "number" ? "n" : "text"}>`,
    text: `${s.text} [${envOf(s.name)}, default ${s.defaultText ?? s.defaultValue}]`,
  })),
  run: async (options) => {
    const { runServeRole } = await import("./serve.ts");
    return runServeRole((name) => textOption(options, name), process.env);
  },
};

const demo: LocalVerb = {
  name: "demo",
  summary: "show a canary release on real models, on a Sluice of its own",
  options: [
    { flags: "--exit", text: "check everything and end; 0 only if every share and every answer was right" },
  ],
  run: async (options) => {
    const { runDemoRole } = await import("./demo.ts");
    try {
      return await runDemoRole({ exitWhenDone: options.exit === true });
    } catch (error) {
      process.stderr.write(`[ERROR] the demo ended: ${(error as Error).message}\n`);
      return EXIT.failed;
    }
  },
};

/** Verbs of this process itself; docs/reference/cli.md lists them too. */
export const LOCAL_VERBS: readonly LocalVerb[] = [serve, demo];

/** The role of whoever types `sluice`. */
export async function runCliRole(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv, processIo(), { version: VERSION, locals: LOCAL_VERBS });
}
