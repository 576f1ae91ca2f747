/** What the values of settings may be: each reads a text, or says what is allowed. */
import { isIPv4 } from "node:net";
import { SettingProblem } from "../base/settings.ts";
import { isName } from "../core/names.ts";

/** Longest host name or address that is accepted (RFC 1035 §2.3.4). */
const HOST_CHARS_MAX = 253;

export function host(text: string): string | SettingProblem {
  return /^[0-9a-zA-Z.:_-]+$/.test(text) && text.length <= HOST_CHARS_MAX
    ? text
    : new SettingProblem("an IP address or a host name");
}

export function ownAddress(text: string): string | SettingProblem {
  return isIPv4(text) && text !== "0.0.0.0"
    ? text
    : new SettingProblem(
        "an IPv4 address of this machine that clients can reach; not 0.0.0.0, as it is told to them",
      );
}

export function region(text: string): string | SettingProblem {
  return isName(text) ? text : new SettingProblem("lower-case letters, digits, - and _, 1 to 63 of them");
}

export function logLevel(text: string): string | SettingProblem {
  const levels = ["debug", "info", "warn", "error"];
  return levels.includes(text) ? text : new SettingProblem(levels.join(", "));
}

export function accessLog(text: string): number | null | SettingProblem {
  if (text === "off") return null;
  const share = Number(text);
  return /^[\d.]+$/.test(text) && share > 0 && share <= 1
    ? share
    : new SettingProblem("off, or a number above 0 to 1, e.g. 0.01");
}

export function cgroups(text: string): string | SettingProblem {
  const isPath = /^\/[\w.@:/-]*$/.test(text) && !text.split("/").includes("..");
  return text === "auto" || text === "off" || isPath
    ? text
    : new SettingProblem("auto, off, or a path that begins with /");
}

export function store(text: string): string | null | SettingProblem {
  if (text === "home") return null;
  return /^(postgres(ql)?:\/\/|file:\/)/.test(text)
    ? text
    : new SettingProblem(
        "home, postgres://user@host:port/database, or file:/path of a file that holds such a line",
      );
}

export function autoOrAbove0(text: string): number | null | SettingProblem {
  if (text === "auto") return null;
  const amount = Number(text);
  return /^[\d.]+$/.test(text) && amount > 0 ? amount : new SettingProblem("auto, or a number above 0");
}

export function onOrOff(text: string): boolean | SettingProblem {
  return text === "on" || text === "off" ? text === "on" : new SettingProblem("on, off");
}
