import { PREFIX, type Side, TOKEN } from "./side.ts";
import { eventually } from "./stage.ts";

/** How many requests show the split, and how far the part of the larger member may be from 80 % (4 standard deviations). */
const ASKED = 400;
const OFF_MAX = 0.08 * ASKED;

/** What the upstream's `/seen` tells of the request that came to it. */
interface Seen {
  readonly path: string;
  readonly authorization: string;
  readonly requestId: string;
  readonly for: string;
  readonly proto: string;
  readonly host: string;
}

/** For a suite whose upstream streams: the side refuses a wrong token. The rest of the job is the same configuration. */
export async function proveToken(side: Side): Promise<void> {
  const url = `http://127.0.0.1:${side.port}${PREFIX}/stream`;
  const answer = await eventually(() => fetch(url, { headers: { authorization: "wrong" } }), side.name);
  if (answer.status !== 401) throw new Error(`${side.name} lets a wrong token in`);
}

/**
 * A side does the job: it refuses a wrong token, takes the prefix and the token off, puts request id and X-Forwarded-* on, and splits
 * about 80 to 20. Throws at the first thing that it does not do. Answers with the split found.
 */
export async function prove(side: Side): Promise<string> {
  const url = `http://127.0.0.1:${side.port}${PREFIX}`;
  const ask = (path: string, token: string) =>
    fetch(url + path, { method: "POST", body: "[]", headers: { authorization: token } });
  const wants = (isSo: boolean, what: string) => {
    if (!isSo) throw new Error(`${side.name} does not do the job: ${what}`);
  };
  await eventually(() => ask("/seen", TOKEN), side.name);
  wants((await ask("/seen", "wrong")).status === 401, "a wrong token comes in");
  wants((await ask("/seen", `Bearer ${TOKEN}`)).status === 200, "a Bearer token does not open it");
  const seen = (await (await ask("/seen?q=1", TOKEN)).json()) as Seen;
  const again = (await (await ask("/seen", TOKEN)).json()) as Seen;
  wants(seen.path === "/seen?q=1", `the upstream is asked for ${seen.path}`);
  wants(seen.authorization === "", "the token goes to the upstream");
  wants(seen.requestId.length >= 16 && seen.requestId !== again.requestId, "no request id of its own");
  wants(seen.for === "127.0.0.1" && seen.proto === "http", "X-Forwarded-For or -Proto is missing");
  wants(seen.host === `127.0.0.1:${side.port}`, "X-Forwarded-Host is missing");
  let prod = 0;
  for (let i = 0; i < ASKED; i++) {
    const answer = await ask("/rest", TOKEN);
    wants((await answer.text()).includes("probability"), `it answers ${answer.status}`);
    if (answer.headers.get("x-sluice-service") === "prod") prod++;
  }
  wants(Math.abs(prod - 0.8 * ASKED) <= OFF_MAX, `${prod} of ${ASKED} to the member with 80 %`);
  return `${side.name}: does the job, ${prod} of ${ASKED} to the member with 80 %`;
}
