import type { IncomingMessage } from "node:http";
import { ServingError } from "../core/errors.ts";

/**
 * Reads a request's body as text. What is over the limit is counted and thrown away, up to a second limit, so that
 * a client gets to see the answer.
 * `check` may refuse the bytes.
 * @throws ServingError BODY_TOO_LARGE, INVALID_JSON (not UTF-8), BAD_REQUEST (broke off)
 */
export async function readBody(
  request: IncomingMessage,
  limits: { readonly bytesMax: number; readonly discardBytesMax: number },
  check: (bytes: Uint8Array) => void,
): Promise<string> {
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    const tooLarge = () => reject(new ServingError("BODY_TOO_LARGE", { limitBytes: limits.bytesMax }));
    const chunks: Buffer[] = [];
    let total = 0;
    request.on("data", (chunk: Buffer) => {
      total += chunk.length;
      if (total <= limits.bytesMax) chunks.push(chunk);
      else chunks.length = 0;
      if (total > limits.discardBytesMax) {
        request.pause();
        tooLarge();
      }
    });
    request.on("end", () => (total > limits.bytesMax ? tooLarge() : resolve(Buffer.concat(chunks))));
    request.on("error", (error) =>
      reject(new ServingError("BAD_REQUEST", { detail: "the body broke off" }, { cause: error })),
    );
  });
  check(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new ServingError("INVALID_JSON", { detail: "it is not UTF-8 text" }, { cause: error });
  }
}
