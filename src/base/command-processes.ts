import {
  isSameProcess,
  isStartedWith,
  type LivingProcess,
  livingProcesses,
  type ProcessIdentity,
  readStartTicks,
} from "./process-identity.ts";

/** The variable that marks every process that a command has started, by the folder that it was started for. */
export const FOLDER_VARIABLE = "SLUICE_INSTANCE_DIR";

/**
 * All living processes that belong to a command: those of its session, whatever groups a shell made of them, and those that left
 * the session, as daemons do, but inherited the mark. `leader` began the session; it may be dead.
 */
export function processesOf(leader: ProcessIdentity | null, folder: string): LivingProcess[] {
  const mark = `${FOLDER_VARIABLE}=${folder}`;
  // Somebody else under the leader's pid: the number was free, so nothing is left of the session.
  const isOurs =
    leader !== null && (isSameProcess(leader) || readStartTicks(leader.pid) === null) ? leader : null;
  return livingProcesses().filter((p) => {
    if (p.pid === process.pid) return false;
    if (leader !== null && p.startTicks < leader.startTicks) return false;
    return (isOurs !== null && p.session === isOurs.pid) || isStartedWith(p.pid, mark);
  });
}
