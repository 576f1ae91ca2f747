"""A server of one's own: the Python standard library, no Sluice in it. It listens where the variable PORT says."""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def word_count(text):
    """How often each word occurs, the most frequent first."""
    counts = {}
    for word in text.lower().split():
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept, so that each request need not open one

    def do_GET(self):
        self.answer(200, {"pid": os.getpid(), "path": self.path})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/count":
            self.answer(200, word_count(body.decode("utf-8", "replace")))
        else:
            self.answer(404, {"error": f"nothing at {self.path}; try POST /count"})

    def answer(self, status, value):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print(form % values, flush=True)


class Server(ThreadingHTTPServer):
    request_queue_size = 128  # the default of 5 turns connections away as soon as several come at once


if __name__ == "__main__":
    server = Server(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
    # Sluice sends SIGTERM when no request is left. `shutdown` waits for the loop, so another thread has to call it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
