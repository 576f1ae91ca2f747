import { envOf, flagOf } from "../base/settings.ts";
import { EXIT } from "../cli/cli-io.ts";
import { runCli } from "../cli/main.ts";
import { processIo } from "../cli/process-io.ts";
import { type LocalVerb, textOption } from "../cli/verb.ts";
import { type AnySetting, SERVE_SETTINGS } from "./settings.ts";
import { NODE_VERSIONS, VERSION } from "./version.ts";

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

const test: LocalVerb = {
  name: "test",
  args: [{ name: "<file>", text: "a service.json" }],
  summary:
    "run one instance of a service here, with its logs, until Ctrl-C; without a server, and nothing is left of it",
  options: [
    { flags: "--port <n>", text: "port to serve at on 127.0.0.1; a free one unless told" },
    {
      flags: "--request <file>",
      text: "send the file as a request as soon as it is ready, print the answer and end; may be repeated",
      isRepeatable: true,
    },
    { flags: "-d, --data <data>", text: "the same with a body; @file reads a file, @- standard input" },
    { flags: "--get", text: "the same with a GET" },
    { flags: "--path <rest>", text: "of the request: goes on after the name in the URL" },
    {
      flags: "-H, --header <name:value>",
      text: "of the request: a header; may be repeated",
      isRepeatable: true,
    },
    { flags: "--timeout <seconds>", text: "give up when it is not ready after so long; 600 unless told" },
  ],
  run: async (options, [file]) => {
    const { runTestRole } = await import("./test-run.ts");
    return runTestRole(file!, options, processIo());
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
export const LOCAL_VERBS: readonly LocalVerb[] = [serve, test, demo];

/** The role of whoever types `sluice`. */
export async function runCliRole(argv: readonly string[]): Promise<void> {
  process.exitCode = await runCli(argv, processIo(), {
    version: VERSION,
    node: NODE_VERSIONS,
    locals: LOCAL_VERBS,
  });
}
