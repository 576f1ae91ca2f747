import { join } from "node:path";
import { PREFIX, type Request, type Side } from "../harness/side.ts";
import type { Stage } from "../harness/stage.ts";
import type { RateOptions, RateResult } from "./constant-rate.ts";
import { startLoad } from "./talk.ts";

/** How a load at a constant rate goes; see `RateOptions`. */
export type Rate = Pick<RateOptions, "perS" | "connections" | "intervalS" | "intervals" | "isSpinning"> & {
  readonly warmS?: number;
  readonly isFirst?: boolean;
  /** What a side without a proxy wants in place of {@link PREFIX}. */
  readonly prefix?: string;
};

/** Sends a request at a constant rate; `seen` gets each interval's result as it comes. */
export async function sendAtRate(
  stage: Stage,
  side: Pick<Side, "port">,
  request: Request,
  rate: Rate,
  seen: (result: RateResult) => void = () => {},
): Promise<RateResult[]> {
  const { prefix = PREFIX, warmS = 1, ...rest } = rate;
  const { method, headers, body, path } = request;
  const options: RateOptions = {
    port: side.port,
    path: prefix + path,
    method,
    headers,
    body,
    warmS,
    ...rest,
  };
  const talk = startLoad(stage, join(import.meta.dirname, "constant-rate.ts"), options);
  const results: RateResult[] = [];
  for (;;) {
    const result = await talk.next<RateResult | null>();
    if (result === null) return results;
    results.push(result);
    seen(result);
  }
}

/** Requests a second that a side answers to this program at most. */
export async function capacityOf(
  stage: Stage,
  side: Side,
  request: Request,
  how: Pick<Rate, "connections" | "isSpinning">,
): Promise<number> {
  const rate = { ...how, perS: null, warmS: 2, intervalS: 2, intervals: 1 };
  const [result] = await sendAtRate(stage, side, request, rate);
  if (result!.failed > 0) throw new Error(`${result!.failed} requests through ${side.name} failed`);
  return result!.perS;
}
