import { constants, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { cut } from "./http2-abuse.ts";
import { Http2Answer } from "./http2-answer.ts";
import { type Framing, writeTrailers } from "./http2-head.ts";

const LINE_END = Buffer.from("\r\n", "latin1");

/**
 * One stream of HTTP/2 as a socket that speaks HTTP/1.1: its request comes out of it, framed, and the answer written to it goes to the
 * stream. So whatever holds for a request on a connection of its own holds for this one, by the same code.
 *
 * A side that does not take bytes stops the other, by the flow control of the stream. The client's reset closes the socket; a socket that is
 * destroyed before its answer is complete resets the stream.
 */
export function streamSocket(
  stream: ServerHttp2Stream,
  request: {
    readonly head: Buffer;
    readonly framing: Framing;
    readonly contentLength: number;
    readonly isHead: boolean;
  },
): Socket {
  const answer = new Http2Answer(stream, request.isHead);
  const { framing } = request;
  let left = request.contentLength;
  let trailers = "";
  let isRequestDone = framing === "none";
  const socket = new Duplex({
    read: () => {
      if (!stream.destroyed) stream.resume();
    },
    write: (bytes: Buffer, _encoding, callback) => {
      counted.bytesWritten += bytes.length;
      if (stream.destroyed || stream.closed) return;
      if (!answer.write(bytes, () => callback())) socket.destroy();
    },
    final: (callback) => {
      // Whoever is answered before the end of its request need not send the rest (RFC 9113 §8.1).
      if (!answer.end()) cut(stream);
      else if (!isRequestDone) stream.close(constants.NGHTTP2_NO_ERROR);
      callback();
    },
    destroy: (_error, callback) => {
      if (!stream.closed && !stream.destroyed)
        if (answer.isOver) stream.close(constants.NGHTTP2_NO_ERROR);
        else cut(stream);
      callback(null);
    },
  });
  const counted = Object.assign(socket, { bytesWritten: 0 });
  const pass = (bytes: Buffer) => {
    if (!socket.destroyed && !socket.push(bytes)) stream.pause();
  };
  stream.on("data", (chunk: Buffer) => {
    // As a chunk it would be the end of the body.
    if (chunk.length === 0) return;
    if (framing === "chunked") {
      pass(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`, "latin1"), chunk, LINE_END]));
      return;
    }
    left -= chunk.length;
    // nghttp2 has compared the length with the content; were it to let more through, that would be read as another request.
    if (framing === "none" || left < 0) socket.destroy();
    else pass(chunk);
  });
  stream.on("trailers", (_headers, _flags, raw: string[]) => {
    const lines = writeTrailers(raw);
    if (lines === null) socket.destroy();
    else trailers = lines;
  });
  stream.on("end", () => {
    isRequestDone = true;
    if (framing === "chunked") pass(Buffer.from(`0\r\n${trailers}\r\n`, "latin1"));
  });
  stream.on("close", () => socket.destroy());
  socket.push(request.head);
  return socket as unknown as Socket;
}
