import { assert } from "../../base/assert.ts";

/** A package of a certain range of versions, as the table of ready-made processors names it: `torch>=1.13,<3`. */
export interface AcceptedPackage {
  /** As PEP 503 compares names. */
  readonly name: string;
  /** At least this. */
  readonly from: string;
  /** Below this. */
  readonly below: string;
}

/** @throws AssertionError for anything but `name>=a,<b` */
export function acceptedPackage(text: string): AcceptedPackage {
  const [, name, from, below] = /^([a-z0-9-]+)>=([0-9.]+),<([0-9.]+)$/.exec(text) ?? [];
  assert(name !== undefined && from !== undefined && below !== undefined, `${text} is name>=a,<b`);
  return { name, from, below };
}

/**
 * Whether a version (PEP 440) is in the range. Only the numbers of its release count: distributions build a release as `1.13.0a0+git`.
 * @returns false for what is no version
 */
export function isAccepted(version: string, { from, below }: AcceptedPackage): boolean {
  const release = /^v?(?:\d+!)?(\d+(?:\.\d+)*)/.exec(version)?.[1];
  return release !== undefined && compare(release, from) >= 0 && compare(release, below) < 0;
}

function compare(a: string, b: string): number {
  const [left, right] = [a, b].map((v) => v.split(".").map(Number)) as [number[], number[]];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const difference = (left[at] ?? 0) - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
