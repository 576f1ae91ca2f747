/**
 * Forms of request smuggling as data: byte streams that two readers in a row may cut into requests at different places.
 * For each: what the gateway has to make of it. Collected from RFC 9112 §11.2, the published work on desync attacks (CL.TE, TE.CL,
 * TE.TE, CL.0, 0.CL, chunk extensions, bare line feeds, Expect) and what the parsers behind us are known to allow.
 */
export interface Form {
  readonly name: string;
  readonly bytes: string;
  /** The status of the refusal, or the requests that every back end must see, as `METHOD path body`. */
  readonly outcome: number | readonly string[];
  /** What every back end sees of a form that begins well, before the refusal. */
  readonly before?: readonly string[];
  /** The connection ends after the answer, and what came behind the form is dropped. */
  readonly isLast?: boolean;
  /** Back ends that refuse what the gateway passes on: the client gets an error, and nothing is out of step. */
  readonly refusedBy?: readonly string[];
}

/** Where a form's requests go: the address of a service, and the field that opens it. */
export interface Aim {
  /** `/api/predict/{service}` */
  readonly address: string;
  /** `Authorization: …` and its line end. */
  readonly token: string;
}

const CHUNKED = "Transfer-Encoding: chunked\r\n";
const CHUNKS = "5\r\nhello\r\n0\r\n\r\n";
const HEAD_BYTES_MAX = 32 * 1024;

/** All forms, aimed at one service. */
export function smugglingForms({ address, token }: Aim): Form[] {
  const hidden = `GET ${address}/hidden HTTP/1.1\r\nHost: h\r\n${token}\r\n`;
  const cl = (text: string) => `Content-Length: ${text.length}\r\n`;
  const post = (fields: string, body = "") =>
    `POST ${address}/a HTTP/1.1\r\nHost: h\r\n${token}${fields}\r\n${body}`;
  const line = (text: string, rest = `Host: h\r\n${token}\r\n`) => `${text}\r\n${rest}`;
  const chunked = (body: string) => post(CHUNKED, body);
  const both = (fields: string) => post(fields, `0\r\n\r\n${hidden}`);
  const te = (field: string) => post(`${cl(`0\r\n\r\n${hidden}`)}${field}`, `0\r\n\r\n${hidden}`);
  const teOnly = (field: string) => post(field, `0\r\n\r\n${hidden}`);
  const hello = ["POST /a hello"];

  const framing: Form[] = [
    { name: "CL.TE", bytes: te(CHUNKED), outcome: 400 },
    { name: "TE.CL", bytes: both(`${CHUNKED}Content-Length: 4\r\n`), outcome: 400 },
    { name: "TE and CL 0", bytes: both(`${CHUNKED}Content-Length: 0\r\n`), outcome: 400 },
    { name: "CL twice, different", bytes: post(`Content-Length: 0\r\n${cl(hidden)}`, hidden), outcome: 400 },
    { name: "CL twice, equal", bytes: post(`${cl("hello")}${cl("hello")}`, "hello"), outcome: 400 },
    { name: "CL as a list, equal", bytes: post("Content-Length: 5, 5\r\n", "hello"), outcome: 400 },
    { name: "CL as a list, different", bytes: post("Content-Length: 0, 5\r\n", "hello"), outcome: 400 },
    { name: "CL with plus", bytes: post("Content-Length: +5\r\n", "hello"), outcome: 400 },
    { name: "CL with minus", bytes: post("Content-Length: -5\r\n", "hello"), outcome: 400 },
    { name: "CL minus zero", bytes: post("Content-Length: -0\r\n", hidden), outcome: 400 },
    { name: "CL hexadecimal", bytes: post("Content-Length: 0x5\r\n", "hello"), outcome: 400 },
    { name: "CL with exponent", bytes: post("Content-Length: 5e0\r\n", "hello"), outcome: 400 },
    { name: "CL with a fraction", bytes: post("Content-Length: 5.0\r\n", "hello"), outcome: 400 },
    { name: "CL with underscore", bytes: post("Content-Length: 0_5\r\n", "hello"), outcome: 400 },
    { name: "CL with a space inside", bytes: post("Content-Length: 0 5\r\n", "hello"), outcome: 400 },
    { name: "CL with a space behind", bytes: post("Content-Length: 5 \r\n", "hello"), outcome: 400 },
    { name: "CL with a tab behind", bytes: post("Content-Length: 5\t\r\n", "hello"), outcome: 400 },
    { name: "CL with a vertical tab", bytes: post("Content-Length: \x0b5\r\n", "hello"), outcome: 400 },
    { name: "CL empty", bytes: post("Content-Length:\r\n", hidden), outcome: 400 },
    { name: "CL above 2^63", bytes: post("Content-Length: 18446744073709551621\r\n", "hello"), outcome: 400 },
    { name: "CL in other digits", bytes: post("Content-Length: \xb2\r\n", "hello"), outcome: 400 },
    { name: "CL with zeros in front", bytes: post("Content-Length: 0005\r\n", "hello"), outcome: hello },
    { name: "CL behind a tab", bytes: post("Content-Length:\t5\r\n", "hello"), outcome: 400 },
    { name: "CL behind two spaces", bytes: post("Content-Length:  5\r\n", "hello"), outcome: hello },
    { name: "CL behind no space", bytes: post("Content-Length:5\r\n", "hello"), outcome: hello },
    { name: "CL in mixed case", bytes: post("cOnTENT-leNGTH: 5\r\n", "hello"), outcome: hello },
    { name: "CL.0", bytes: post(cl(hidden), hidden), outcome: [`POST /a ${hidden}`] },
    {
      name: "CL.0 with GET",
      bytes: `GET ${address}/a HTTP/1.1\r\nHost: h\r\n${token}${cl(hidden)}\r\n${hidden}`,
      outcome: [`GET /a ${hidden}`],
    },
    {
      name: "CL.0 with OPTIONS",
      bytes: `OPTIONS ${address}/a HTTP/1.1\r\nHost: h\r\n${token}${cl(hidden)}\r\n${hidden}`,
      outcome: [`OPTIONS /a ${hidden}`],
    },
    {
      name: "CL.0 with DELETE, chunked",
      bytes: `DELETE ${address}/a HTTP/1.1\r\nHost: h\r\n${token}${CHUNKED}\r\n${CHUNKS}`,
      outcome: ["DELETE /a hello"],
    },
    { name: "0.CL: a length behind a fold", bytes: post(`X: a\r\n ${cl(hidden)}`, hidden), outcome: 400 },
    { name: "0.CL: a length behind a space", bytes: post(` ${cl(hidden)}`, hidden), outcome: 400 },
    {
      name: "CL nominated by Connection",
      bytes: post(`Connection: Content-Length\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
    {
      name: "TE nominated by Connection",
      bytes: post(`Connection: Transfer-Encoding\r\n${CHUNKED}`, CHUNKS),
      outcome: hello,
    },
    {
      name: "Host nominated by Connection",
      bytes: post(`Connection: close-not, Host\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
    {
      name: "a prefix sent ahead",
      bytes: `${post(cl("hello"), "hello")}${hidden}`,
      outcome: [...hello, "GET /hidden "],
    },
    { name: "a body where none is said", bytes: post("", "x=y"), outcome: 400, before: ["POST /a "] },
  ];

  const encodings: Form[] = [
    ["TE.TE: xchunked", "Transfer-Encoding: xchunked\r\n"],
    ["TE.TE: chunked twice", `${CHUNKED}${CHUNKED}`],
    ["TE.TE: chunked and identity", `${CHUNKED}Transfer-Encoding: identity\r\n`],
    ["TE.TE: chunked and cow", `${CHUNKED}Transfer-encoding: cow\r\n`],
    ["TE.TE: identity", "Transfer-Encoding: identity\r\n"],
    ["TE.TE: gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n"],
    ["TE.TE: chunked, identity", "Transfer-Encoding: chunked, identity\r\n"],
    ["TE.TE: chunked, chunked", "Transfer-Encoding: chunked, chunked\r\n"],
    ["TE.TE: comma first", "Transfer-Encoding: ,chunked\r\n"],
    ["TE.TE: comma behind", "Transfer-Encoding: chunked,\r\n"],
    ["TE.TE: parameter", "Transfer-Encoding: chunked;q=1\r\n"],
    ["TE.TE: quoted", 'Transfer-Encoding: "chunked"\r\n'],
    ["TE.TE: apostrophes", "Transfer-Encoding: 'chunked'\r\n"],
    ["TE.TE: space before colon", "Transfer-Encoding : chunked\r\n"],
    ["TE.TE: tab before colon", "Transfer-Encoding\t: chunked\r\n"],
    ["TE.TE: space before name", " Transfer-Encoding: chunked\r\n"],
    ["TE.TE: no-break space before colon", "Transfer-Encoding\xa0: chunked\r\n"],
    ["TE.TE: NUL in name", "Transfer\0-Encoding: chunked\r\n"],
    ["TE.TE: NUL behind value", "Transfer-Encoding: chunked\0\r\n"],
    ["TE.TE: space behind value", "Transfer-Encoding: chunked \r\n"],
    ["TE.TE: tab behind value", "Transfer-Encoding: chunked\t\r\n"],
    ["TE.TE: vertical tab", "Transfer-Encoding:\x0bchunked\r\n"],
    ["TE.TE: form feed", "Transfer-Encoding: \x0cchunked\r\n"],
    ["TE.TE: NEL behind value", "Transfer-Encoding: chunked\x85\r\n"],
    ["TE.TE: byte order mark", "Transfer-Encoding: \xef\xbb\xbfchunked\r\n"],
    ["TE.TE: tab before value", "Transfer-Encoding:\tchunked\r\n"],
    ["TE.TE: folded value", "Transfer-Encoding:\r\n chunked\r\n"],
    ["TE.TE: folded behind", "Transfer-Encoding: chunked\r\n , identity\r\n"],
    ["TE.TE: bare CR before", "X: a\rTransfer-Encoding: chunked\r\n"],
    ["TE.TE: bare LF before", "X: a\nTransfer-Encoding: chunked\r\n"],
    ["TE.TE: bare LF behind", "Transfer-Encoding: chunked\nX: a\r\n"],
    ["TE.TE: LF CR", "X: a\n\rTransfer-Encoding: chunked\r\n"],
    ["TE.TE: no colon", "Transfer-Encoding chunked\r\n"],
    ["TE.TE: two colons", "Transfer-Encoding:: chunked\r\n"],
    ["TE.TE: empty", "Transfer-Encoding:\r\n"],
    ["TE.TE: underscore", "Transfer_Encoding: chunked\r\n"],
    ["TE.TE: long s", "Tran\u017ffer-Encoding: chunked\r\n".replace("\u017f", "\xc5\xbf")],
    ["TE.TE: chunk", "Transfer-Encoding: chunk\r\n"],
    ["TE.TE: backslash", "Transfer-Encoding: chun\\ked\r\n"],
  ].flatMap(([name, field]) => [
    { name: name!, bytes: teOnly(field!), outcome: 400 },
    { name: `${name!}, with CL`, bytes: te(field!), outcome: 400 },
  ]);

  const names: Form[] = [
    { name: "Content_Length", bytes: post(`Content_Length: ${hidden.length}\r\n`, hidden), outcome: 400 },
    {
      name: "Content-Length with a space before the colon",
      bytes: post(`Content-Length : ${hidden.length}\r\n`, hidden),
      outcome: 400,
    },
    { name: "Content Length", bytes: post("Content Length: 5\r\n", "hello"), outcome: 400 },
    { name: "no name", bytes: post(": 5\r\n", hidden), outcome: 400 },
    { name: "NUL in a value", bytes: post("X: a\0b\r\n", hidden), outcome: 400 },
    { name: "DEL in a name", bytes: post("X\x7f: a\r\n", hidden), outcome: 400 },
    {
      name: "NEL in a value",
      bytes: post(`X: a\x85${cl(hidden)}`, hidden),
      outcome: ["POST /a ", "GET /hidden "],
    },
    {
      name: "line separators in a value",
      bytes: post(`X: a\xe2\x80\xa8${cl(hidden)}`, hidden),
      outcome: ["POST /a ", "GET /hidden "],
    },
    { name: "file separator in a value", bytes: post(`X: a\x1c${cl(hidden)}`, hidden), outcome: 400 },
    {
      name: "names that only look alike",
      bytes: post(`X-Content-Length: 9\r\nTransfer-Encoding2: chunked\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
    {
      name: "a request in a value",
      bytes: post(`X: GET /hidden HTTP/1.1\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
  ];

  const chunks: Form[] = [
    { name: "chunks", bytes: chunked(CHUNKS), outcome: hello },
    { name: "chunked in mixed case", bytes: post("transfer-encoding:ChUnKeD\r\n", CHUNKS), outcome: hello },
    {
      name: "chunk size with zeros in front",
      bytes: chunked("00000005\r\nhello\r\n000\r\n\r\n"),
      outcome: hello,
    },
    {
      name: "chunk size in capitals",
      bytes: chunked("A\r\n0123456789\r\n0\r\n\r\n"),
      outcome: ["POST /a 0123456789"],
    },
    { name: "chunk size 0x5", bytes: chunked("0x5\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size +5", bytes: chunked("+5\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size -1", bytes: chunked("-1\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size with underscore", bytes: chunked("0_5\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size behind a space", bytes: chunked(" 5\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size before a space", bytes: chunked("5 \r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size before a tab", bytes: chunked("5\t\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size and NUL", bytes: chunked("5\0\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "no chunk size", bytes: chunked("\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    {
      name: "chunk size that 32 bits read as 5",
      bytes: chunked(`100000005\r\nhello\r\n0\r\n\r\n${hidden}`),
      outcome: 400,
    },
    { name: "chunk size that 32 bits read as 0", bytes: chunked(`100000000\r\n\r\n${hidden}`), outcome: 400 },
    {
      name: "chunk size that 64 bits read as 5",
      bytes: chunked(`10000000000000005\r\nhello\r\n0\r\n\r\n${hidden}`),
      outcome: 400,
    },
    { name: "chunk size of 2^31", bytes: chunked("80000000\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size ends with LF", bytes: chunked("5\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size ends with CR", bytes: chunked("5\rhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk size ends with CR CR LF", bytes: chunked("5\r\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk ends with LF", bytes: chunked("5\r\nhello\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk without its end", bytes: chunked("5\r\nhello0\r\n\r\n"), outcome: 400 },
    { name: "chunk ends with two other bytes", bytes: chunked("5\r\nhelloXX0\r\n\r\n"), outcome: 400 },
    { name: "chunk longer than its size", bytes: chunked("5\r\nhello you\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunked body that is plain", bytes: chunked("hello"), outcome: 400 },
    {
      name: "a request in a chunk",
      bytes: chunked(`${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`),
      outcome: [`POST /a ${hidden}`],
    },
    {
      name: "chunks in the content",
      bytes: chunked("9\r\n\r\n0\r\n\r\nab\r\n0\r\n\r\n"),
      outcome: ["POST /a \r\n0\r\n\r\nab"],
    },
    { name: "chunk extension", bytes: chunked("5;a=b\r\nhello\r\n0;c\r\n\r\n"), outcome: hello },
    {
      name: "chunk extension in quotes",
      bytes: chunked('5;a="b;c\\"d"\r\nhello\r\n0\r\n\r\n'),
      outcome: hello,
    },
    {
      name: "chunk extension that looks like a size",
      bytes: chunked("5;0\r\nhello\r\n0\r\n\r\n"),
      outcome: hello,
    },
    { name: "chunk extension with LF", bytes: chunked(`5;a\nhello\r\n0\r\n\r\n${hidden}`), outcome: 400 },
    { name: "chunk extension with CR", bytes: chunked(`5;a\rhello\r\n0\r\n\r\n`), outcome: 400 },
    {
      name: "chunk extension with LF in quotes",
      bytes: chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n'),
      outcome: 400,
    },
    {
      name: "chunk extension with CR LF in quotes",
      bytes: chunked('5;a="\r\n"\r\nhello\r\n0\r\n\r\n'),
      outcome: 400,
    },
    { name: "chunk extension of nothing", bytes: chunked("5;\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    { name: "chunk extension behind a space", bytes: chunked("5 ;a=b\r\nhello\r\n0\r\n\r\n"), outcome: 400 },
    {
      name: "chunk extension with an open quote",
      bytes: chunked('5;a="b\r\nhello\r\n0\r\n\r\n'),
      outcome: 400,
    },
    {
      name: "chunk extension without end",
      bytes: chunked(`5;${"a".repeat(5000)}\r\nhello\r\n0\r\n\r\n`),
      outcome: 400,
    },
    { name: "last chunk ends with LF LF", bytes: chunked(`5\r\nhello\r\n0\n\n${hidden}`), outcome: 400 },
    { name: "last chunk ends with CR LF LF", bytes: chunked("5\r\nhello\r\n0\r\n\n"), outcome: 400 },
    { name: "last chunk ends with CR LF CR X", bytes: chunked("5\r\nhello\r\n0\r\n\rX"), outcome: 400 },
    {
      name: "trailer",
      bytes: chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
      outcome: hello,
      refusedBy: ["java"],
    },
    { name: "trailer that frames: TE", bytes: chunked(`5\r\nhello\r\n0\r\n${CHUNKED}\r\n`), outcome: 400 },
    {
      name: "trailer that frames: CL",
      bytes: chunked(`5\r\nhello\r\n0\r\n${cl(hidden)}\r\n${hidden}`),
      outcome: 400,
    },
    {
      name: "trailer that frames: Content_Length",
      bytes: chunked("5\r\nhello\r\n0\r\nContent_Length: 9\r\n\r\n"),
      outcome: 400,
    },
    { name: "trailer that routes: Host", bytes: chunked("5\r\nhello\r\n0\r\nHost: i\r\n\r\n"), outcome: 400 },
    { name: "trailer that authenticates", bytes: chunked(`5\r\nhello\r\n0\r\n${token}\r\n`), outcome: 400 },
    {
      name: "trailer that speaks for a gateway",
      bytes: chunked("5\r\nhello\r\n0\r\nX-Forwarded-For: ::1\r\n\r\n"),
      outcome: 400,
    },
    { name: "trailer with LF", bytes: chunked(`5\r\nhello\r\n0\r\nX: a\n\r\n`), outcome: 400 },
    {
      name: "trailer with space before the colon",
      bytes: chunked("5\r\nhello\r\n0\r\nX : a\r\n\r\n"),
      outcome: 400,
    },
    {
      name: "trailer that is a request line",
      bytes: chunked(`5\r\nhello\r\n0\r\nGET /hidden HTTP/1.1\r\n\r\n`),
      outcome: 400,
    },
    { name: "trailer that folds", bytes: chunked("5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n"), outcome: 400 },
  ];

  const lines: Form[] = [
    {
      name: "bare LF everywhere",
      bytes: `GET ${address}/a HTTP/1.1\nHost: h\n${token.trim()}\n\n`,
      outcome: 400,
    },
    {
      name: "bare LF behind the request line",
      bytes: `GET ${address}/a HTTP/1.1\nHost: h\r\n${token}\r\n`,
      outcome: 400,
    },
    { name: "bare LF ends the head", bytes: `${post(cl("hello")).slice(0, -2)}\nhello`, outcome: 400 },
    { name: "CR ends a line", bytes: post("X: a\r", hidden), outcome: 400 },
    { name: "obs-fold", bytes: post(`X: a\r\n b\r\n${cl("hello")}`, "hello"), outcome: 400 },
    { name: "obs-fold by a tab", bytes: post(`X: a\r\n\tb\r\n${cl("hello")}`, "hello"), outcome: 400 },
    {
      name: "white space before the first field",
      bytes: line(`GET ${address}/a HTTP/1.1`, ` X: a\r\nHost: h\r\n${token}\r\n`),
      outcome: 400,
    },
    { name: "empty line before the request", bytes: `\r\n${post(cl("hello"), "hello")}`, outcome: hello },
    { name: "LF before the request", bytes: `\n${post(cl("hello"), "hello")}`, outcome: 400 },
    { name: "empty line behind the body", bytes: `${post(cl("hello"), "hello")}\r\n`, outcome: hello },
    { name: "two spaces in the request line", bytes: line(`GET  ${address}/a HTTP/1.1`), outcome: 400 },
    { name: "tab in the request line", bytes: line(`GET\t${address}/a HTTP/1.1`), outcome: 400 },
    { name: "space in the target", bytes: line(`GET ${address}/a b HTTP/1.1`), outcome: 400 },
    { name: "CR in the target", bytes: line(`GET ${address}/a\rb HTTP/1.1`), outcome: 400 },
    { name: "NUL in the target", bytes: line(`GET ${address}/a\0 HTTP/1.1`), outcome: 400 },
    { name: "raw bytes in the target", bytes: line(`GET ${address}/\xe5\x98\x8a HTTP/1.1`), outcome: 400 },
    { name: "fragment in the target", bytes: line(`GET ${address}/a#b HTTP/1.1`), outcome: 400 },
    { name: "space behind the version", bytes: line(`GET ${address}/a HTTP/1.1 `), outcome: 400 },
    { name: "HTTP/0.9", bytes: `GET ${address}/a\r\n`, outcome: 400 },
    { name: "HTTP/0.9 with a version", bytes: line(`GET ${address}/a HTTP/0.9`), outcome: 505 },
    { name: "HTTP/1.2", bytes: line(`GET ${address}/a HTTP/1.2`), outcome: 505 },
    { name: "HTTP/2.0", bytes: line(`GET ${address}/a HTTP/2.0`), outcome: 505 },
    { name: "HTTP/01.1", bytes: line(`GET ${address}/a HTTP/01.1`), outcome: 400 },
    {
      name: "HTTP/2 preface that is not the first",
      bytes: "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      outcome: 400,
    },
    { name: "TLS hello", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", outcome: 400 },
    { name: "http in small letters", bytes: line(`GET ${address}/a http/1.1`), outcome: 400 },
    { name: "CONNECT", bytes: line("CONNECT h:80 HTTP/1.1"), outcome: 400 },
    { name: "head above the limit", bytes: post(`X: ${"a".repeat(HEAD_BYTES_MAX)}\r\n`), outcome: 431 },
    { name: "too many fields", bytes: post("X: a\r\n".repeat(300)), outcome: 431 },
  ];

  const hosts: Form[] = [
    { name: "no Host", bytes: line(`GET ${address}/a HTTP/1.1`, `${token}\r\n`), outcome: 400 },
    { name: "Host twice, different", bytes: post("Host: i\r\n"), outcome: 400 },
    { name: "Host twice, equal", bytes: post("Host: h\r\n"), outcome: 400 },
    {
      name: "Host with a space",
      bytes: line(`GET ${address}/a HTTP/1.1`, `Host: h i\r\n${token}\r\n`),
      outcome: 400,
    },
    {
      name: "Host with a path",
      bytes: line(`GET ${address}/a HTTP/1.1`, `Host: h/x\r\n${token}\r\n`),
      outcome: 400,
    },
    {
      name: "Host with a user",
      bytes: line(`GET ${address}/a HTTP/1.1`, `Host: u@h\r\n${token}\r\n`),
      outcome: 400,
    },
    {
      name: "Host folded",
      bytes: line(`GET ${address}/a HTTP/1.1`, `Host: h\r\n i\r\n${token}\r\n`),
      outcome: 400,
    },
    {
      name: "space before Host's colon",
      bytes: line(`GET ${address}/a HTTP/1.1`, `Host : h\r\n${token}\r\n`),
      outcome: 400,
    },
    {
      name: "absolute target, same Host",
      bytes: line(`GET http://h${address}/a HTTP/1.1`),
      outcome: ["GET /a "],
    },
    { name: "absolute target, other Host", bytes: line(`GET http://i${address}/a HTTP/1.1`), outcome: 400 },
    { name: "absolute target with a user", bytes: line(`GET http://h@i${address}/a HTTP/1.1`), outcome: 400 },
    {
      name: "absolute target of another scheme",
      bytes: line(`GET gopher://h${address}/a HTTP/1.1`),
      outcome: 400,
    },
    {
      name: "absolute target without Host",
      bytes: line(`GET http://h${address}/a HTTP/1.1`, `${token}\r\n`),
      outcome: 400,
    },
    { name: "target without a slash", bytes: line(`GET h${address}/a HTTP/1.1`), outcome: 400 },
    { name: "asterisk for GET", bytes: line("GET * HTTP/1.1"), outcome: 400 },
  ];

  const expectations: Form[] = [
    {
      name: "Expect with the body behind it",
      bytes: post(`Expect: 100-continue\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
    {
      name: "Expect with chunks behind it",
      bytes: post(`Expect: 100-Continue\r\n${CHUNKED}`, CHUNKS),
      outcome: hello,
    },
    {
      name: "Expect without a body",
      bytes: `GET ${address}/a HTTP/1.1\r\nHost: h\r\n${token}Expect: 100-continue\r\n\r\n`,
      outcome: ["GET /a "],
    },
    {
      name: "Expect twice",
      bytes: post(`Expect: 100-continue\r\nExpect: 100-continue\r\n${cl("hello")}`, "hello"),
      outcome: hello,
    },
    {
      name: "Expect something else",
      bytes: post(`Expect: x-100-continue\r\n${cl("hello")}`, "hello"),
      outcome: 400,
    },
    {
      name: "Expect a list",
      bytes: post(`Expect: 100-continue, x\r\n${cl("hello")}`, "hello"),
      outcome: 400,
    },
    { name: "Expect nothing", bytes: post(`Expect:\r\n${cl("hello")}`, "hello"), outcome: 400 },
    {
      name: "Expect folded",
      bytes: post(`Expect: 100-continue\r\n \r\n${cl("hello")}`, "hello"),
      outcome: 400,
    },
    {
      name: "upgrade to h2c",
      bytes: post(
        `Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n${cl("hello")}`,
        "hello",
      ),
      outcome: hello,
    },
    {
      name: "upgrade to websocket, then a request",
      bytes: `${post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n")}${hidden}`,
      outcome: ["POST /a "],
      isLast: true,
      refusedBy: ["haproxy"],
    },
    {
      name: "HTTP/1.0 with chunks",
      bytes: `POST ${address}/a HTTP/1.0\r\nHost: h\r\n${token}${CHUNKED}\r\n${CHUNKS}`,
      outcome: 400,
    },
    {
      name: "HTTP/1.0 with keep-alive",
      bytes: `POST ${address}/a HTTP/1.0\r\nHost: h\r\n${token}Connection: keep-alive\r\n${cl("hello")}\r\nhello`,
      outcome: hello,
    },
    {
      name: "method that few know",
      bytes: `PURGE ${address}/a HTTP/1.1\r\nHost: h\r\n${token}${cl("hello")}\r\nhello`,
      outcome: ["PURGE /a hello"],
    },
  ];

  return [...framing, ...encodings, ...names, ...chunks, ...lines, ...hosts, ...expectations];
}
