import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { ServingError } from "../core/errors.ts";
import type { ServerLimits } from "./deps.ts";
import { refusalOf } from "./refusal.ts";

/** What Node's parser refused never becomes a request, so its answer is written by hand. */
export function answerBrokenRequest(
  error: Error & { code?: string },
  socket: Duplex,
  requestId: string,
  limits: ServerLimits,
): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, body } = refusalOf(
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? new ServingError("REQUEST_TIMEOUT", { limitMs: limits.requestMs })
      : new ServingError("BAD_REQUEST", { detail: detailOf(error) }),
    requestId,
  );
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `x-request-id: ${requestId}\r\ncontent-length: ${Buffer.byteLength(text)}\r\nconnection: close\r\n\r\n${text}`,
  );
}

function detailOf(error: Error & { code?: string }): string {
  if (error.code === "HPE_HEADER_OVERFLOW") return "its head is longer than 16 KiB";
  return error.code === undefined ? "it could not be read" : `it could not be read (${error.code})`;
}
