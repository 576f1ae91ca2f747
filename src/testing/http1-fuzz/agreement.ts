import { isDeepStrictEqual } from "node:util";
import { assert } from "../../base/assert.ts";
import { differenceOf } from "../http1-differences.ts";
import { isMethodKnownToNode, readByCodec, readByNode } from "../http1-oracle.ts";

/** What our codec takes for requests, node:http must take for the same ones. True when there was something to compare. */
export async function checkAgreement(input: Buffer): Promise<boolean> {
  const { messages, refusal, restFrom, beforeUpgrade } = readByCodec(input);
  if (messages.length === 0 || messages.some((m) => !isMethodKnownToNode(m.method))) return false;
  const theirs = await readByNode([input]);
  // Behind a request that asks for an upgrade, node:http drops what came with it; an instance of ours is never asked.
  const isListed = differenceOf(refusal, input.toString("latin1", restFrom)) !== undefined;
  const isWhole = refusal === 0 && !isListed && beforeUpgrade === messages.length;
  const ours = messages.slice(0, beforeUpgrade);
  const told = `node:http read ${JSON.stringify(theirs)}, we ${JSON.stringify(ours)}`;
  assert(isDeepStrictEqual(ours, isWhole ? theirs : theirs.slice(0, ours.length)), told);
  return true;
}
