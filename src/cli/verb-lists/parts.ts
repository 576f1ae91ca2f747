import type { VerbOption } from "../verb.ts";

/** Arguments and options that several lists have in common. */
export const service = { name: "<service>", text: "name of the service, or region/name" };
export const group = { name: "<group>", text: "name of the group" };
const timeout: VerbOption = {
  flags: "--timeout <seconds>",
  text: "give up waiting after so long; 600 unless told",
};
/** Of verbs that wait unless told. */
export const waiting: readonly VerbOption[] = [
  { flags: "--wait", text: "wait until it is so: as it is unless told" },
  { flags: "--no-wait", text: "return as soon as it was accepted" },
  timeout,
];
/** Of verbs whose change is in force, or needs no watching, when it is accepted. */
export const waitable: readonly VerbOption[] = [
  { flags: "--wait", text: "wait until the service is as it is wanted" },
  { flags: "--no-wait", text: "return as soon as it was accepted: as it is unless told" },
  timeout,
];
