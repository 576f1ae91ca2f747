"""A processor that is a package: `processor_entry` names its folder."""
import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tests.engine_stub import Engine  # noqa: E402

CORE = "def double(number):\n    return 2 * number\n"
CLASS = """
    import allspark
    from .core import double

    class Base(allspark.BaseProcessor):
        def pre_process(self, data):
            return int(data)

    class Doubling(Base):
        def process(self, data):
            return str(double(self.pre_process(data))), 200
    """


class PackageTest(unittest.TestCase):
    def start(self, files, entry="scores"):
        engine = Engine(files, entry=entry)
        self.addCleanup(engine.close)
        return engine

    def assert_doubles(self, files, entry="scores"):
        engine = self.start(files, entry)
        engine.ready()
        engine.request(1, b"21")
        self.assertEqual(engine.answer()[1::2], (200, b"42"))

    def test_its_main_is_run_with_relative_imports(self):
        main = "from .service import Doubling\n\nif __name__ == '__main__':\n    Doubling(worker_threads=2).run()\n"
        files = {"scores/__init__.py": "", "scores/core.py": CORE, "scores/service.py": CLASS, "scores/__main__.py": main}
        self.assert_doubles(files)
        self.assert_doubles(files, "scores/")

    def test_the_one_class_that_others_are_not_derived_from_is_served_without_run(self):
        files = {"scores/core.py": CORE, "scores/service.py": CLASS}
        self.assert_doubles({**files, "scores/__init__.py": "from .service import Base, Doubling\n"})
        self.assert_doubles({**files, "scores/__init__.py": "", "scores/__main__.py": "from scores.service import Doubling\n"})

    def test_functions_of_the_package_itself(self):
        files = {"src/scores/core.py": CORE, "src/scores/__init__.py": "from .core import double\n\ndef process(data):\n    return str(double(int(data)))\n"}
        self.assert_doubles(files, "src/scores")

    def test_a_folder_with_main_only_is_run_as_python_does(self):
        main = "from core import double\n\ndef process(data):\n    return str(double(int(data)))\n"
        self.assert_doubles({"scores/core.py": CORE, "scores/__main__.py": main})

    def test_processes_that_multiprocessing_starts_anew_find_the_code(self):
        source = """
            import concurrent.futures
            import multiprocessing
            import allspark
            from %s import double

            class Doubling(allspark.BaseProcessor):
                def process(self, data):
                    anew = multiprocessing.get_context("spawn")
                    with concurrent.futures.ProcessPoolExecutor(1, anew) as pool:
                        return str(pool.submit(double, int(data)).result()), 200

            if __name__ == "__main__":
                Doubling().run()
            """
        self.assert_doubles({"app.py": source % "core", "core.py": CORE}, "app.py")
        self.assert_doubles({"scores/__init__.py": "", "scores/__main__.py": source % ".core", "scores/core.py": CORE})

    def test_what_is_wrong_names_the_place(self):
        def message(files, entry="scores"):
            kind, _, payload = self.start(files, entry).receive()
            self.assertEqual(kind, 0x82)
            return json.loads(payload)["message"]

        broken = {"scores/__init__.py": "", "scores/core.py": "1 / 0\n", "scores/__main__.py": "from . import core\n"}
        self.assertEqual(message(broken), "ZeroDivisionError: division by zero (scores/core.py:1)")
        self.assertRegex(message({"json/__init__.py": ""}, "json"), "^RuntimeError: the package json has the name of another one that comes first, .*: give it another name")
        self.assertEqual(message({"scores/__init__.py": ""}), "RuntimeError: scores has no function process(data, headers) and never called run() of a BaseProcessor")


if __name__ == "__main__":
    unittest.main()
