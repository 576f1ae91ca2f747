import { once } from "node:events";
import type { FastifyReply } from "fastify";
import type { LineStream } from "./handler.ts";

/**
 * Writes lines as they come, until the signal. All sources at once, each line whole; a slow client holds its
 * sources back instead of filling memory.
 */
export async function streamLines(
  stream: LineStream,
  reply: FastifyReply,
  signal: AbortSignal,
): Promise<void> {
  reply.hijack();
  const response = reply.raw;
  const requestId = reply.request.id;
  response.writeHead(200, { "content-type": "text/plain; charset=utf-8", "x-request-id": requestId });
  response.flushHeaders();
  // A head has no lines after it, and so an end.
  if (reply.request.method === "HEAD") return void response.end();
  const pump = async (source: AsyncIterable<string>) => {
    for await (const line of source) {
      if (signal.aborted) return;
      if (!response.write(`${line}\n`)) await once(response, "drain", { signal });
    }
  };
  try {
    await Promise.all(stream.sources.map(pump));
    response.end();
  } catch (error) {
    // The head is out, so an error can only break the stream off; when the signal ended it, that is the normal end.
    if (signal.aborted) response.end();
    else response.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}
