/** What a client saw of one member of a group. */
export interface MemberTally {
  readonly member: string;
  requests: number;
  /** Answers that were not scikit-learn's, or no answer at all. */
  wrong: number;
  /** Of every request, in ms, in the order they ended. */
  readonly latenciesMs: number[];
}

/** What a client saw of a group; grows while traffic runs. */
export interface Tally {
  readonly members: Map<string, MemberTally>;
  /** Largest distance between a probability in an answer and scikit-learn's. */
  largestDifference: number;
  /** What was wrong, for people; only the first few, so that a broken group does not fill the memory. */
  readonly complaints: string[];
}

/** Complaints kept of one run of traffic. */
const COMPLAINTS_MAX = 5;

/** One line of the table. */
export interface TallyRow {
  readonly member: string;
  readonly requests: number;
  /** Of all requests, 0 to 1; 0 when there were none. */
  readonly share: number;
  /** In ms; null without requests. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly wrong: number;
}

/** A tally that names these members from the start, so that one without traffic is seen to have none. */
export function emptyTally(members: readonly string[]): Tally {
  const entries = members.map((member) => [member, emptyMember(member)] as const);
  return { members: new Map(entries), largestDifference: 0, complaints: [] };
}

const emptyMember = (member: string): MemberTally => ({ member, requests: 0, wrong: 0, latenciesMs: [] });

/** One answer: who gave it, after how many ms, how far it was off, and what was wrong with it, if anything. */
export interface Answer {
  readonly member: string;
  readonly latencyMs: number;
  readonly difference: number;
  readonly complaint: string | null;
}

/** Counts one answer; a member that was not expected gets a line of its own. */
export function record(tally: Tally, answer: Answer): void {
  const member = tally.members.get(answer.member) ?? emptyMember(answer.member);
  tally.members.set(answer.member, member);
  member.requests += 1;
  member.latenciesMs.push(answer.latencyMs);
  tally.largestDifference = Math.max(tally.largestDifference, answer.difference);
  if (answer.complaint === null) return;
  member.wrong += 1;
  if (tally.complaints.length < COMPLAINTS_MAX) tally.complaints.push(answer.complaint);
}

/** Smallest value that at least `percent` (0 to 100) of the values are not above: the nearest rank. Null for none. */
export function percentile(values: readonly number[], percent: number): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? null;
}

/** All requests of a tally. */
export function total(tally: Tally): number {
  return [...tally.members.values()].reduce((sum, member) => sum + member.requests, 0);
}

/** The lines of the table, in the order the members became known. */
export function rows(tally: Tally): TallyRow[] {
  const all = total(tally);
  return [...tally.members.values()].map((member) => ({
    member: member.member,
    requests: member.requests,
    share: all === 0 ? 0 : member.requests / all,
    p50Ms: percentile(member.latenciesMs, 50),
    p99Ms: percentile(member.latenciesMs, 99),
    wrong: member.wrong,
  }));
}
