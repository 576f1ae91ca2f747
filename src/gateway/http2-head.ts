import { HOST, TARGET, TOKEN, VALUE } from "../http1/chars.ts";
import { LENGTH_DIGITS_MAX } from "../http1/limits.ts";

/** One HTTP/2 request as its head says it, checked (RFC 9113 §8). */
export interface Http2Request {
  readonly method: string;
  /** Path and query; `*` for OPTIONS. */
  readonly path: string;
  /** Host and port as the client names them; never empty. */
  readonly authority: string;
  /** The other fields: name, value, name, value, …; names in lower case. */
  readonly fields: readonly string[];
  /** -1: it is not said. */
  readonly contentLength: number;
  /** Content-Type is that of a gRPC call. */
  readonly isGrpc: boolean;
}

/** `application/grpc`, `…+proto`, `…;…`; not `application/grpc-web`, which is plain HTTP. */
const GRPC_TYPE = /^application\/grpc(?:[+; ]|$)/i;

/** Fields of one HTTP/1.1 connection: with one of them a request is malformed (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Every character is one byte, and allowed by `table`. */
function isAll(text: string, table: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (table[text.charCodeAt(i)] !== 1) return false;
  return true;
}

const isName = (name: string) => name !== "" && isAll(name, TOKEN) && !/[A-Z]/.test(name);
const isValue = (value: string) => isAll(value, VALUE) && !/^[ \t]|[ \t]$/.test(value);

/**
 * Reads the fields that node:http2 gives for a request: name, value, name, value, …, latin1. Gives the request, or what is wrong
 * with it. nghttp2 has checked most of this; it is checked again, as what passes here becomes HTTP/1.1 text, in which a line feed is
 * another request.
 */
export function readRequest(raw: readonly string[]): Http2Request | string {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  const cookies: string[] = [];
  let host: string | null = null;
  let contentLength = -1;
  let isGrpc = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    if (name.startsWith(":")) {
      if (pseudo.has(name)) return `${name} is repeated`;
      pseudo.set(name, value);
      continue;
    }
    if (!isName(name)) return "a field name is not a token in lower case";
    if (!isValue(value)) return "a field value has a control character, or white space around it";
    if (CONNECTION_FIELDS.has(name)) return `${name} belongs to HTTP/1.1 connections`;
    if (name === "host") {
      if (host !== null) return "Host is repeated";
      host = value;
    } else if (name === "te") {
      if (value.toLowerCase() !== "trailers") return "te asks for something else than trailers";
    } else if (name === "cookie") {
      cookies.push(value);
    } else if (name === "content-length") {
      if (contentLength !== -1) return "Content-Length is repeated";
      if (!/^\d+$/.test(value) || value.length > LENGTH_DIGITS_MAX)
        return "Content-Length is not a whole number";
      contentLength = Number(value);
    } else {
      if (name === "content-type" && GRPC_TYPE.test(value)) isGrpc = true;
      fields.push(name, value);
    }
  }
  // In pieces for the sake of compression; one field again for HTTP/1.1 (RFC 9113 §8.2.3).
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  const { method, path, authority, problem } = readPseudo(pseudo, host);
  if (problem !== null) return problem;
  return { method, path, authority, fields, contentLength, isGrpc };
}

const NOTHING = { method: "", path: "", authority: "" };

function readPseudo(pseudo: ReadonlyMap<string, string>, host: string | null) {
  const wrong = (problem: string) => ({ ...NOTHING, problem });
  for (const name of pseudo.keys())
    if (!PSEUDO_FIELDS.has(name)) return wrong("there is a pseudo-header field that requests do not have");
  const method = pseudo.get(":method") ?? "";
  if (method === "" || !isAll(method, TOKEN)) return wrong("the method is not a token");
  if (method === "CONNECT") return wrong("the method is CONNECT");
  const path = pseudo.get(":path") ?? "";
  const isAsterisk = path === "*" && method === "OPTIONS";
  if (!isAsterisk && !(path.startsWith("/") && isAll(path, TARGET))) return wrong("the path is not a path");
  const scheme = pseudo.get(":scheme");
  if (scheme !== "http" && scheme !== "https") return wrong("the scheme is not http or https");
  const authority = pseudo.get(":authority") ?? host ?? "";
  if (authority === "" || !isAll(authority, HOST)) return wrong("there is no valid authority");
  if (host !== null && host.toLowerCase() !== authority.toLowerCase())
    return wrong("Host is not the authority");
  return { method, path, authority, problem: null };
}

const PSEUDO_FIELDS = new Set([":method", ":path", ":scheme", ":authority"]);

/** What the head says about the body behind it. */
export type Framing = "none" | "length" | "chunked";

/** How the body of a request is framed in HTTP/1.1; `isBodyless`: its stream ended with its head. */
export function framingOf({ contentLength }: Http2Request, isBodyless: boolean): Framing {
  if (isBodyless || contentLength === 0) return "none";
  return contentLength === -1 ? "chunked" : "length";
}

/** Methods whose requests mean nothing without content: one without says so (RFC 9110 §8.6). */
const CONTENT_METHODS = new Set(["POST", "PUT", "PATCH"]);

/**
 * The request as an HTTP/1.1 head, for the same strict reader that all others pass. `isSecure`: it came over TLS. At `path`, which may be
 * another than that of the request.
 */
export function writeHead(request: Http2Request, path: string, framing: Framing, isSecure: boolean): Buffer {
  const { method, authority, fields } = request;
  let text = `${method} ${path} HTTP/1.1\r\nHost: ${authority}\r\n`;
  let isForwarded = false;
  for (let i = 0; i < fields.length; i += 2) {
    text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    if (fields[i] === "x-forwarded-proto") isForwarded = true;
  }
  if (isSecure && !isForwarded) text += "X-Forwarded-Proto: https\r\n";
  if (framing === "length") text += `Content-Length: ${request.contentLength}\r\n`;
  else if (framing === "chunked") text += "Transfer-Encoding: chunked\r\n";
  else if (CONTENT_METHODS.has(method) || request.contentLength === 0) text += "Content-Length: 0\r\n";
  return Buffer.from(`${text}\r\n`, "latin1");
}

/** Trailer fields as lines of an HTTP/1.1 trailer block, without its last empty line; null when they are malformed. */
export function writeTrailers(raw: readonly string[]): string | null {
  let text = "";
  for (let i = 0; i < raw.length; i += 2) {
    if (!isName(raw[i]!) || !isValue(raw[i + 1]!)) return null;
    text += `${raw[i]}: ${raw[i + 1]}\r\n`;
  }
  return text;
}
