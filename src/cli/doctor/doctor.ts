import { dirname, join, resolve } from "node:path";
import type { Session } from "../session.ts";
import { checkClock } from "./clock.ts";
import type { Finding } from "./finding.ts";
import { checkConfig, checkHome, checkPorts, checkServer } from "./installation.ts";
import type { Machine } from "./machine.ts";
import {
  checkCompiler,
  checkDocker,
  checkJava,
  checkNode,
  checkPython,
  checkRegistries,
} from "./programs.ts";
import { checkCgroups, checkDisk, checkLimits, checkMemory } from "./resources.ts";

/** Looks at everything that Sluice needs of this machine, and changes nothing. */
export async function examine(
  session: Session,
  machine: Machine,
  options: { readonly asksRegistries: boolean },
): Promise<Finding[]> {
  const { env, cwd, homeDir } = session.io;
  const home =
    session.options.config === undefined
      ? resolve(cwd, env.SLUICE_HOME || join(homeDir, ".sluice"))
      : dirname(session.configPath);
  const { finding: config, place } = checkConfig(session);
  const isAddressed = place !== null || config.level === "ok";
  const programs = await Promise.all([
    checkPython(machine, env),
    checkJava(machine, env),
    checkCompiler(machine),
    checkDocker(machine),
    ...(options.asksRegistries ? [checkRegistries(machine, env)] : []),
  ]);
  return [
    checkNode(machine, session.about.node),
    ...programs,
    ...(await checkPorts(machine, place)),
    checkDisk(machine, home),
    checkMemory(machine),
    ...checkLimits(machine),
    checkCgroups(machine),
    await checkClock(machine, session.io),
    ...checkHome(machine, home),
    config,
    ...(isAddressed ? await checkServer(machine, session) : []),
  ];
}
