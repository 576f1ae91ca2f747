import { isDeepStrictEqual } from "node:util";
import { assert } from "../../base/assert.ts";
import { isMethodKnownToNode, readByCodec, readByNode } from "../http1-oracle.ts";

/** What our codec takes for requests, node:http must take for the same ones. True when there was something to compare. */
export async function checkAgreement(input: Buffer): Promise<boolean> {
  const ours = readByCodec(input);
  if (ours.messages.length === 0 || ours.messages.some((m) => !isMethodKnownToNode(m.method))) return false;
  const theirs = await readByNode([input]);
  const compared = ours.refusal === 0 ? theirs : theirs.slice(0, ours.messages.length);
  const told = `node:http read ${JSON.stringify(theirs)}, we ${JSON.stringify(ours.messages)}`;
  assert(isDeepStrictEqual(ours.messages, compared), told);
  return true;
}
