import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 20;

/**
 * Waits until a condition holds, looking again every 20 ms.
 * @throws Error naming what was waited for, with `detail`, after `withinMs`
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 30_000,
  detail: () => string = () => "",
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited ${withinMs} ms in vain for ${what} ${detail()}`);
    await pause(POLL_MS);
  }
}
