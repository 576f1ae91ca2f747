"""The engine's end of the protocol, for tests: starts a worker process on a processor file."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TIMEOUT_S = 10


class Engine:
    def __init__(self, source, threads=4, memory_mb=512, model=None, batching=None, entry="app.py"):
        """`source`: the text of app.py; or of each file, by its path."""
        self.folder = tempfile.TemporaryDirectory()
        for name, text in (source if isinstance(source, dict) else {"app.py": source}).items():
            path = os.path.join(self.folder.name, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(textwrap.dedent(text))
        path = os.path.join(self.folder.name, "s")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(TIMEOUT_S)
        environ = dict(os.environ, SLUICE_WORKER_SOCKET=path, SLUICE_WORKER_INDEX="0")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(ROOT, "worker.py")], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self.sock, _ = self.listener.accept()
        self.sock.settimeout(TIMEOUT_S)
        init = {
            "protocol": 1,
            "processor": {"kind": "custom", "language": "python", "dir": self.folder.name, "entry": entry},
            "model": model or {"path": None, "entry": None, "config": None},
            "rpc": {"workerThreads": threads, "maxQueueSize": 64, "keepaliveMs": 5000},
            "limits": {"cpu": 1, "memoryMb": memory_mb},
        }
        if batching is not None:
            init["rpc"]["batching"] = batching
        self.progress = []
        self.send(0x01, 0, json.dumps(init).encode())

    def send(self, kind, request_id, payload=b""):
        self.sock.sendall(struct.pack("<IBI", len(payload) + 5, kind, request_id) + payload)

    def request(self, request_id, body, head=b"POST /\n"):
        self.send(0x02, request_id, struct.pack("<H", len(head)) + head + body)

    def batch(self, rows, left_ms=5000, head=b"POST /\n"):
        """A BATCH of `rows`, a list of `(id, body)`."""
        payload = struct.pack("<H", len(rows))
        for request_id, body in rows:
            front = struct.pack("<H", len(head)) + head
            payload += struct.pack("<III", request_id, left_ms, len(front) + len(body)) + front + body
        self.send(0x06, 0, payload)

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.sock.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def receive(self):
        while True:
            length, kind, request_id = struct.unpack("<IBI", self._exactly(9))
            payload = self._exactly(length - 5)
            if kind != 0x85:
                return kind, request_id, payload
            self.progress.append(payload.decode())

    def answer(self):
        """(id, status, head, body) of the next RESPONSE or ERROR."""
        kind, request_id, payload = self.receive()
        if kind == 0x84:
            return request_id, struct.unpack_from("<H", payload)[0], None, payload[2:]
        assert kind == 0x83, kind
        status, length = struct.unpack_from("<HI", payload)
        return request_id, status, payload[6 : 6 + length], payload[6 + length :]

    def ready(self):
        kind, _, payload = self.receive()
        assert kind == 0x81, payload
        return json.loads(payload)

    def close(self):
        self.sock.close()
        self.listener.close()
        try:
            self.process.wait(TIMEOUT_S)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.folder.cleanup()
