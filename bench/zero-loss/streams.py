"""Answers a POST on /stream?chunks=N&everyMs=M with N lines, one every M ms, each a chunk with its number and the version."""

import os
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

VERSION = os.environ["VERSION"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qs(urlsplit(self.path).query)
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number in range(int(query["chunks"][0])):
            if number > 0:
                time.sleep(int(query["everyMs"][0]) / 1000)
            self.chunk(f"{number} {VERSION}\n")
        self.chunk("end\n")
        self.wfile.write(b"0\r\n\r\n")

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def log_message(self, form, *values):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 1024
    daemon_threads = True


# A thread a connection, and the memory limit may be one of address space: the default of 8 MB a stack would be most of it.
threading.stack_size(256 * 1024)
Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
