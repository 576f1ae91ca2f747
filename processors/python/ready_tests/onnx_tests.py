"""ONNX models, and the Open Inference Protocol, which needs no more than numpy."""
import json
import pathlib
import struct
import tempfile
import threading
import unittest

import numpy
import onnxruntime

from allspark.messages import Headers, answer_parts
from ready import model, onnx_formats, service
from ready.inference_protocol import InferenceProtocol
from ready_tests import hostile
from ready_tests.inference_protocol import PathTest, RefusalTest, TensorTest  # noqa: F401 - run here
from ready_tests import batches
from ready_tests.refusals import load, load_error, refusal

EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "examples"
WINE = EXAMPLES / "onnx-tabular" / "model" / "model.onnx"
DIGITS = EXAMPLES / "onnx-image" / "model" / "model.onnx"
ROWS = json.loads((EXAMPLES / "onnx-tabular" / "request.json").read_text())
IMAGES = json.loads((EXAMPLES / "onnx-image" / "request.json").read_text())["inputs"]["image"]


def field(number, value):
    """A field of protobuf: a message or text, or a number."""
    if isinstance(value, int):
        return bytes([number << 3]) + varint(value)
    return bytes([number << 3 | 2]) + varint(len(value)) + value


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def value_info(name, kind, shape):
    dims = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, dims)))


def made(nodes, inputs, outputs, opset=17, ir=8, domain=b""):
    """An ONNX model of nodes (operator, inputs, outputs), without the package onnx."""
    graph = b""
    for operator, given, gives in nodes:
        graph += field(1, b"".join(field(1, n) for n in given) + b"".join(field(2, n) for n in gives) + field(4, operator) + field(7, domain))
    graph += field(2, b"g")
    graph += b"".join(field(11, value_info(*i)) for i in inputs) + b"".join(field(12, value_info(*o)) for o in outputs)
    imports = field(8, field(1, b"") + field(2, opset))
    if domain:
        imports += field(8, field(1, domain) + field(2, 1))
    return field(1, ir) + field(7, graph) + imports


FLOAT, INT64, STRING = 1, 7, 8


class OnnxTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.wine = load("onnx", WINE)
        cls.digits = load("onnx", DIGITS)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def file(self, content, name="m.onnx"):
        path = pathlib.Path(self.folder.name) / name
        path.write_bytes(content)
        return path

    def ask(self, loaded, value):
        return loaded.process(json.dumps(value).encode(), {})

    def test_a_batch_answers_each_request_as_alone(self):
        own = batches.own
        table = lambda rows: batches.tensors([("X", "FP32", rows, [len(rows), 13])])  # noqa: E731
        by_name = lambda rows, *names: own({"inputs": {"X": rows}, "outputs": list(names)})  # noqa: E731
        asked = [own(ROWS[:1]), own(ROWS), own([[1, 2]]), own({"instances": ROWS[:2]}), table(ROWS[:2]), by_name(ROWS, "output_label")]
        asked += [by_name(ROWS[:1], "output_label"), by_name(ROWS[:1], "nothing"), own(b"{")]
        found = batches.check(self, self.wine, asked, [4, 2])
        self.assertEqual(found[2][1], 400)

    def test_a_model_with_a_fixed_first_dimension_takes_no_batches(self):
        fixed = made([(b"Identity", [b"x"], [b"y"])], [(b"x", FLOAT, [1, 2])], [(b"y", FLOAT, [1, 2])])
        problem = 'the first dimension of its input "x" is always 1'
        facts, answer_batch = self.served(self.file(fixed))
        self.assertEqual(facts["note"], "metadata.rpc.batching has no effect: " + problem)
        self.assertIsNone(answer_batch)
        facts, answer_batch = self.served(WINE)
        self.assertEqual(facts["note"], "")
        self.assertEqual(len(answer_batch([b"", b"["], [Headers(b"POST /\n")] * 2)), 2)

    def test_several_worker_processes_share_the_cores(self):
        for cpu, processes, cores in ((4, None, 4), (4, 2, 2), (2.5, 2, 2), (1, 4, 1)):
            self.served(WINE, {"cpu": cpu}, {} if processes is None else {"workerProcesses": processes})
            self.assertEqual(model.CORES, cores)

    @staticmethod
    def served(path, cores={"cpu": 1}, rpc={}):
        """What `service` tells its worker of a model, in a service with batches."""

        class Worker:
            init = {
                "processor": {"family": "onnx"},
                "model": {"path": str(path), "entry": None, "config": None},
                "limits": cores,
                "rpc": {"batching": {"sizeMax": 4, "waitMsMax": 5}, **rpc},
            }

            def progress(self, text):
                pass

            def imported(self):
                pass

            def serve_ready(self, _process, _describe, facts, process_batch):
                self.told = facts, process_batch

        worker = Worker()
        service.serve(worker)
        return worker.told

    def test_a_model_whose_first_dimension_is_no_number_of_rows_is_asked_one_by_one(self):
        turned = made([(b"Transpose", [b"x"], [b"y"])], [(b"x", FLOAT, [b"a", b"b"])], [(b"y", FLOAT, [b"b", b"a"])])
        loaded = load("onnx", self.file(turned))
        asked = [batches.own({"inputs": {"x": [[1.5, 2.5, 3.5]]}}), batches.own({"inputs": {"x": [[4.5, 5.5, 6.5], [7.5, 8.5, 9.5]]}})]
        asked = [asked[0], asked[1], asked[0]]
        found = batches.check(self, loaded, asked, [])
        self.assertEqual(found[1], {"outputs": {"y": [[4.5, 7.5], [5.5, 8.5], [6.5, 9.5]]}})

    def test_answers_are_those_of_the_runtime(self):
        session = onnxruntime.InferenceSession(WINE, providers=["CPUExecutionProvider"])
        labels, maps = session.run(None, {"X": numpy.array(ROWS, numpy.float32)})
        wanted = [
            {"output_label": int(label), "output_probability": {str(k): v for k, v in found.items()}}
            for label, found in zip(labels, maps)
        ]
        self.assertEqual(self.ask(self.wine, ROWS), wanted)
        self.assertEqual(self.ask(self.wine, {"instances": ROWS}), {"predictions": wanted})
        self.assertEqual(self.ask(self.wine, [{"X": row} for row in ROWS]), wanted)
        self.assertEqual(self.ask(self.wine, ROWS[0]), wanted[:1])
        columns = self.ask(self.wine, {"inputs": {"X": ROWS}})["outputs"]
        self.assertEqual(columns, {name: [row[name] for row in wanted] for name in ("output_label", "output_probability")})
        self.assertEqual(self.ask(self.wine, {"inputs": {"X": ROWS}, "outputs": ["output_label"]})["outputs"], {"output_label": labels.tolist()})
        self.assertEqual(self.ask(self.wine, []), [])

    def test_missing_numbers_are_null_both_ways(self):
        row = list(ROWS[0])
        row[3] = None
        self.assertEqual(self.ask(self.wine, [row])[0]["output_probability"], {"0": None, "1": None, "2": None})

    def test_images_by_rows_and_by_inputs(self):
        by_input = self.ask(self.digits, {"inputs": {"image": IMAGES}})["outputs"]
        by_row = self.ask(self.digits, IMAGES)
        self.assertEqual([row["digit"] for row in by_row], by_input["digit"])
        self.assertIn("allowed: FP32 [-1,1,8,8]", refusal(self.digits, {"inputs": {"image": IMAGES[0]}}))

    def test_many_threads_at_once(self):
        wanted = self.ask(self.wine, ROWS)
        found = []
        threads = [threading.Thread(target=lambda: found.append(self.ask(self.wine, ROWS))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [wanted] * 8)

    def test_several_inputs_of_different_types(self):
        content = made(
            [(b"Identity", [b"a"], [b"x"]), (b"Identity", [b"s"], [b"y"])],
            [(b"a", INT64, [b"n", 1]), (b"s", STRING, [b"n"])],
            [(b"x", INT64, [b"n", 1]), (b"y", STRING, [b"n"])],
        )
        loaded = load("onnx", self.file(content))
        self.assertEqual([spec.json() for spec in loaded.inputs][1], {"name": "s", "datatype": "BYTES", "shape": [-1]})
        rows = [{"a": 5, "s": "café"}, {"a": [6], "s": ""}]
        self.assertEqual(self.ask(loaded, [rows[0], {"a": 6, "s": ""}]), [{"x": [5], "y": "café"}, {"x": [6], "y": ""}])
        self.assertIn("allowed: an object with \"a\", \"s\"", refusal(loaded, [[1, 2]]))
        self.assertEqual(refusal(loaded, [{"a": 1}]), 'row 1: input "s" is missing')
        self.assertIn("a fraction; allowed for INT64: whole numbers", refusal(loaded, [{"a": 1.5, "s": ""}]))

    def test_what_is_wrong_with_a_request_is_said(self):
        for body, text in (
            ([[1, 2, 3]], "rows: row 1 has 3 values; allowed: 13"),
            ([ROWS[0], ROWS[0][:2]], "rows: row 2 has 2 values; allowed: 13"),
            ([ROWS[0], 5], "rows: row 2 is a whole number; allowed: an array of 13"),
            ([[*ROWS[0][:12], "a"]], "rows: data has a string; allowed for FP32: numbers"),
            ([[*ROWS[0][:12], 1e300]], "rows: data has 1e+300, which is no FP32"),
            ({"inputs": {"Z": []}}, 'unknown input "Z"; allowed: "X"'),
            ({"inputs": {}}, 'input "X" is missing'),
            ({"inputs": [1]}, "inputs is a list; allowed: an object by inputs"),
            ({"inputs": {"X": ROWS}, "outputs": ["q"]}, 'allowed: an array of "output_label", "output_probability"'),
            ({"inputs": {"X": ROWS}, "outputs": [["q"]]}, "allowed: an array of"),
            ({"inputs": {"X": ROWS}, "more": 1}, 'the body has "more"'),
            ({"a": 1}, "the body is an object; allowed: an array of rows"),
            (b"7", "the body is a whole number; allowed: an array of rows"),
            (b"[[NaN]]", "the body has NaN, which is not JSON; a missing number is null"),
            (b'{"inputs": {}, "inputs": {}}', '"inputs" comes twice in one object'),
            (b"\xff\xfe", "neither JSON nor protobuf"),
            (b"[" * 100000, "nested too deeply"),
        ):
            self.assertIn(text, refusal(self.wine, body))

    def test_hostile_bodies_are_refused_quickly_and_in_little_memory(self):
        hostile.check(self, self.wine)

    def test_a_value_nested_deep_behind_a_plain_one_is_refused(self):
        deep = b"[" * 800 + b"]" * 800
        for rows in (b"[[[[0," + deep + b"]]]]", b"[[[[0],[" + deep + b"]]]]"):
            for body in (rows, b'{"inputs": {"image": ' + rows + b"}}"):
                self.assertIsInstance(refusal(self.digits, body), str)

    def test_protobuf_of_the_official_sdk(self):
        # TensorProto: name 1, dims 2, data_type 3, raw_data 5; DataProto: tensors 1 (hie_processor_data.proto of eas-prediction 0.36).
        table = numpy.array(ROWS, numpy.float32)
        tensor = field(1, b"X") + field(2, varint(4) + varint(13)) + field(3, 1) + field(5, table.tobytes())
        body = field(1, tensor)
        found = {name: (datatype, shape, data) for name, datatype, shape, data in onnx_formats.read_data(self.wine.process(body, {}))}
        self.assertEqual(found["output_label"][:2], ("INT64", [4]))
        labels = [row["output_label"] for row in self.ask(self.wine, ROWS)]
        self.assertEqual(list(struct.unpack("<4q", found["output_label"][2])), labels)
        self.assertEqual(found["output_probability"][:2], ("FP32", [4, 3]))
        for size in range(len(body)):
            self.assertIsInstance(refusal(self.wine, body[:size] or b"\n"), str)
        for wrong, text in (
            (field(1, tensor) * 2, "comes twice"),
            (field(1, field(1, b"X") + field(3, 11) + field(5, b"")), "datatype FP64; allowed: FP32"),
            (field(1, field(1, b"X") + field(3, 99)), "data_type 99; allowed: 1 (FP32)"),
            (field(1, field(1, b"Q") + field(3, 1)), 'unknown input "Q"'),
            (field(1, field(1, b"X") + field(2, varint(2**31 - 1) + varint(13)) + field(3, 1)), "its shape [2147483647,13] of FP32 has"),
        ):
            self.assertIn(text, refusal(self.wine, wrong))

    def test_the_open_inference_protocol(self):
        init = {"service": "wine", "version": 1, "model": {"path": str(WINE), "entry": None, "config": None}}
        request = {"inputs": [{"name": "X", "datatype": "FP32", "shape": [4, 13], "data": ROWS}]}
        answer = InferenceProtocol(self.wine, init).answer(json.dumps(request).encode(), Headers(b"POST /v2/models/wine/infer\n"))
        status, _, body = answer_parts(answer)
        self.assertEqual(status, 200, body)
        label, probability = json.loads(body)["outputs"]
        self.assertEqual((probability["datatype"], probability["shape"], len(probability["data"])), ("FP32", [4, 3], 12))
        self.assertEqual(label["data"], [row["output_label"] for row in self.ask(self.wine, ROWS)])

    def test_models_that_cannot_be_served(self):
        good = [(b"Identity", [b"x"], [b"y"])]
        one = [(b"x", FLOAT, [b"n", 2])]
        out = [(b"y", FLOAT, [b"n", 2])]

        def error(content, config=None):
            return load_error("onnx", self.file(content), config)

        version = onnxruntime.__version__
        self.assertEqual(error(made(good, one, out)), "it was loaded")
        self.assertRegex(error(made(good, one, out, ir=99)), r"^m.onnx has ONNX IR version 99; this onnxruntime %s reads up to \d+$" % version)
        self.assertRegex(error(made(good, one, out, opset=99)), r"^m.onnx needs opset 99 of ONNX; this onnxruntime %s has them up to \d+$" % version)
        unknown = made([(b"Foo", [b"x"], [b"y"])], one, out, domain=b"com.acme")
        self.assertIn("uses the operator com.acme:Foo, which this onnxruntime", error(unknown))
        for size in range(0, len(WINE.read_bytes()), 7):
            self.assertNotEqual(error(WINE.read_bytes()[:size]), "it was loaded")
        self.assertIn("m.onnx is empty", error(b""))
        self.assertIn('use processor "sklearn"', error(b"\x80\x04abc."))
        self.assertIn("graph_optimization is 'x'; allowed: \"all\"", error(made(good, one, out), {"graph_optimization": "x"}))
        self.assertIn('knows graph_optimization', error(made(good, one, out), {"threads": 4}))
        self.assertIn("cannot be read", load_error("onnx", pathlib.Path(self.folder.name) / "none"))

    def test_inputs_without_a_shape_take_any(self):
        nothing = lambda name: field(1, name) + field(2, field(1, field(1, FLOAT)))  # noqa: E731
        node = field(1, b"x") + field(2, b"y") + field(4, b"Identity")
        graph = field(1, node) + field(2, b"g") + field(11, nothing(b"x")) + field(12, nothing(b"y"))
        loaded = load("onnx", self.file(field(1, 8) + field(7, graph) + field(8, field(1, b"") + field(2, 17))))
        for value in (5, [1, 2], [[1], [2]], []):
            self.assertEqual(self.ask(loaded, {"inputs": {"x": value}}), {"outputs": {"y": value}})
        self.assertIn("its model does not say of what shape it is", refusal(loaded, [[1, 2]]))

    def test_shapes_that_only_the_model_knows_are_wrong(self):
        content = made([(b"Add", [b"a", b"b"], [b"y"])], [(b"a", FLOAT, [b"n"]), (b"b", FLOAT, [b"m"])], [(b"y", FLOAT, [b"k"])])
        loaded = load("onnx", self.file(content))
        self.assertEqual(self.ask(loaded, {"inputs": {"a": [1, 2], "b": [3, 4]}}), {"outputs": {"y": [4, 6]}})
        self.assertIn("the model cannot take this input", refusal(loaded, {"inputs": {"a": [1, 2], "b": [3, 4, 5]}}))
        self.assertTrue(issubclass(model.BadInput, ValueError))
