/** The pieces that messages are made of, well formed and nearly so, weighted by repetition. */

const bytes = (texts: readonly string[]) => texts.map((text) => Buffer.from(text, "latin1"));

export const REQUEST_LINES = bytes([
  ...["GET / HTTP/1.1\r\n", "POST /api/predict/s HTTP/1.1\r\n", "PUT /a?b=c HTTP/1.1\r\n"],
  ...["POST /api/predict/s/x HTTP/1.1\r\n", "HEAD /h HTTP/1.1\r\n", "DELETE /d HTTP/1.1\r\n"],
  ...["OPTIONS * HTTP/1.1\r\n", "GET http://h/x HTTP/1.1\r\n", "POST http://h HTTP/1.1\r\n"],
  ...[
    "GET /old HTTP/1.0\r\n",
    "POST /old HTTP/1.0\r\n",
    "\r\nGET /late HTTP/1.1\r\n",
    "PURGE /p HTTP/1.1\r\n",
  ],
  ...["PRI * HTTP/2.0\r\n", "GET /\r\n", "CONNECT h:1 HTTP/1.1\r\n", "GET / HTTP/1.2\r\n"],
]);

export const STATUS_LINES = bytes([
  ...["HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200\r\n", "HTTP/1.1 204 No Content\r\n"],
  ...["HTTP/1.1 304 Not Modified\r\n", "HTTP/1.1 100 Continue\r\n", "HTTP/1.1 103 Early Hints\r\n"],
  ...["HTTP/1.0 200 OK\r\n", "HTTP/1.1 500 d\xe9j\xe0\r\n", "HTTP/1.1 999 \r\n", "HTTP/2 200 OK\r\n"],
]);

export const FIELD_LINES = bytes([
  ...["X-A: b\r\n", "X-A:\r\n", "X-A: \t b c \t\r\n", "X-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"],
  ...[
    "Connection: close\r\n",
    "Connection: keep-alive, X-A\r\n",
    "connection: ,te, Upgrade\r\n",
    "TE: trailers\r\n",
    "Connection: Content-Length, Transfer-Encoding, Host\r\n",
  ],
  ...[
    "Expect: 100-continue\r\n",
    "Authorization: t\r\n",
    "X-Forwarded-For: 1.2.3.4\r\n",
    "Keep-Alive: 5\r\n",
  ],
  ...[
    "X-Request-Id: abc\r\n",
    "X-Forwarded-Host: a\r\n",
    "X-Forwarded-Proto: https\r\n",
    "Trailer: X-Sum\r\n",
  ],
  ...["traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n", "Upgrade: websocket\r\n"],
  ...["X-\xe9: a\r\n", "X: \xe9\r\n", "X : a\r\n", " folded\r\n", "X-Sluice-Service: s\r\n", "Host: i\r\n"],
  ...["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer_Encoding: chunked\r\n"],
]);

export const CHUNK_ENDS = bytes([
  "\r\n",
  "\r\n",
  "\r\n",
  ";a\r\n",
  ";a=b\r\n",
  ';a="b;\\"c"\r\n',
  ";\r\n",
  " \r\n",
  "\n",
]);

export const TRAILERS = bytes([
  ...["\r\n", "\r\n", "\r\n", "X-Sum: 1\r\n\r\n", "A:\r\nB: c\r\n\r\n"],
  ...["Content-Length: 5\r\n\r\n", "X : 1\r\n\r\n", "\n"],
]);

/** Put in anywhere, or in place of something. */
export const SCRAPS = bytes([
  ...[
    "\0",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\r\n\r\n",
    " ",
    "  ",
    ":",
    ";",
    ",",
    '"',
    "\\",
    "=",
    "0",
    "1",
    "9",
    "a",
    "f",
  ],
  ...["-", "+", "_", "%", "*", "/", "//", "#", "?", "@", "\x0b", "\x0c", "\x7f", "\x80", "\xff", "~", "^"],
  ...[
    "chunked",
    "identity",
    "gzip, chunked",
    "close",
    "http://h",
    "HTTP/1.0",
    "HTTP/1.1",
    "GET / HTTP/1.1\r\n",
  ],
  ...["Host: h\r\n", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Content-Length: 0\r\n"],
  ...["5\r\n", "0\r\n\r\n", "7fffffff\r\n", "80000000\r\n", "100000005\r\n", "ffffffffffff\r\n", "00000000"],
]);
