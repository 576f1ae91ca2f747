import { type Tally, total } from "./tally.ts";

/** Share of each member that a phase expects, in whole percents that sum to 100. */
export type Split = Readonly<Record<string, number>>;

/**
 * What is not as expected, for people; empty when the split is exact.
 *
 * A gateway worker shares by smooth weighted round-robin: any run of its requests gives a member of two within one
 * request of its exact share. The kernel hands connections to the workers, so the sum over all of them is
 * within one request for each worker; what is further off is a fault.
 */
export function splitFaults(tally: Tally, split: Split, gatewayWorkers: number): string[] {
  const all = total(tally);
  const faults: string[] = [];
  for (const { member, requests } of tally.members.values()) {
    const percent = split[member];
    if (percent === undefined) {
      faults.push(`${requests} requests were answered by ${member}, which has no share`);
      continue;
    }
    const expected = (all * percent) / 100;
    // Someone without a share may not get even one.
    const slack = percent === 0 || percent === 100 ? 0 : gatewayWorkers;
    if (Math.abs(requests - expected) > slack) {
      faults.push(
        `${member} answered ${requests} of ${all} requests; ${percent} % are ${expected} ± ${slack}`,
      );
    }
  }
  return faults;
}

/** `80/20`, in the order of the split. */
export function splitText(split: Split): string {
  return Object.values(split).join("/");
}
