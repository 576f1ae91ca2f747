/**
 * Why this build does not act on a field, in words for whoever wrote it: after "has no effect here: ". Each field without effect has
 * one of these, its own or that of the block around it.
 */

/** Fields that only the reference's lists name (eas-reference §1.1, sources PS and LX). */
export const NAME_ONLY = "only its name is known; what EAS does with it is documented nowhere that is public";
export const NO_IMAGES =
  "images need a container runtime, and this build has none: programs run as processes of this machine";
export const ONE_MACHINE =
  "this installation is one machine, which has no machine types, zones, resource groups or prices to choose from";
export const NO_CLOUD_NETWORK =
  "this installation is in no cloud network; it uses the network of its machine";
export const NO_CLOUD_LOGS =
  "there is no log service; `sluice logs` and `sluice events` show what instances say";
export const NO_MOUNTS =
  "mounts need a container runtime, and this build has none; `model_path` and `processor_path` bring files";
export const NO_SCALERS =
  "scaling by load and by the clock is not in this build; `sluice scale` sets the number of instances";
export const NO_QUEUES = "queues are not in this build; requests are answered while the client waits";
export const NO_GPU_SHARES =
  "GPUs are given whole: the drivers of this machine's processes cannot part one by memory or compute";
export const NO_DEDICATED_GATEWAY =
  "all services of an installation share its gateway; its addresses are settings of the installation";
export const NO_UNITS = "an instance is one set of processes on one machine: it has no parts to tell apart";
export const NO_CONSOLE = "there is no console that would show it; it is kept with the document";
export const NO_SINK = "requests and answers are kept nowhere; a mirror can send copies of them to a service";
export const NO_PLATFORM_SWITCHES = "these are switches of EAS's platform, which has no part here";
