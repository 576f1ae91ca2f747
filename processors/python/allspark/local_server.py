"""A plain HTTP server for trying a processor without an engine, as the original `allspark` has it."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from . import streams
from .messages import BadAnswer, answer_parts
from .processor import json_text
from .serving import one_line


#: Where the original listens when nothing else is said (eas-reference section 5.4).
ENDPOINT = "0.0.0.0:8080"


def make_server(call, describe, endpoint, worker_threads=None):
    """A server on `endpoint` ("host:port") that answers every path with `call(body, head, deadline)`, `worker_threads` at once."""
    host, _, port = endpoint.rpartition(":")
    slots = threading.Semaphore(worker_threads or 5)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                lines = ["%s %s\n" % (self.command, self.path)]
                lines.extend("%s: %s\n" % field for field in self.headers.items())
                with slots:
                    result = call(body, "".join(lines).encode("latin-1"), None)
                    found = streams.split(result)
                    if found is not None:
                        self._stream(*found)
                        return
                    status, head, out = answer_parts(result)
            except BadAnswer as error:
                status, head, out = 500, b"", str(error).encode()
            except Exception as error:
                self.log_error("%s", one_line(error))
                status, head, out = 400, b"", one_line(error).encode()
            self._reply(status, head, out)

        def do_GET(self):
            self._reply(200, b"content-type: application/json\n", json_text(describe()))

        def _stream(self, items, rest):
            """An answer in parts, chunked (RFC 9112 section 7.1)."""
            if not streams.is_iterator(items):
                from . import coroutines

                items = coroutines.waited(items)
            begun = False
            for item in items:
                if begun:
                    self._chunk(streams.part_bytes(item))
                    continue
                status, head, body = streams.first_parts(item, rest)
                self._head(status, head, ("Transfer-Encoding", "chunked"))
                begun = True
                self._chunk(body)
            if begun:
                self.wfile.write(b"0\r\n\r\n")
            else:
                self._reply(*answer_parts((b"",) + (rest or (200,))))

        def _chunk(self, body):
            if body:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

        def _reply(self, status, head, body):
            self._head(status, head, ("Content-Length", str(len(body))))
            self.wfile.write(body)

        def _head(self, status, head, framing):
            self.send_response(status)
            for line in head.decode("latin-1").splitlines():
                name, _, value = line.partition(": ")
                self.send_header(name, value)
            self.send_header(*framing)
            self.end_headers()

        def log_message(self, *_unused):
            pass

    return ThreadingHTTPServer((host or "0.0.0.0", int(port)), Handler)


def serve(call, describe, endpoint, worker_threads=None):
    """Serves until interrupted."""
    server = make_server(call, describe, endpoint, worker_threads)
    print("listening on %s:%d; try: curl http://127.0.0.1:%d/api/predict/test -d '...'" % (*server.server_address, server.server_address[1]), flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
