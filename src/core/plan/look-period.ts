/** Longest time between two looks at a service: hints may be lost. */
const PERIOD_MS = 10_000;
/** With more than 500 services each is looked at less often, so that looks for nothing stay at 50 a second, some 1 % of a core … */
const LOOK_EVERY_MS = 20;
/** … but as often as this. */
const PERIOD_MS_MAX = 60_000;

/** How long a service may go without a look, in ms, where there are so many. */
export const lookPeriodMs = (serviceCount: number): number =>
  Math.min(PERIOD_MS_MAX, Math.max(PERIOD_MS, serviceCount * LOOK_EVERY_MS));
