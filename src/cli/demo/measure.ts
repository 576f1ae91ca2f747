import { DIFFERENCE_MAX } from "./held-out.ts";
import { liveTable } from "./live-table.ts";
import { type Demo, type Pair, say } from "./options.ts";
import { type DemoService, describe } from "./service.ts";
import { type Split, splitFaults, splitText } from "./split.ts";
import { emptyTally, rows, type Tally, total } from "./tally.ts";
import { type Connections, connections, sendRows, type Target } from "./traffic.ts";

const REQUEST_COUNT = 10_000;
/** Requests that go on while a split is changed: some seconds' worth on a slow machine. */
const CHANGE_REQUEST_COUNT = 2_000;
const CONNECTION_COUNT = 8;
const REDRAW_MS = 250;
const SETTLE_MS_MAX = 20_000;
/** Requests of one look whether the new split is there: two whole cycles of a split in percents. */
const SETTLE_REQUEST_COUNT = 200;

/** Makes a change while rows go through the group, and checks that every one of them was answered right. */
export async function changeUnderTraffic(demo: Demo, pair: Pair, change: () => Promise<void>): Promise<void> {
  const open = connections(CONNECTION_COUNT);
  const tally = emptyTally([pair.prod.name, pair.grey.name]);
  const count = Math.min(CHANGE_REQUEST_COUNT, demo.requestCount ?? REQUEST_COUNT);
  try {
    const traffic = sendRows(groupTarget(demo, pair), count, open, tally, demo.signal);
    // Both come to their end before the connections are closed, whichever of them fails.
    const outcomes = await Promise.allSettled([traffic, change()]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  } finally {
    open.close();
  }
  say(demo, "While it changed:");
  reportAnswers(demo, tally);
}

function groupTarget(demo: Demo, { prod, grey, groupToken }: Pair): Target {
  return {
    url: `${demo.gatewayUrl}/api/predict/${prod.group}`,
    token: groupToken,
    fallbackMember: "(no X-Sluice-Service)",
    models: { [prod.name]: prod.model, [grey.name]: grey.model },
    rows: demo.held,
  };
}

/** Waits until the split is in force, then sends the held-out rows through the group and checks shares and answers. */
export async function measure(demo: Demo, pair: Pair, split: Split): Promise<void> {
  const target = groupTarget(demo, pair);
  const workers = await gatewayWorkerCount(demo);
  const open = connections(CONNECTION_COUNT);
  const table = liveTable(demo.io);
  const tally = emptyTally(Object.keys(split));
  let redraw: NodeJS.Timeout | null = null;
  try {
    await settle(demo, target, split, workers, open);
    redraw = setInterval(() => table.draw(rows(tally)), REDRAW_MS);
    await sendRows(target, demo.requestCount ?? REQUEST_COUNT, open, tally, demo.signal);
  } finally {
    if (redraw !== null) clearInterval(redraw);
    open.close();
  }
  table.finish(rows(tally));
  const faults = [...splitFaults(tally, split, workers), ...(await weightFaults(demo, pair, split))];
  if (faults.length === 0) {
    say(demo, `[OK] The shares are ${splitText(split)}, ${exactnessText(split, workers)}`);
  }
  for (const fault of faults) say(demo, `[ERROR] ${fault}`);
  demo.faults.push(...faults);
  reportAnswers(demo, tally);
}

function exactnessText(split: Split, workers: number): string {
  if (Object.values(split).includes(100)) return "without one request astray";
  return workers === 1 ? "to one request" : `to one request for each of the ${workers} gateway workers`;
}

/** Each gateway worker that shares the address may be one request off the exact split. */
async function gatewayWorkerCount(demo: Demo): Promise<number> {
  const { Gateways: gateways } = await demo.api.call("ListGatewayWorkers", {});
  return gateways.filter((gateway) => gateway.IsListening).length;
}

/** Sends a little traffic until the split is the new one: gateways get it a moment after the command. */
async function settle(
  demo: Demo,
  target: Target,
  split: Split,
  workers: number,
  open: Connections,
): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    const tally = emptyTally(Object.keys(split));
    await sendRows(target, SETTLE_REQUEST_COUNT, open, tally, demo.signal);
    // Nothing may be lost while traffic moves, so these answers count too.
    if (tally.complaints.length > 0) return reportAnswers(demo, tally);
    if (splitFaults(tally, split, workers).length === 0) return;
    // Still not there: the measurement that follows will say what is wrong.
    if (performance.now() - startMs > (demo.settleMsMax ?? SETTLE_MS_MAX)) return;
  }
}

/** What `sluice ls` shows as WEIGHT must be the split. */
async function weightFaults(demo: Demo, { prod, grey }: Pair, split: Split): Promise<string[]> {
  const faults: string[] = [];
  for (const service of [prod, grey]) {
    const weight = (await describe(demo.api, service)).Weight;
    const expected = split[service.name];
    if (weight !== expected)
      faults.push(`ls shows WEIGHT ${weight} for ${service.name} instead of ${expected}`);
  }
  return faults;
}

function reportAnswers(demo: Demo, tally: Tally): void {
  if (tally.complaints.length === 0) {
    const largest = tally.largestDifference.toExponential(1);
    say(
      demo,
      `[OK] All ${total(tally)} answers are scikit-learn's to ${DIFFERENCE_MAX}; the largest difference is ${largest}`,
    );
    return;
  }
  const wrong = [...tally.members.values()].reduce((sum, member) => sum + member.wrong, 0);
  const fault = `${wrong} of ${total(tally)} answers were wrong, the first: ${tally.complaints[0]}`;
  say(demo, `[ERROR] ${fault}`);
  demo.faults.push(fault);
}

/** A member's own address answers, whatever its part in the group's traffic. */
export async function checkMemberAddress(demo: Demo, member: DemoService): Promise<void> {
  const url = `${demo.gatewayUrl}/api/predict/${member.group}.${member.name}`;
  const target: Target = {
    url,
    token: member.token,
    fallbackMember: member.name,
    models: { [member.name]: member.model },
    rows: demo.held,
  };
  const open = connections(1);
  const tally = emptyTally([member.name]);
  try {
    await sendRows(target, demo.held.length, open, tally, demo.signal);
  } finally {
    open.close();
  }
  say(demo, `Through its own address ${url}:`);
  reportAnswers(demo, tally);
}
