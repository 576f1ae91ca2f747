"""The worker process over its real protocol. The full conformance suite is in src/engine."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tests.engine_stub import Engine  # noqa: E402


class WorkerTest(unittest.TestCase):
    def start(self, source, **options):
        engine = Engine(source, **options)
        self.addCleanup(engine.close)
        return engine

    def test_class_form_as_published_runs_unchanged(self):
        engine = self.start(
            """
            # -*- coding: utf-8 -*-
            import allspark

            class MyProcessor(allspark.BaseProcessor):
                def initialize(self):
                    self.module = {'w0': 100, 'w1': 2}
                    self.where = self.get_model_path().decode()
                def pre_process(self, data):
                    x, y = data.split(b' ')
                    return int(x), int(y)
                def post_process(self, data):
                    return bytes(data, encoding='utf8')
                def process(self, data):
                    x, y = self.pre_process(data)
                    return self.post_process(str(x + y)), 0

            if __name__ == '__main__':
                allspark.default_properties().put('rpc.keepalive', '10000')
                runner = MyProcessor(worker_threads=10)
                runner.run()
            """
        )
        self.assertEqual(engine.ready()["rpc"], {"keepaliveMs": 10000, "workerThreads": 10})
        engine.request(1, b"2 105")
        self.assertEqual(engine.answer(), (1, 200, b"", b"107"))
        engine.request(2, b"no")
        request_id, status, _, body = engine.answer()
        self.assertEqual((request_id, status), (2, 400))
        self.assertEqual(body, b"ValueError: not enough values to unpack (expected 2, got 1)")

    def test_batch_is_one_call_and_each_request_has_its_own_answer(self):
        engine = self.start(
            """
            def process_batch(data, headers):
                assert all(h.deadline is not None for h in headers)
                return [ValueError("row %s is bad" % row.decode()) if row == b"b" else b"%d of %d" % (i, len(data))
                        for i, row in enumerate(data)]
            """,
            batching={"sizeMax": 8, "waitMsMax": 5},
        )
        self.assertIs(engine.ready()["batch"], True)
        engine.batch([(1, b"a"), (2, b"b"), (3, b"c")])
        self.assertEqual(engine.answer(), (1, 200, b"", b"0 of 3"))
        self.assertEqual(engine.answer(), (2, 400, None, b"ValueError: row b is bad"))
        self.assertEqual(engine.answer(), (3, 200, b"", b"2 of 3"))

    def test_a_batch_that_raises_is_tried_request_by_request(self):
        engine = self.start(
            """
            import allspark
            class MyProcessor(allspark.BaseProcessor):
                def process_batch(self, data):
                    return [str(int(row) * 2) for row in data]
            """,
            batching={"sizeMax": 8, "waitMsMax": 5},
        )
        engine.ready()
        engine.batch([(1, b"4"), (2, b"four"), (3, b"5")])
        self.assertEqual(engine.answer()[3], b"8")
        self.assertEqual(engine.answer()[1], 400)
        self.assertEqual(engine.answer()[3], b"10")
        engine.request(4, b"21")
        self.assertEqual(engine.answer()[3], b"42")

    def test_a_wrong_number_of_answers_is_nobodys_answer(self):
        engine = self.start("def process_batch(data):\n    return data[1:]\n", batching={"sizeMax": 8, "waitMsMax": 5})
        engine.ready()
        engine.batch([(1, b"a"), (2, b"b")])
        for request_id in (1, 2):
            self.assertEqual(
                engine.answer(), (request_id, 500, None, b"process_batch returned 1 answers to 2 requests")
            )

    def test_process_serves_where_batching_is_off(self):
        engine = self.start("def process(data):\n    return b'one'\ndef process_batch(data):\n    return [b'many'] * len(data)\n")
        self.assertIs(engine.ready()["batch"], True)
        engine.request(1, b"")
        self.assertEqual(engine.answer()[3], b"one")

    def test_function_form_gets_model_and_headers(self):
        engine = self.start(
            """
            import allspark
            def initialize(model_entry, model_config):
                global model
                allspark.progress("half way")
                model = [model_entry, model_config]
            def process(data, headers):
                return {"model": model, "a": headers["X-A"], "b": headers.get("x-b"), "path": headers.path, "n": len(data)}
            """,
            model={"path": "/m", "entry": "/m/e", "config": "{}"},
        )
        engine.ready()
        self.assertEqual(engine.progress, ["running app.py", "initializing app.py", "half way"])
        engine.request(7, b"\0" * 100000, b"POST /x?y=1\nX-A: 1\nx-a: 2\n")
        _, status, head, body = engine.answer()
        self.assertEqual((status, head), (200, b"content-type: application/json\n"))
        self.assertEqual(json.loads(body), {"model": ["/m/e", "{}"], "a": "1, 2", "b": None, "path": "/x?y=1", "n": 100000})

    def test_slow_requests_run_at_once_and_do_not_hold_up_quick_ones(self):
        engine = self.start(
            """
            import threading
            both = threading.Barrier(4)
            def process(data, headers):
                if data == b"slow":
                    both.wait(5)
                return data
            """
        )
        engine.ready()
        engine.request(1, b"quick")
        engine.request(2, b"slow")
        self.assertEqual(engine.answer()[0], 1)
        for request_id in (3, 4, 5):
            engine.request(request_id, b"slow")
        self.assertEqual(sorted(engine.answer()[0] for _ in range(4)), [2, 3, 4, 5])

    def test_returned_forms(self):
        engine = self.start(
            """
            answers = [b"b", "t", ["j"], (b"x", 0), ("y", 418), (b"z", 200, {"Content-Type": "a/b"}), None, (b"", 99)]
            def process(data):
                return answers[int(data)]
            """,
            threads=1,
        )
        engine.ready()
        text, as_json = b"content-type: text/plain; charset=utf-8\n", b"content-type: application/json\n"
        expected = [
            (200, b"", b"b"), (200, text, b"t"), (200, as_json, b'["j"]'), (200, b"", b"x"), (418, text, b"y"),
            (200, b"Content-Type: a/b\n", b"z"),
        ]  # fmt: skip
        for index, want in enumerate(expected):
            engine.request(index, b"%d" % index)
            self.assertEqual(engine.answer(), (index, *want))
        for index, word in ((6, b"NoneType"), (7, b"99")):
            engine.request(index, b"%d" % index)
            _, status, _, body = engine.answer()
            self.assertEqual(status, 500)
            self.assertIn(word, body)

    def test_an_answer_that_cannot_be_sent_is_not_the_callers_fault(self):
        engine = self.start(
            """
            circle = []
            circle.append(circle)
            answers = [{"a": object()}, {"a": float("nan")}, circle, "\\ud800", ("x", 200, {1: 2}), ("x", 200, "abc"), ("x", 200, {"a b": "c"}),
                       ("x", 200, {"a": "b\\nc: d"}), ("x", 200, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])]
            def process(data):
                return answers[int(data)]
            """
        )
        engine.ready()
        words = [
            b"a dict that cannot be sent as JSON: Object of type object", b"not JSON compliant", b"a list that cannot be sent as JSON: Circular", b"is no UTF-8",
            None, b"the response headers 'abc'; allowed: a mapping, or (name, value) pairs", b"is not a name and one line: 'a b'", b"is not a name and one line: 'a'",
        ]  # fmt: skip
        for index, word in enumerate(words):
            engine.request(index, b"%d" % index)
            _, status, head, body = engine.answer()
            if word is None:
                self.assertEqual((status, head), (200, b"content-type: text/plain; charset=utf-8\n1: 2\n"))
                continue
            self.assertEqual(status, 500, body)
            self.assertIn(word, body)
        engine.request(99, b"8")
        self.assertEqual(engine.answer()[2], b"content-type: text/plain; charset=utf-8\nSet-Cookie: a=1\nSet-Cookie: b=2\n")

    def test_failures_at_start_say_where(self):
        for source, word in (
            ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module_here' (app.py:1)"),
            ("x = 1", "has no function process"),
            ("def process(:", "(app.py:1)"),
            ("import sys\nsys.exit(3)", "exit code 3"),
        ):
            engine = self.start(source)
            kind, _, payload = engine.receive()
            self.assertEqual(kind, 0x82)
            self.assertIn(word, json.loads(payload)["message"])
            self.assertEqual(engine.process.wait(10), 1)

    def test_memory_error_names_the_field_and_the_worker_lives(self):
        engine = self.start(
            """
            def process(data):
                if data == b"bomb":
                    hold = []
                    while True:
                        hold.append(bytearray(1 << 20))
                return data
            """,
            memory_mb=200,
        )
        engine.ready()
        engine.request(1, b"bomb")
        request_id, status, _, body = engine.answer()
        self.assertEqual((request_id, status), (1, 500))
        self.assertIn(b"metadata.memory is 200 MB", body)
        engine.request(2, b"ok")
        self.assertEqual(engine.answer()[3], b"ok")

    def test_a_body_that_does_not_fit_in_memory_is_refused_and_the_worker_lives(self):
        engine = self.start("def process(data):\n    return str(len(data))\n", memory_mb=100)
        engine.ready()
        engine.request(1, b"x" * 200_000_000)
        engine.request(2, b"x" * 10_000_000)
        request_id, status, _, body = engine.answer()
        self.assertEqual((request_id, status), (1, 500))
        self.assertIn(b"metadata.memory is 100 MB", body)
        self.assertEqual(engine.answer()[3], b"10000000")

    def test_shutdown_and_end_of_stream(self):
        source = "def process(data):\n    return data\n"
        engine = self.start(source)
        engine.ready()
        engine.send(0x04, 9)
        self.assertEqual(json.loads(engine.answer()[3])["processor"], "custom")
        engine.send(0x05, 0)
        self.assertEqual(engine.process.wait(10), 0)
        engine = self.start(source)
        engine.ready()
        engine.sock.close()
        self.assertEqual(engine.process.wait(10), 0)


if __name__ == "__main__":
    unittest.main()
