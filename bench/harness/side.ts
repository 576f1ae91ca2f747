/** One of those that are compared: a proxy, or the way without one. */
export interface Side {
  readonly name: string;
  /** On the loopback. */
  readonly port: number;
  /** Its processes now. */
  pids(): readonly number[];
}

/** The token of the group that every proxy guards; base64 as EAS tokens are. */
export const TOKEN = "Z3JvdXA=";
/** Every request goes below this, as an official SDK would send it; proxies take it off. */
export const PREFIX = "/api/predict/pmml";
/** A request of 40 bytes of JSON. */
export const SMALL_BODY = '[{"sepal":5.1,"petal":1.4,"width":0.2}]\n';

/** What a load sends, again and again. */
export interface Request {
  readonly method: "GET" | "POST";
  /** Behind {@link PREFIX}. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty for none. */
  readonly body: string;
}

/** The small request of most suites. */
export const SMALL: Request = {
  method: "POST",
  path: "/rest",
  headers: { "Content-Type": "application/json", Authorization: TOKEN },
  body: SMALL_BODY,
};

/** A turn that warms up is at least so many seconds long: Node compiles what is hot in the first ones. */
const WARM_S_MIN = 3;

/**
 * Every side has its turn in each round, in rotated order, so that no side has the better place. The first round warms up: connections are
 * made, code is compiled.
 */
export async function inTurns<S, R>(
  sides: readonly S[],
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
  measure: (side: S, seconds: number) => Promise<R>,
): Promise<Map<S, R[]>> {
  const found = new Map(sides.map((side) => [side, [] as R[]]));
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < sides.length; i++) {
      const side = sides[(round + i) % sides.length]!;
      const outcome = await measure(side, round === 0 ? Math.max(seconds, WARM_S_MIN) : seconds);
      if (round > 0) found.get(side)!.push(outcome);
    }
  }
  return found;
}
