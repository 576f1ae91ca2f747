"""Records what http.server makes of its bytes: one JSON line a request on stdout, before the answer."""

import base64
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.record
        raise AttributeError(name)

    def line(self):
        line = self.rfile.readline()
        if not line.endswith(b"\n"):
            raise ValueError("cut off")
        return line

    def body(self):
        # http.server leaves bodies to its user; this is how its users read them.
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            content = b""
            while size := int(self.line().split(b";")[0], 16):
                content += self.rfile.read(size)
                self.line()
            while self.line().strip():
                pass
            return content
        length = int(self.headers.get("Content-Length", 0))
        content = self.rfile.read(length)
        if len(content) < length:
            raise ValueError("cut off")
        return content

    def record(self):
        body = self.body()
        seen = {"method": self.command, "target": self.path, "body": base64.b64encode(body).decode()}
        text = json.dumps(seen)
        print(text, flush=True)
        answer = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except (ValueError, OSError):
            self.close_connection = True


server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
server.daemon_threads = True
print(server.server_address[1], flush=True)
sys.stderr.close()
server.serve_forever()
