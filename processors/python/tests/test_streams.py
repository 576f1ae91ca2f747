"""Answers in parts, and asynchronous processors, over the real protocol."""
import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tests.engine_stub import Engine  # noqa: E402

WINDOW = 256 * 1024


class StreamTest(unittest.TestCase):
    def start(self, source, **options):
        engine = Engine(source, **options)
        self.addCleanup(engine.close)
        engine.ready()
        return engine

    def begun(self, engine, request_id):
        """(status, head, body) of the RESPONSE that begins an answer in parts."""
        kind, got, payload = engine.receive()
        self.assertEqual((kind, got), (0x83, request_id), payload)
        status, length = struct.unpack_from("<HI", payload)
        self.assertEqual(status & 0x8000, 0x8000)
        return status & 0x7FFF, payload[6 : 6 + length], payload[6 + length :]

    def parts(self, engine, request_id):
        """The bytes of all PARTs, and the text of the END."""
        body = b""
        while True:
            kind, got, payload = engine.receive()
            self.assertEqual(got, request_id)
            if kind == 0x87:
                return body, payload.decode()
            self.assertEqual(kind, 0x86)
            body += payload

    def test_what_a_generator_yields_goes_out_as_it_comes(self):
        engine = self.start(
            """
            import os, time
            def process(data):
                yield b"first"
                while not os.path.exists(data.decode()):
                    time.sleep(0.01)
                yield "zw\\u00f6lf"
            """
        )
        path = os.path.join(engine.folder.name, "go")
        engine.request(1, path.encode())
        self.assertEqual(self.begun(engine, 1), (200, b"", b"first"))
        open(path, "w").close()
        self.assertEqual(self.parts(engine, 1), ("zwölf".encode(), ""))

    def test_status_and_headers_by_the_first_yield_or_beside_a_generator(self):
        engine = self.start(
            """
            def process(data):
                if data == b"beside":
                    return (str(i) for i in range(3)), 201, {"content-type": "text/event-stream"}
                if data == b"none":
                    return iter(())
                return items()
            def items():
                yield b"a", 202, {"x-a": "1"}
                yield b"b"
            """
        )
        engine.request(1, b"beside")
        self.assertEqual(self.begun(engine, 1), (201, b"content-type: text/event-stream\n", b"0"))
        self.assertEqual(self.parts(engine, 1), (b"12", ""))
        engine.request(2, b"first")
        self.assertEqual(self.begun(engine, 2), (202, b"x-a: 1\n", b"a"))
        self.assertEqual(self.parts(engine, 2), (b"b", ""))
        engine.request(3, b"none")
        self.assertEqual(engine.answer(), (3, 200, b"", b""))

    def test_an_exception_before_the_first_part_is_a_refusal_after_it_an_end(self):
        engine = self.start(
            """
            import sys
            def process(data):
                if data == b"early":
                    raise ValueError("early")
                yield b"x"
                if data == b"exit":
                    sys.exit(3)
                yield 7
            """
        )
        engine.request(1, b"early")
        self.assertEqual(engine.answer(), (1, 400, None, b"ValueError: early"))
        engine.request(2, b"late")
        self.begun(engine, 2)
        body, why = self.parts(engine, 2)
        self.assertEqual((body, why), (b"", "process yielded int; allowed: bytes, str, or (body, status, headers) first"))
        engine.request(3, b"exit")
        self.begun(engine, 3)
        self.assertEqual(self.parts(engine, 3), (b"", "SystemExit: 3"))

    def credit_case(self, source, **options):
        engine = self.start(source, **options)
        engine.request(1, b"")
        _, _, body = self.begun(engine, 1)
        got = len(body)
        while got < WINDOW:
            kind, _, payload = engine.receive()
            self.assertEqual(kind, 0x86)
            got += len(payload)
        self.assertEqual(got, WINDOW)
        # Nothing more comes now; a request that is answered meanwhile shows it.
        engine.send(0x04, 9)
        self.assertEqual(engine.answer()[0], 9)
        engine.send(0x07, 1, struct.pack("<I", 1000))
        while got < WINDOW + 1000:
            kind, _, payload = engine.receive()
            self.assertEqual(kind, 0x86)
            got += len(payload)
        self.assertEqual(got, WINDOW + 1000)
        engine.send(0x03, 1)
        kind, request_id, payload = engine.receive()
        self.assertEqual((kind, request_id, payload), (0x87, 1, b"cancelled"))
        engine.send(0x04, 10)
        self.assertEqual(engine.answer()[0], 10)

    def test_no_more_than_the_window_without_credit_and_cancel_ends_it(self):
        source = """
            def process(data):
                while True:
                    yield b"x" * 70000
            """
        self.credit_case(source, threads=1)
        self.credit_case(source, threads=3)
        self.credit_case(source.replace("def process", "async def process"))

    def test_cancel_closes_the_generator(self):
        engine = self.start(
            """
            import time
            closed = []
            def process(data):
                if data == b"closed":
                    return str(len(closed))
                return endless()
            def endless():
                try:
                    while True:
                        yield b"x"
                        time.sleep(0.005)
                finally:
                    closed.append(1)
            """,
            threads=1,
        )
        engine.request(1, b"")
        self.begun(engine, 1)
        engine.send(0x03, 1)
        self.assertEqual(self.parts(engine, 1)[1], "cancelled")
        engine.request(2, b"closed")
        self.assertEqual(engine.answer()[3], b"1")

    def test_async_functions_run_at_once_in_one_thread(self):
        engine = self.start(
            """
            import asyncio, threading
            here = set()
            async def initialize(entry, config):
                global met
                met = asyncio.Event()
            async def process(data, headers):
                here.add(threading.get_ident())
                if data == b"last":
                    met.set()
                await met.wait()
                return str(len(here)), 201
            """,
            threads=3,
        )
        for request_id, body in ((1, b"a"), (2, b"b"), (3, b"last")):
            engine.request(request_id, body)
        answers = sorted(engine.answer() for _ in range(3))
        self.assertEqual([(a[0], a[1], a[3]) for a in answers], [(i, 201, b"1") for i in (1, 2, 3)])

    def test_async_errors_exits_and_cancellation(self):
        engine = self.start(
            """
            import allspark, asyncio, sys
            class Mine(allspark.BaseProcessor):
                cancelled = 0
                async def process(self, data):
                    if data == b"bad":
                        raise ValueError("bad")
                    if data == b"exit":
                        sys.exit(3)
                    if data == b"task":
                        asyncio.create_task(self.leave())
                        await asyncio.sleep(0.05)
                    if data == b"wait":
                        try:
                            await asyncio.sleep(1000)
                        finally:
                            self.cancelled += 1
                    return "%d" % self.cancelled
                async def leave(self):
                    sys.exit(4)
            Mine().run()
            """
        )
        engine.request(1, b"bad")
        self.assertEqual(engine.answer()[1:], (400, None, b"ValueError: bad"))
        engine.request(2, b"exit")
        self.assertEqual(engine.answer()[1:], (400, None, b"SystemExit: 3"))
        engine.request(3, b"task")
        self.assertEqual(engine.answer()[1:], (200, b"content-type: text/plain; charset=utf-8\n", b"0"))
        engine.request(4, b"wait")
        engine.send(0x03, 4)
        self.assertEqual(engine.answer()[:2], (4, 408))
        engine.request(5, b"")
        self.assertIn(engine.answer()[3], (b"0", b"1"))

    def test_a_request_that_is_too_late_is_not_worked_on(self):
        engine = self.start("def process(data, headers):\n    return '%r' % headers.deadline\n")
        head = b"POST /\n"
        now = time.monotonic()
        for request_id, deadline in ((1, now - 1), (2, now + 100)):
            engine.send(0x09, request_id, struct.pack("<dH", deadline, len(head)) + head)
        self.assertEqual(engine.answer()[:2], (1, 408))
        self.assertEqual(engine.answer()[3], b"%r" % (now + 100))
        long = b"x" * 200000
        engine.send(0x09, 3, struct.pack("<dH", now + 100, len(head)) + head + long)
        self.assertEqual(engine.answer()[3], b"%r" % (now + 100))


if __name__ == "__main__":
    unittest.main()
