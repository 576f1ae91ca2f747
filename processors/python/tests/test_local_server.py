"""Trying a processor without an engine."""
import os
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CLASS_FORM = """
import allspark
class P(allspark.BaseProcessor):
    def initialize(self):
        self.path = self.get_model_path()
    def process(self, data):
        return self.path + " " + str(sum(map(int, data.split()))), 200
"""
FUNCTION_FORM = """
def initialize(model_entry, model_config):
    global path
    path = model_entry
def process(data, headers):
    if not data:
        raise ValueError("nothing")
    return path + " " + headers["x-a"] + headers.method
"""


class LocalServerTest(unittest.TestCase):
    def serve(self, source):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "app.py")
        with open(path, "w") as file:
            file.write(source)
        environ = dict(os.environ, PYTHONPATH=ROOT, SLUICE_MODEL_PATH="/m")
        environ.pop("SLUICE_WORKER_SOCKET", None)
        command = [sys.executable, "-m", "allspark", path, "127.0.0.1:0"]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        port = process.stdout.readline().split("listening on ")[1].split(";")[0].rsplit(":", 1)[1]
        return "http://127.0.0.1:%s/api/predict/test" % port

    def post(self, url, body):
        request = urllib.request.Request(url, data=body, headers={"X-A": "1"})
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.read()

    def test_class_form(self):
        url = self.serve(CLASS_FORM)
        self.assertEqual(self.post(url, b"2 105"), b"/m 107")
        with urllib.request.urlopen(url, timeout=10) as response:
            self.assertIn(b'"class": "P"', response.read())

    def test_function_form_and_its_errors(self):
        url = self.serve(FUNCTION_FORM)
        self.assertEqual(self.post(url, b"x"), b"/m 1POST")
        with self.assertRaises(urllib.error.HTTPError) as caught:
            self.post(url, b"")
        self.assertEqual((caught.exception.code, caught.exception.read()), (400, b"ValueError: nothing"))
        caught.exception.close()


if __name__ == "__main__":
    unittest.main()
