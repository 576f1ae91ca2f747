"""Tests without Sluice: `python3 -m unittest`."""
import json
import pathlib
import unittest

import app

HERE = pathlib.Path(__file__).resolve().parent


class AppTest(unittest.TestCase):
    def setUp(self):
        app.initialize(str(HERE / "model" / "line.json"), None)

    def test_rows_are_answered_in_order(self):
        body = (HERE / "request.json").read_bytes()
        self.assertEqual(app.process(body, {}), [{"y": 1.0}, {"y": 5.0}])

    def test_a_body_without_rows_is_400(self):
        self.assertEqual(app.process(b'{"x": 1}', {})[1], 400)

    def test_a_row_without_its_field_raises(self):
        with self.assertRaises(KeyError):
            app.process(json.dumps([{"z": 1}]).encode(), {})


if __name__ == "__main__":
    unittest.main()
