import { BODY_REFUSAL } from "./http1-oracle.ts";

/** One way in which node:http reads on where our codec refuses. */
export interface Difference {
  readonly name: string;
  /** A byte stream of which node:http reads more requests than we do. */
  readonly example: string;
  /** Our refusal: a result of the head parser, BODY_REFUSAL, or 0 when we answer and end the connection. */
  readonly refusal: number;
  /** Matches the refused message, from its first byte on. */
  readonly pattern: RegExp;
  readonly reason: string;
}

const get = (line: string, fields = "Host: h\r\n") => `${line}\r\n${fields}\r\n`;
const post = (fields: string, body: string) => `POST / HTTP/1.1\r\nHost: h\r\n${fields}\r\n${body}`;
const chunked = (body: string) => post("Transfer-Encoding: chunked\r\n", body);
const NEXT = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
const field = (name: string, value: string) => new RegExp(`^${name}:${value}`, "im");

/** All differences to node:http that tests and fuzzing met. Each only refuses more. */
export const DIFFERENCES: readonly Difference[] = [
  {
    name: "HTTP/1.0 with both keep-alive and close",
    example: `GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n${NEXT}`,
    refusal: 0,
    pattern: /^(\r\n)*\S+ \S+ HTTP\/1\.0\r\n(.+\r\n)*connection:.*(close|keep-alive)/i,
    reason: "RFC 9112 §9.3: close wins; node:http lets keep-alive win",
  },
  {
    name: "several spaces before the version",
    example: get("GET /  HTTP/1.1"),
    refusal: -1,
    pattern: /^(\r\n)*\S+ \S+ {2,}\S/,
    reason: "RFC 9112 §3 allows one space; a reader that splits at white space sees other parts",
  },
  {
    name: "CR before the request line",
    example: `\r${get("GET / HTTP/1.1")}`,
    refusal: -1,
    pattern: /^(\r\n)*\r[^\n]/,
    reason: "a bare CR is no line end (RFC 9112 §2.2)",
  },
  {
    name: "LF before the request line",
    example: `\n${get("GET / HTTP/1.1")}`,
    refusal: -2,
    pattern: /^(\r\n)*\n/,
    reason: "a bare LF is a line end to some readers only",
  },
  {
    name: "several spaces before the target",
    example: get("GET  / HTTP/1.1"),
    refusal: -3,
    pattern: /^(\r\n)*\S+ {2,}/,
    reason: "as before the version",
  },
  {
    name: "no version (HTTP/0.9)",
    example: `GET /\r\n\r\n`,
    refusal: -3,
    pattern: /^(\r\n)*\S+ [^\s]*[\r\n]/,
    reason: "HTTP/0.9 has no fields: a reader of 0.9 takes what follows for something else",
  },
  {
    name: "a fragment in the target",
    example: get("GET /#a HTTP/1.1"),
    refusal: -3,
    pattern: /^(\r\n)*\S+ [^\s#]*#/,
    reason: "never sent (RFC 9112 §3.2); readers differ on whether it is a part of the path",
  },
  {
    name: "an absolute target that is not http with a host and a path",
    example: get("GET gopher://h/ HTTP/1.1"),
    refusal: -3,
    pattern: /^(\r\n)*\S+ (?!http:\/\/[^/?\s]+[/\s])[A-Za-z][A-Za-z0-9+.-]*:/i,
    reason: "a gateway for http has no other origin; a host that cannot be compared with Host is not checked",
  },
  {
    name: "* for another method than OPTIONS",
    example: get("GET * HTTP/1.1"),
    refusal: -3,
    pattern: /^(\r\n)*\S+ \*/,
    reason: "RFC 9112 §3.2.4 has it for OPTIONS only",
  },
  {
    name: "versions that are none",
    example: get("GET / HTTP/2.0"),
    refusal: -4,
    pattern: /^(\r\n)*\S+ \S+ HTTP\/\d\.\d\r\n/,
    reason: "HTTP/0.9 and 2.0 are not spoken in this form: 505",
  },
  {
    name: "Content_Length and Transfer_Encoding",
    example: post("Content_Length: 3\r\n", ""),
    refusal: -5,
    pattern: field("(content_length|transfer_encoding)", ""),
    reason: "readers that take names as CGI does (_ for -) see a framing field",
  },
  {
    name: "Connection that is no list of tokens",
    example: get("GET / HTTP/1.1", "Host: h\r\nConnection: close keep-alive\r\n"),
    refusal: -6,
    pattern: field("connection", ""),
    reason: "what it nominates is removed on the way, so it must be clear what that is",
  },
  {
    name: "no Host",
    example: `${get("GET / HTTP/1.1", "")}${NEXT}`,
    refusal: -7,
    pattern: /^(?!(.+\r\n)*host:)/i,
    reason: "both answer 400; node:http reads the next request of the connection, we end it",
  },
  {
    name: "several Hosts",
    example: get("GET / HTTP/1.1", "Host: h\r\nHost: i\r\n"),
    refusal: -7,
    pattern: /^host:[\s\S]*^host:/im,
    reason: "readers take the first or the last one (RFC 9112 §3.2 asks for 400)",
  },
  {
    name: "Host with other characters than a host has",
    example: get("GET / HTTP/1.1", "Host: h/x\r\n"),
    refusal: -7,
    pattern: field("host", "[^\\r\\n]*[^\\w!$%&'()*+,.:;=[\\]~ \\r\\n-]|host:.*\\S[ \\t]+\\S"),
    reason: "a path, a user or a list in Host is read differently (RFC 9110 §7.2)",
  },
  {
    name: "an absolute target that names another host than Host",
    example: get("GET http://i/ HTTP/1.1"),
    refusal: -7,
    pattern: /^(\r\n)*\S+ http:\/\//i,
    reason: "readers take the one or the other",
  },
  {
    name: "white space around Content-Length",
    example: post("Content-Length: 3 \r\n", "abc"),
    refusal: -8,
    pattern: field("content-length", "( *\\t|[^\\r\\n]*[ \\t]\\r\\n)"),
    reason: "readers refuse it, drop it, or take it for a part of the value",
  },
  {
    name: "Content-Length of more than 15 digits",
    example: post("Content-Length: 0000000000000003\r\n", "abc"),
    refusal: -8,
    pattern: field("content-length", "[ \\t]*\\d{16,}"),
    reason: "not exact as a number everywhere",
  },
  {
    name: "white space around Transfer-Encoding",
    example: chunked("0\r\n\r\n").replace("chunked\r", "chunked \r"),
    refusal: -9,
    pattern: field("transfer-encoding", "( *\\t|[^\\r\\n]*[ \\t]\\r\\n)"),
    reason: "as around Content-Length",
  },
  {
    name: "Transfer-Encoding from HTTP/1.0",
    example: "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    refusal: -9,
    pattern: /^(\r\n)*\S+ \S+ HTTP\/1\.0\r\n/,
    reason: "readers of 1.0 do not know it (RFC 9112 §6.1: faulty framing)",
  },
  {
    name: "Transfer-Encoding with more than chunked",
    example: chunked("0\r\n\r\n").replace(" chunked", " gzip, chunked"),
    refusal: -9,
    pattern: field("transfer-encoding", "[^\\r\\n]*(,|[^\\r\\n]*chunked|)"),
    reason: "readers differ on lists and on repeated fields; no client of a model sends other codings",
  },
  {
    name: "Expect of something else than 100-continue",
    example: post("Expect: 200-ok\r\nContent-Length: 3\r\n", `abc${NEXT}`),
    refusal: -11,
    pattern: field("expect", ""),
    reason: "node:http answers 417 and goes on; whether the client then sends its body, nobody knows",
  },
  {
    name: "more than 256 fields",
    example: get("GET / HTTP/1.1", `Host: h\r\n${"X: a\r\n".repeat(256)}`),
    refusal: -13,
    pattern: /(.*\r\n){257}/,
    reason: "a limit of ours (431)",
  },
  {
    name: "chunk sizes of more than 8 digits",
    example: chunked("000000003\r\nabc\r\n0\r\n\r\n"),
    refusal: BODY_REFUSAL,
    pattern: /^[0-9a-f]{9,}/im,
    reason: "readers that count in 32 bits take 0x100000005 for 5",
  },
  {
    name: "chunk extensions that are no list of names and values",
    example: chunked("3;x;=y\r\nabc\r\n0\r\n\r\n"),
    refusal: BODY_REFUSAL,
    pattern: /^[0-9a-f]+;(?![^\r]{4096})/im,
    reason: "nobody sends empty names, and readers differ on where such a line ends",
  },
  {
    name: "chunk extensions of more than 4 KiB",
    example: chunked(`3;${"a".repeat(5000)}\r\nabc\r\n0\r\n\r\n`),
    refusal: BODY_REFUSAL,
    pattern: /^[0-9a-f]+;[^\r]{4096}/im,
    reason: "a limit of ours: they carry no content",
  },
  {
    name: "trailers of more than 8 KiB",
    example: chunked(`0\r\nX: ${"a".repeat(9000)}\r\n\r\n`),
    refusal: BODY_REFUSAL,
    pattern: /^0[\s\S]{8192}/im,
    reason: "a limit of ours: they carry a checksum or a status",
  },
  {
    name: "trailers that frame, route or authenticate, or speak for a gateway",
    example: chunked("0\r\nHost: i\r\n\r\n"),
    refusal: BODY_REFUSAL,
    pattern:
      /^0[^\n]*\n([^\n]+\n)*(authorization|connection|content[-_]\w+|cookie|expect|host|keep-alive|proxy-\w+|set-cookie|te|trailer|transfer[-_]encoding|upgrade|x-\w+-\w+):/im,
    reason: "a reader that adds trailers to the header fields takes them at their word (RFC 9110 §6.5.1)",
  },
];

/** Where we read what node:http does not: three, none of which is about where a message ends. */
export const EXCEPTIONS: readonly { readonly name: string; readonly reason: string }[] = [
  {
    name: "methods that node:http does not know",
    reason:
      "it has a list and refuses others; any method is passed on here but CONNECT, and framing does not depend on it",
  },
  {
    name: "what comes in one piece behind a request with Connection: upgrade and no body",
    reason:
      "node:http drops it even when told not to upgrade; the codec can read on, and the gateway waits with those bytes for the instance's answer to the upgrade",
  },
  {
    name: "heads of 16 to 32 KiB",
    reason: "its limit is 16 KiB unless set (--max-http-header-size), ours 32 KiB; tests raise its limit",
  },
];

/** The entry for a refused message; undefined when it is not listed. `rest` begins with the message. */
export function differenceOf(refusal: number, rest: string): Difference | undefined {
  return DIFFERENCES.find((d) => d.refusal === refusal && d.pattern.test(rest));
}
