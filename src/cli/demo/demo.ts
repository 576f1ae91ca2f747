import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { addressesText } from "./addresses.ts";
import { readHeldOut } from "./held-out.ts";
import { changeUnderTraffic, checkMemberAddress, measure } from "./measure.ts";
import { type Demo, type DemoOptions, type Pair, say } from "./options.ts";
import { type Created, createFrom, type DemoService, release, waitUntilRunning } from "./service.ts";

/**
 * Shows the canary walk-through on a Sluice that runs: two models behind one address, traffic split by instances, by
 * weight, and taken off a service. Checks every answer and every share.
 * @returns 0 when all of them were right, else 1
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { io, signal, exampleDir } = options;
  try {
    const held = readHeldOut(await readFile(join(exampleDir, "held-out.jsonl"), "utf8"));
    const demo: Demo = { ...options, held, faults: [] };
    const first = await instancesPhase(demo);
    await weightPhase(demo, first);
    const second = await standalonePhase(demo);
    io.write(`\n${verdictText(demo.faults)}\n`);
    if (!options.exitWhenDone) {
      io.write(addressesText(options, [first, second]));
      await untilAborted(signal);
    }
    return demo.faults.length === 0 ? 0 : 1;
  } catch (error) {
    const text = signal.aborted
      ? "stopped before the end"
      : error instanceof Error
        ? error.message
        : String(error);
    io.write(`\n[ERROR] The demo failed: ${text}\n`);
    return 1;
  }
}

/** 4 and 1 instances: 80/20. */
async function instancesPhase(demo: Demo): Promise<Pair> {
  heading(demo, "1. Two models behind one address");
  say(
    demo,
    "What this proves: a group shares its traffic by the instances that are ready, exactly, not on average.",
  );
  const pair = await createPair(demo, null);
  await measure(demo, pair, { [pair.prod.name]: 80, [pair.grey.name]: 20 });
  return pair;
}

/** Blue-green at 27 percent: 73/27. */
async function weightPhase(demo: Demo, pair: Pair): Promise<void> {
  const { prod, grey } = pair;
  heading(demo, "2. More traffic for the canary");
  say(
    demo,
    "What this proves: one command moves traffic by percent, whatever the instance counts, and loses no request.",
  );
  say(demo, `$ ${demo.command} release ${grey.name} -w 27`);
  await changeUnderTraffic(demo, pair, async () => {
    await release(demo.api, grey, { Weight: 27 });
    say(demo, `[OK] Service [${grey.name}] is weighted to 27% now`);
  });
  await measure(demo, pair, { [prod.name]: 73, [grey.name]: 27 });
}

/** A fresh pair, because blue-green and grouping exclude each other: 50/50, then 100/0. */
async function standalonePhase(demo: Demo): Promise<Pair> {
  heading(demo, "3. The canary out of the traffic");
  say(
    demo,
    "What this proves: a standalone member gets nothing through the group and still answers at its own address.",
  );
  say(demo, "(A fresh pair: a group with percents, as above, takes no traffic states.)");
  const pair = await createPair(demo, { suffix: "2", instanceCount: 1 });
  const { prod, grey } = pair;
  await measure(demo, pair, { [prod.name]: 50, [grey.name]: 50 });
  say(demo, `$ ${demo.command} release ${grey.name} -s standalone`);
  await changeUnderTraffic(demo, pair, async () => {
    await release(demo.api, grey, { TrafficState: "standalone" });
    say(demo, `[OK] Service [${grey.name}] has entered the traffic state: standalone`);
  });
  await measure(demo, pair, { [prod.name]: 100, [grey.name]: 0 });
  await checkMemberAddress(demo, grey);
  return pair;
}

/** How a second pair differs from the example's files. */
interface Fresh {
  /** Put after the names of services and group. */
  readonly suffix: string;
  readonly instanceCount: number;
}

/** Creates the example's two services, both at once, and waits until they run. */
async function createPair(demo: Demo, fresh: Fresh | null): Promise<Pair> {
  const { api, exampleDir } = demo;
  const create = async (name: string) => {
    const file = `${name}.json`;
    const path = relative(process.cwd(), join(exampleDir, file));
    if (fresh === null) {
      say(demo, `$ ${demo.command} create ${path}`);
      return createFrom(api, exampleDir, file, {});
    }
    const { suffix, instanceCount } = fresh;
    say(
      demo,
      `$ ${demo.command} create ${path}   # as ${name}${suffix} in pmml${suffix}, ${instanceCount} instance`,
    );
    return createFrom(api, exampleDir, file, { name: name + suffix, group: `pmml${suffix}`, instanceCount });
  };
  const [prod, grey] = await bothRunning(demo, [await create("pmml_prod"), await create("pmml_grey")]);
  const path = { ClusterId: prod.region, GroupName: prod.group };
  const { AccessToken: groupToken } = await api.call("DescribeGroup", { path });
  return { prod, grey, groupToken };
}

/** Waits for two services side by side; when one fails, the wait for the other ends too. */
async function bothRunning(
  demo: Demo,
  [prod, grey]: [Created, Created],
): Promise<[DemoService, DemoService]> {
  const failed = new AbortController();
  const signal = AbortSignal.any([demo.signal, failed.signal]);
  try {
    return await Promise.all([
      waitUntilRunning(demo.api, prod, demo.io, signal),
      waitUntilRunning(demo.api, grey, demo.io, signal),
    ]);
  } finally {
    failed.abort();
  }
}

function verdictText(faults: readonly string[]): string {
  if (faults.length === 0) return "[OK] Every share and every answer was right";
  return ["[ERROR] Not as promised:", ...faults.map((fault) => `  - ${fault}`)].join("\n");
}

const heading = (demo: Demo, text: string) => demo.io.write(`\n${text}\n${"-".repeat(text.length)}\n`);

/** A timer holds the process up; an event alone would let it end. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await sleep(3_600_000, undefined, { signal }).catch(() => {});
}
