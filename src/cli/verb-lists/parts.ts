import type { VerbOption } from "../verb.ts";

/** Arguments and options that several lists have in common. */
export const service = { name: "<service>", text: "name of the service, or region/name" };
export const group = { name: "<group>", text: "name of the group" };
export const waiting: readonly VerbOption[] = [
  { flags: "--no-wait", text: "return as soon as it was accepted" },
  { flags: "--timeout <seconds>", text: "give up waiting after so long; 600 unless told" },
];
