import { statSync } from "node:fs";
import { dirname } from "node:path";
import { FOLDER_VARIABLE } from "../../base/command-processes.ts";
import type { CommandSpec, InstanceSpec } from "../../core/instance-spec.ts";
import { inEnvironment } from "../python-environment.ts";
import { THREAD_COUNTS } from "../worker-command.ts";

/** How the program of an instance is started. */
export interface CommandLine {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
}

/** Sets the limit of data memory in KiB, then becomes the program (RLIMIT_DATA, as for a processor worker). */
const LIMITED = 'ulimit -d "$0" || exit 126; exec "$@"';
/** Where a control group holds the memory: the same, without a limit. */
const HELD = 'exec "$@"';

/**
 * The program with its limits, its environment and the folder it runs in: that of `processor_path`, else of the model, else the
 * instance's own. Variables of the spec stand in the environment only, never in a command line, which everybody on the machine can read.
 * @param inherited our own environment
 * @throws Error for people, when the folder is not there
 */
export function commandLine(
  spec: InstanceSpec,
  command: CommandSpec,
  { port, folder, inherited }: { port: number; folder: string; inherited: CommandLine["env"] },
): CommandLine {
  const threads = String(Math.max(1, Math.ceil(spec.limits.cpu)));
  const env: Record<string, string | undefined> = { ...inherited };
  delete env.NODE_COMPILE_CACHE; // that of Sluice itself
  for (const name of THREAD_COUNTS) env[name] = threads;
  for (const { name, value } of command.env) env[name] = value;
  const given = {
    SLUICE_MODEL_PATH: spec.model.path,
    SLUICE_MODEL_ENTRY: spec.model.entry,
    SLUICE_MODEL_CONFIG: spec.model.config,
  };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) delete env[name];
    else env[name] = value;
  }
  env.PORT = env.SLUICE_PORT = String(port);
  env.SLUICE_SERVICE = spec.service;
  env.SLUICE_INSTANCE = spec.id;
  env[FOLDER_VARIABLE] = folder;
  const dataKib = String(spec.limits.memoryMb * 1024);
  return {
    file: "/bin/sh",
    args: ["-c", spec.limits.isMemoryHeld === true ? HELD : LIMITED, dataKib, ...command.argv],
    env: spec.environmentPath === undefined ? env : inEnvironment(env, spec.environmentPath),
    cwd: workFolder(command.dir ?? folder),
  };
}

function workFolder(path: string): string {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Error(`the folder ${path} that the command shall run in is not there`);
  return stat.isDirectory() ? path : dirname(path);
}
