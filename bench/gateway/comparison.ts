import type { Row, Verdict } from "../harness/outcome.ts";
import { atMost } from "../harness/outcome.ts";
import { inTurns, type Request, type Side } from "../harness/side.ts";
import type { Stage } from "../harness/stage.ts";
import { median, ratios, spread } from "../harness/statistics.ts";
import { isCounting, measureByWrk, type Turn } from "../harness/wrk.ts";

/** Sides under the same load in turns: CPU per request, ratios, percentiles. */
export class Comparison {
  readonly #turns: ReadonlyMap<Side, readonly Turn[]>;

  private constructor(turns: ReadonlyMap<Side, readonly Turn[]>) {
    this.#turns = turns;
  }

  /** `requestOf` is asked where sides get requests that differ. */
  static async run(
    stage: Stage,
    sides: readonly Side[],
    load: {
      readonly request: Request | ((side: Side) => Request);
      readonly connections: number;
      readonly rounds: number;
      readonly seconds: number;
    },
  ): Promise<Comparison> {
    const { request, connections } = load;
    const requestOf = typeof request === "function" ? request : () => request;
    return new Comparison(
      await inTurns(sides, load, (side, seconds) =>
        measureByWrk(stage, side, { request: requestOf(side), connections, seconds }),
      ),
    );
  }

  /** CPU of one side by that of another, turn by turn; empty when one of them is not there. */
  cpuRatios(name: string, base: string): number[] {
    const of = (side: string) => this.#of(side).map(({ cpuUs }) => cpuUs);
    const [values, bases] = [of(name), of(base)];
    return bases.length === 0 ? [] : ratios(values, bases);
  }

  /** CPU of a side above that of another in µs per request, turn by turn. */
  cpuAdded(name: string, base: string): number[] {
    const bases = this.#of(base);
    return this.#of(name).map(({ cpuUs }, i) => cpuUs - bases[i]!.cpuUs);
  }

  /** The bar on the CPU of a side against that of another. */
  ratioBar(name: string, base: string, most: number, where = ""): Verdict {
    return atMost(
      `CPU of ${name} at most ${most} × ${base}${where}`,
      median(this.cpuRatios(name, base)),
      most,
    );
  }

  /** The bar on user instructions per request; open where nobody can count them. */
  instructionBar(name: string, mostKi: number): Verdict {
    const bar = `${name}: at most ${mostKi} k instructions in user mode per request`;
    if (!isCounting) return { bar, found: "perf cannot count instructions on this machine", isMet: null };
    return atMost(bar, median(this.#of(name).map(({ userKi }) => userKi)), mostKi, 1);
  }

  /** One line for each side; ratios against the sides named in `bases`, where they are. */
  rows(bases: readonly string[], first: Row = {}): Row[] {
    return [...this.#turns].map(([{ name }, turns]) => {
      const over = (key: keyof Turn, scale = 1) => turns.map((turn) => turn[key] / scale);
      const against = bases
        .filter((base) => this.#of(base).length > 0)
        .map((base) => [`vs ${base}`, spread(this.cpuRatios(name, base), 2)]);
      return {
        ...first,
        side: name,
        "CPU µs/req": spread(over("cpuUs"), 1),
        ...Object.fromEntries(against),
        ...(isCounting && {
          "k instr user": median(over("userKi")).toFixed(1),
          "k instr kernel": median(over("kernelKi")).toFixed(1),
        }),
        "req/s": median(over("requestsPerS")).toFixed(0),
        "p50 ms": median(over("p50Us", 1000)).toFixed(2),
        "p90 ms": median(over("p90Us", 1000)).toFixed(2),
        "p99 ms": median(over("p99Us", 1000)).toFixed(2),
        "RSS MB": median(over("residentKib", 1024)).toFixed(0),
      };
    });
  }

  /** Every turn, for the file. */
  raw(): Record<string, readonly Turn[]> {
    return Object.fromEntries([...this.#turns].map(([{ name }, turns]) => [name, turns]));
  }

  #of(name: string): readonly Turn[] {
    return [...this.#turns].find(([side]) => side.name === name)?.[1] ?? [];
  }
}
