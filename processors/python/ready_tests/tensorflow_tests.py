import math
import pathlib
import shutil
import tempfile
import threading
import unittest

import numpy

from ready_tests import batches, hostile
from ready_tests import protobuf_requests as requests
from ready_tests.refusals import load, load_error, refusal

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "tensorflow" / "model"


def build(folder, tf):
    """A SavedModel with signatures of many dtypes, and a frozen graph."""
    v1 = tf.compat.v1

    class Model(tf.Module):
        def __init__(self):
            super().__init__()
            self.weights = tf.Variable([[1.0], [2.0]])

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
        def line(self, x):
            return {"y": tf.matmul(x, self.weights)}

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="s"), tf.TensorSpec([], tf.float16, name="h"), tf.TensorSpec(None, tf.bfloat16, name="b")])
        def mixed(self, s, h, b):
            return {"s": tf.strings.upper(s), "n": tf.strings.length(s), "h": h * 2, "b": b * 2, "c": tf.complex(3.0, 4.0), "u": tf.constant(7, tf.uint32)}

    model = Model()
    tf.saved_model.save(model, str(folder / "two"), signatures={"line": model.line, "mixed": model.mixed})
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 2], name="x")
        k = v1.placeholder_with_default(tf.constant(10.0), [], name="k")
        inner = tf.multiply(x, 2.0, name="inner")
        tf.add(inner, k, name="y")
        v1.train.write_graph(graph.as_graph_def(), str(folder), "frozen.pb", as_text=False)
    with tf.Graph().as_default() as graph:
        v1.get_variable("w", [2])
        v1.train.write_graph(graph.as_graph_def(), str(folder), "variables.pb", as_text=False)


class TensorflowTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.wine = load("tensorflow", EXAMPLE)
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        build(cls.folder, cls.wine._tf)
        cls.two = load("tensorflow", cls.folder / "two", {"signature_name": "line"})
        cls.frozen = load("tensorflow", cls.folder / "frozen.pb")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def ask(self, model, inputs, signature="", outputs=()):
        found = refusal(model, requests.tensorflow_request(inputs, signature, outputs))
        return requests.tensorflow_answer(found) if isinstance(found, bytes) else found

    def test_a_batch_answers_each_request_as_alone(self):
        own = batches.own
        table = lambda rows: batches.tensors([("x", "FP32", rows, [len(rows), 2])])  # noqa: E731
        asked = [table([[1, 2]]), table([[3, 4], [5, 6]]), table([[1]]), own({"instances": [[1, 2]]}), own({"inputs": {"x": [[7, 8]]}})]
        found = batches.check(self, self.two, asked, [4])
        self.assertEqual(found[2][1], 400)
        # One of its inputs has no rows.
        self.assertEqual(self.frozen.batch_problem(), 'the model does not say the shape of its input "k"')
        mixed = own({"signature_name": "mixed", "inputs": {"s": ["a"], "h": 1.5, "b": [2.5]}})
        batches.check(self, self.two, [mixed, mixed], [])

    def test_it_describes_itself_in_the_form_of_eas(self):
        told = self.wine.describe()
        self.assertEqual(told["signature_name"], "serving_default")
        self.assertEqual(told["inputs"], [{"name": "wines", "shape": [-1, 13], "type": "DT_FLOAT"}])
        self.assertEqual(told["outputs"], [{"name": "probabilities", "shape": [-1, 3], "type": "DT_FLOAT"}])
        self.assertEqual([other["signature_name"] for other in told["others"]], ["names"])
        self.assertRegex(told["library"], r"^tensorflow \d")

    def test_protobuf_and_json_get_the_same_numbers(self):
        rows = numpy.random.default_rng(3).random((2, 13)).astype(numpy.float32)
        found = self.ask(self.wine, {"wines": ("DT_FLOAT", [2, 13], "float_val", rows.ravel().tolist())}, "serving_default")
        told = self.wine.process(('{"instances": %s}' % rows.tolist()).encode(), {})
        self.assertEqual(found["probabilities"][1], [2, 3])
        self.assertEqual(found["probabilities"][2], [p for row in told["predictions"] for p in row])
        self.assertEqual(self.wine.infer({"wines": rows}, None)["probabilities"].ravel().tolist(), found["probabilities"][2])

    def test_a_signature_is_chosen_and_a_wrong_one_lists_those_there_are(self):
        line = {"x": ("DT_FLOAT", [1, 2], "float_val", [1, 1])}
        self.assertEqual(self.ask(self.two, line)["y"][2], [3])
        self.assertEqual(self.ask(self.two, line, "line")["y"][2], [3])
        self.assertEqual(self.ask(self.two, line, "other"), "signature_name is 'other'; the model has: line, mixed")
        unsaid = load("tensorflow", self.folder / "two")
        self.assertEqual(self.ask(unsaid, line), "the request names no signature; the model has: line, mixed")
        self.assertIn("model_config.signature_name: found 'no'", load_error("tensorflow", self.folder / "two", {"signature_name": "no"}))

    def test_texts_and_short_floats(self):
        inputs = {
            "s": ("DT_STRING", [2], "string_val", [b"a", "ä".encode()]),
            "h": ("DT_HALF", [], "float_val", [1.5]),
            "b": ("DT_BFLOAT16", [1, 2], "float_val", [1, -2]),
        }
        found = self.ask(self.two, inputs, "mixed", ["s", "n", "h", "b", "c"])
        wanted = {
            "s": ("DT_STRING", [2], [b"A", "ä".encode()]),
            "n": ("DT_INT32", [2], [1, 2]),
            "h": ("DT_HALF", [], [3]),
            "b": ("DT_BFLOAT16", [1, 2], [2, -4]),
            "c": ("DT_COMPLEX64", [], [3, 4]),
        }
        self.assertEqual(found, wanted)
        self.assertIn("output u is uint32, for which this format has no field", self.ask(self.two, inputs, "mixed", ["u"]))
        body = {"signature_name": "mixed", "inputs": {"s": ["a", {"b64": "/w=="}], "h": 1.5, "b": [1]}, "output_filter": ["s", "u", "b"]}
        self.assertEqual(refusal(self.two, body), {"outputs": {"s": ["A", {"b64": "/w=="}], "u": 7, "b": [2.0]}})
        body["output_filter"] = ["c"]
        self.assertIn("output c is complex", refusal(self.two, body))

    def test_refusals_in_protobuf_name_what_is_allowed(self):
        row = [1.0] * 13
        wrong = [
            ({"wine": ("DT_FLOAT", [1, 13], "float_val", row)}, "input wine is unknown; allowed: wines"),
            ({}, "input wines is missing; allowed: wines"),
            ({"wines": ("DT_DOUBLE", [1, 13], "double_val", row)}, "input wines is DT_DOUBLE; allowed: DT_FLOAT"),
            ({"wines": ("DT_FLOAT", [13], "float_val", row)}, "input wines has the shape [13]; allowed: [-1, 13] (-1: any)"),
        ]
        for inputs, told in wrong:
            self.assertEqual(self.ask(self.wine, inputs, "serving_default"), told)
        right = {"wines": ("DT_FLOAT", [1, 13], "float_val", row)}
        self.assertEqual(self.ask(self.wine, right, "", ["name"]), "output name is unknown; allowed: probabilities")

    def test_refusals_in_json_name_what_is_allowed(self):
        wrong = [
            (b"{", "the body is not JSON"),
            (b"[" * 100_000, "nested too deep"),
            (b'{"instances": [], "instances": []}', "the body has instances twice"),
            ([1], 'the body is a list; allowed: an object with "instances" or "inputs"'),
            ({}, "the request has neither"),
            ({"inputs": 1, "instances": []}, "the request has both"),
            ({"rows": []}, "the request has rows; allowed: signature_name, instances"),
            ({"instances": 3}, "instances is a number"),
            ({"instances": [["a"] * 13]}, "input wines is DT_FLOAT; allowed: numbers"),
            ({"instances": [[1] * 13, [1]]}, "its rows have different lengths"),
            ({"instances": [[1] * 12]}, "has the shape [1, 12]; allowed: [-1, 13]"),
            ({"instances": [{"wine": [1] * 13}]}, "input wine is unknown; allowed: wines"),
            ({"instances": [{"wines": [1] * 13}, {}]}, "instances[1] has ; instances[0] has wines"),
            ({"signature_name": 3, "inputs": 1}, "signature_name is a number"),
            ({"inputs": [[None] * 13]}, "allowed: numbers"),
            ({"inputs": [[10**400] + [1] * 12]}, "input wines has a number that no float can be"),
        ]
        for body, told in wrong:
            self.assertIn(told, str(refusal(self.wine, body)))
        mixed = {"signature_name": "mixed", "inputs": {"s": ["a"], "h": 1, "b": 1}}
        self.assertIn("input s is DT_STRING and has a number", refusal(self.two, {**mixed, "inputs": {**mixed["inputs"], "s": [1]}}))
        self.assertIn("not base64", refusal(self.two, {**mixed, "inputs": {**mixed["inputs"], "s": [{"b64": "*"}]}}))

    def test_hostile_bodies_are_refused_quickly_and_in_little_memory(self):
        hostile.check(self, self.wine)

    def test_an_input_by_both_of_its_names_is_given_twice(self):
        row = ("DT_FLOAT", [1, 2], "float_val", [1, 1])
        told = "the request has the input x twice (x:0 is another name of it); allowed: each once"
        self.assertEqual(self.ask(self.two, {"x": row, "x:0": row}), told)
        self.assertEqual(refusal(self.two, {"inputs": {"x": [[1, 1]], "x:0": [[1, 1]]}}), told)
        self.assertEqual(refusal(self.two, {"instances": [{"x": [1, 1], "x:0": [1, 1]}]}), told)

    def test_numbers_that_json_cannot_say_are_null_in_answers(self):
        body = b'{"inputs": [[NaN, 1], [1e39, 1], [1, 1]]}'
        self.assertEqual(self.two.process(body, {}), {"outputs": [[None], [None], [3.0]]})
        rows = b'{"signature_name": "mixed", "inputs": {"s": [], "h": NaN, "b": [-Infinity, 1]}, "output_filter": ["h", "b"]}'
        self.assertEqual(self.two.process(rows, {}), {"outputs": {"h": None, "b": [None, 2.0]}})

    def test_whole_numbers_of_any_length_are_numbers(self):
        found = refusal(self.wine, {"inputs": [[2**70, 2**63] + [1.5] * 11], "output_filter": ["probabilities"]})
        self.assertEqual(len(found["outputs"][0]), 3)

    def test_an_empty_batch_and_what_is_not_a_number_pass(self):
        self.assertEqual(refusal(self.wine, {"instances": []}), {"predictions": []})
        empty = self.ask(self.wine, {"wines": ("DT_FLOAT", [0, 13], "float_val", [])})
        self.assertEqual(empty["probabilities"], ("DT_FLOAT", [0, 3], []))
        values = [math.nan] + [math.inf] * 12
        found = self.ask(self.wine, {"wines": ("DT_FLOAT", [1, 13], "float_val", values)})
        self.assertTrue(all(math.isnan(v) for v in found["probabilities"][2]))

    def test_a_request_that_breaks_off_anywhere_is_refused(self):
        body = requests.tensorflow_request({"wines": ("DT_FLOAT", [1, 13], "float_val", [1.0] * 13)}, "serving_default", ["probabilities"])
        self.assertIsInstance(refusal(self.wine, body), bytes)
        for part in requests.every_beginning(body):
            told = refusal(self.wine, part)
            if not isinstance(told, bytes):
                self.assertRegex(told, r"^(the body is not a whole|input wines |signature_name is )")

    def test_a_frozen_graph_tells_its_inputs_and_outputs_and_gives_any_node(self):
        told = self.frozen.describe()
        self.assertEqual([i["name"] for i in told["inputs"]], ["x", "k"])
        self.assertEqual([o["name"] for o in told["outputs"]], ["y"])
        x = {"x": ("DT_FLOAT", [1, 2], "float_val", [1, 2])}
        self.assertEqual(self.ask(self.frozen, x, "predict_images")["y"][2], [12, 14])
        self.assertEqual(self.ask(self.frozen, {**x, "k": ("DT_FLOAT", [], "float_val", [0])}, "", ["inner", "y:0"]), {"inner": ("DT_FLOAT", [1, 2], [2, 4]), "y:0": ("DT_FLOAT", [1, 2], [2, 4])})
        self.assertIn("output none is unknown", self.ask(self.frozen, x, "", ["none"]))
        self.assertEqual(self.ask(self.frozen, {"x:0": x["x"]})["y"][2], [12, 14])

    def test_model_config_names_the_inputs_and_outputs_of_a_graph(self):
        config = {"inputs": ["x"], "outputs": {"twice": "inner:0"}}
        model = load("tensorflow", self.folder / "frozen.pb", config)
        self.assertEqual(refusal(model, {"instances": [[1, 2]]}), {"predictions": [[2.0, 4.0]]})
        self.assertIn("model_config.outputs: the graph has no node z", load_error("tensorflow", self.folder / "frozen.pb", {"outputs": ["z"]}))
        unknown = 'model_config has the unknown "output"; processor "tensorflow_cpu" knows signature_name, tags, inputs, outputs'
        self.assertEqual(load_error("tensorflow", self.folder / "frozen.pb", {"output": ["z"]}), unknown)
        self.assertIn("model_config.inputs: allowed: a list", load_error("tensorflow", self.folder / "frozen.pb", {"inputs": 3}))

    def test_several_threads_ask_one_model(self):
        wrong = []

        def ask(at):
            for _ in range(30):
                found = self.ask(self.two, {"x": ("DT_FLOAT", [1, 2], "float_val", [at, 1])}, "line")["y"][2]
                wrong.extend([] if found == [at + 2] else [found])

        threads = [threading.Thread(target=ask, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_folders_and_files_that_are_no_model_are_told(self):
        folder = self.folder / "bad"
        folder.mkdir()
        self.assertIn("bad has nothing; allowed: a SavedModel", load_error("tensorflow", folder))
        shutil.copytree(EXAMPLE, folder / "3")
        self.assertEqual(load_error("tensorflow", folder), "it was loaded")  # the layout of TensorFlow Serving
        whole = (EXAMPLE / "saved_model.pb").read_bytes()
        (folder / "3" / "saved_model.pb").write_bytes(whole[:1000])
        self.assertRegex(load_error("tensorflow", folder / "3"), "is no SavedModel|cannot load")
        (folder / "3" / "saved_model.pb").write_bytes(whole)
        shutil.rmtree(folder / "3" / "variables")
        self.assertIn("3 is a SavedModel that TensorFlow", load_error("tensorflow", folder / "3"))
        self.assertIn("has no part with the tags ['gpu']; there is: [serve]", load_error("tensorflow", EXAMPLE, {"tags": ["gpu"]}))

    def test_files_of_other_frameworks_are_told(self):
        file = self.folder / "model.pb"
        graph = (self.folder / "frozen.pb").read_bytes()
        for content in (graph[: len(graph) // 2 - 3], b"\xff\x00" * 50):
            file.write_bytes(content)
            self.assertRegex(load_error("tensorflow", file), "^model.pb is (no TensorFlow graph|a graph that)|of no known format")
        file.write_bytes(b"\x89HDF\r\n\x1a\nabc")
        self.assertIn("model.pb is an HDF5 file", load_error("tensorflow", file))
        file.write_bytes(b"\x1c\x00\x00\x00TFL3abc")
        self.assertIn("TensorFlow Lite", load_error("tensorflow", file))
        file.write_bytes(b"")
        self.assertIn("model.pb is empty", load_error("tensorflow", file))
        file.write_bytes((EXAMPLE.parents[1] / "pytorch" / "model" / "iris.pt").read_bytes())
        self.assertIn('use processor "pytorch_cpu" for it', load_error("tensorflow", file))
        self.assertIn("variables (w); freeze it", load_error("tensorflow", self.folder / "variables.pb"))


if __name__ == "__main__":
    unittest.main()
