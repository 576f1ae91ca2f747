"""Caffe, and the protobuf formats of all frameworks, which need nothing but numpy and protobuf."""
import math
import pathlib
import shutil
import tempfile
import threading
import unittest

import cv2
import numpy

from ready import protobuf_formats
from ready.model import BadInput
from ready.prototxt import PrototxtError, net_of
from ready_tests import protobuf_requests as requests
from ready_tests.refusals import load, load_error, refusal

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "caffe" / "model"
IMAGES = numpy.random.default_rng(5).random((3, 1, 8, 8)).astype(numpy.float32)
MESSAGES = requests.caffe()

#: A caffemodel that says nothing but the name of its net.
NO_WEIGHTS = b"\x0a\x01x"
CUT = """
    layer { name: "in" type: "Input" top: "data" input_param { shape { dim: 1 dim: 4 dim: 1 dim: 1 } } }
    layer { name: "cut" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { axis: 1 slice_point: 1 } }"""


def request(inputs, outputs=(), kinds=MESSAGES):
    made = kinds["PredictRequest"](output_filter=list(outputs))
    for name, values in inputs:
        made.input_name.append(name)
        array = made.input_data.add()
        array.shape.dim.extend(values.shape)
        array.data.extend(values.ravel().tolist())
    return made.SerializeToString()


def answer(body):
    found = MESSAGES["PredictResponse"].FromString(body)
    return {n: numpy.array(a.data, numpy.float32).reshape(a.shape.dim) for n, a in zip(found.output_name, found.output_data)}


class CaffeTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = load("caffe", EXAMPLE)
        net = cv2.dnn.readNetFromCaffe(str(EXAMPLE / "deploy.prototxt"), str(EXAMPLE / "digits.caffemodel"))
        net.setInput(IMAGES, "data")
        cls.own = net.forward("prob").copy()

    def refused(self, *args, **more):
        return refusal(self.model, request(*args, **more))

    def test_answers_as_opencv_does_whatever_way_the_request_is_written(self):
        for kinds in (MESSAGES, requests.caffe(is_packed=False)):
            found = answer(self.model.process(request([("data", IMAGES)], kinds=kinds), {}))
            self.assertEqual(list(found), ["prob"])
            numpy.testing.assert_array_equal(found["prob"], self.own)
        numpy.testing.assert_array_equal(self.model.infer({"data": IMAGES}, None)["prob"], self.own)

    def test_an_inner_layer_can_be_asked_for_and_an_empty_batch_is_one(self):
        found = answer(self.model.process(request([("data", IMAGES)], ["conv", "prob"]), {}))
        self.assertEqual([list(found), found["conv"].shape], [["conv", "prob"], (3, 8, 6, 6)])
        self.assertGreaterEqual(found["conv"].min(), 0)  # behind the ReLU that is done in place
        empty = answer(self.model.process(request([("data", IMAGES[:0])]), {}))
        self.assertEqual(empty["prob"].shape, (0, 10))

    def test_what_is_not_a_number_is_for_the_net_to_judge_and_changes_no_other_row(self):
        images = IMAGES.copy()
        images[1] = math.nan
        found = answer(self.model.process(request([("data", images)]), {}))["prob"]
        self.assertFalse(numpy.array_equal(found[1], self.own[1]))
        numpy.testing.assert_array_equal(found[[0, 2]], self.own[[0, 2]])

    def test_refusals_name_what_is_allowed(self):
        self.assertEqual(self.refused([("dat", IMAGES)]), "input dat is unknown; allowed: data")
        self.assertEqual(self.refused([]), "input data is missing; allowed: data")
        self.assertEqual(self.refused([("data", IMAGES)], ["top"]), "output top is unknown; allowed: prob")
        self.assertEqual(self.refused([("data", IMAGES[:, :, :4])]), "input data has the shape [3, 1, 4, 8]; allowed: [-1, 1, 8, 8] (-1: any)")
        self.assertEqual(self.refused([("data", IMAGES)] * 2), "the request has the input data twice; allowed: each once")
        self.assertIn("the body is JSON", refusal(self.model, {"inputs": []}))
        lonely = MESSAGES["PredictRequest"](input_name=["data"]).SerializeToString()
        self.assertIn("1 names of inputs and 0 arrays", refusal(self.model, lonely))

    def test_a_request_that_breaks_off_anywhere_is_refused(self):
        for part in requests.every_beginning(request([("data", IMAGES[:1])], ["prob"])):
            found = refusal(self.model, part)
            if not isinstance(found, bytes):
                self.assertRegex(found, r"^(the body is not a whole|input data|the request has)")

    def test_several_at_once_get_their_own_answers(self):
        wrong = []

        def ask(at):
            for _ in range(30):
                found = answer(self.model.process(request([("data", IMAGES[at : at + 1])]), {}))["prob"]
                if not numpy.allclose(found, self.own[at : at + 1], atol=1e-6):
                    wrong.append(at)

        threads = [threading.Thread(target=ask, args=(at,)) for at in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def made(self, text):
        """A net of layers without weights."""
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        (pathlib.Path(holder.name) / "deploy.prototxt").write_text(text)
        (pathlib.Path(holder.name) / "none.caffemodel").write_bytes(NO_WEIGHTS)
        return load("caffe", holder.name)

    def test_each_output_of_a_layer_with_several_has_its_own_values(self):
        row = numpy.arange(8, dtype=numpy.float32).reshape(2, 4, 1, 1)
        new = CUT + """
            layer { name: "minus" type: "Power" bottom: "b" top: "minus" power_param { scale: -1 } }
            layer { name: "far" type: "Power" bottom: "minus" top: "far" power_param { scale: 10 } }
            layer { name: "copy" type: "Split" bottom: "a" top: "one" top: "two" }
            layer { name: "far" type: "Power" bottom: "two" top: "double" power_param { scale: 2 } }"""
        old = """input: 'data' input_dim: 1 input_dim: 4 input_dim: 1 input_dim: 1
            layers { name: "cut" type: SLICE bottom: "data" top: "a" top: "b" slice_param { slice_dim: 1 slice_point: 1 } }"""
        inner = {"a": [[0], [4]], "b": [[1, 2, 3], [5, 6, 7]]}
        copies = {"far": [[-10, -20, -30], [-50, -60, -70]], "one": inner["a"], "double": [[0], [8]]}
        for text, ends in ((new, copies), (old, inner), (CUT, inner)):
            model = self.made(text)
            self.assertEqual({spec.name for spec in model.outputs}, set(ends))
            found = model.infer({"data": row}, None)
            self.assertEqual({name: values.reshape(2, -1).tolist() for name, values in found.items()}, ends)
            found = answer(model.process(request([("data", row)], ["b", "a"]), {}))
            self.assertEqual({name: values.reshape(2, -1).tolist() for name, values in found.items()}, inner)

    def test_layers_of_the_same_name_are_told_apart(self):
        model = self.made("""
            layer { name: "x" type: "Input" top: "data" input_param { shape { dim: 1 dim: 2 } } }
            layer { name: "x" type: "Power" bottom: "data" top: "loss" power_param { scale: 5 } include { phase: TRAIN } }
            layer { name: "x" type: "Power" bottom: "data" top: "two" power_param { scale: 2 } include { phase: TEST } }
            layer { name: "x" type: "Power" bottom: "data" top: "three" power_param { scale: 3 } }""")
        found = model.infer({"data": numpy.ones((1, 2), numpy.float32)}, None)
        self.assertEqual({name: values.tolist() for name, values in found.items()}, {"two": [[2, 2]], "three": [[3, 3]]})

    def test_inputs_of_which_one_has_no_rows_are_refused(self):
        model = self.made("""
            layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
            layer { name: "y" type: "Input" top: "y" input_param { shape { dim: 1 dim: 2 } } }
            layer { name: "sum" type: "Eltwise" bottom: "x" bottom: "y" top: "sum" }""")
        some, none = numpy.ones((3, 2), numpy.float32), numpy.ones((0, 2), numpy.float32)
        self.assertEqual(answer(model.process(request([("x", some), ("y", some)]), {}))["sum"].tolist(), [[2, 2]] * 3)
        self.assertEqual(model.infer({"x": none, "y": none}, None)["sum"].shape, (0, 2))
        told = "input y has 0 rows and input x 3; allowed: all without rows, or none"
        self.assertEqual(refusal(model, request([("x", some), ("y", none)])), told)
        self.assertIn("the net refuses these inputs", refusal(model, request([("x", some), ("y", some[:2])])))

    def test_it_describes_itself(self):
        told = self.model.describe()
        self.assertEqual(told["inputs"], [{"name": "data", "datatype": "FP32", "shape": [-1, 1, 8, 8]}])
        self.assertEqual(told["outputs"], [{"name": "prob", "datatype": "FP32", "shape": [-1, 10]}])
        self.assertEqual(told["library"], "opencv " + cv2.__version__)

    def test_files_that_are_no_net_are_told(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            self.assertIn("has 0 .prototxt files (nothing)", load_error("caffe", folder))
            unknown = 'model_config has the unknown "mean"; processor "caffe_cpu" has no options'
            self.assertEqual(load_error("caffe", EXAMPLE, {"mean": 1}), unknown)
            shutil.copy(EXAMPLE / "deploy.prototxt", folder)
            self.assertIn("has 0 .caffemodel files", load_error("caffe", folder))
            weights = folder / "digits.caffemodel"
            whole = (EXAMPLE / "digits.caffemodel").read_bytes()
            for part in (b"", whole[:50], whole[: len(whole) // 2], b"PK\x03\x04" + whole):
                weights.write_bytes(part)
                self.assertRegex(load_error("caffe", folder), r"OpenCV .* cannot load|does not fit its prototxt")
            weights.write_bytes(whole)
            self.assertEqual(load_error("caffe", weights), "it was loaded")
            (folder / "deploy.prototxt").write_text("layer { name: 'x' type: 'Input'")
            self.assertIn("is no prototxt of a net: it ends within layer", load_error("caffe", folder))
            (folder / "deploy.prototxt").write_text("layer { name: 'x' type: 'ReLU' bottom: 'y' top: 'x' }")
            self.assertIn("has no input", load_error("caffe", folder))


class PrototxtTests(unittest.TestCase):
    def test_both_ways_to_write_inputs_are_read(self):
        new = "layer{name:'d' type:'Input' top:\"d\" input_param:<shape:{dim:[1,3,4,5]}>}"
        old = "input: 'd' input_dim: 1 input_dim: 3\ninput_dim: 4; input_dim: 5"
        shape = 'input: "d" # the image\ninput_shape { dim: 1 dim: 3, dim: 4 dim: 5 }'
        for text in (new, old, shape):
            self.assertEqual(net_of(text).inputs, {"d": [1, 3, 4, 5]})

    def test_layers_of_training_are_left_out(self):
        net = net_of("layer{name:'l' top:'loss' bottom:'d' include{phase:TRAIN}} layer{name:'p' bottom:'d' top:'p' include{phase:TEST}}")
        self.assertEqual((net.tops, net.ends), ({"p": "p"}, ["p"]))

    def test_what_is_no_text_of_protobuf_is_refused(self):
        for text in ("layer {", "layer: }", "}", "a: 'x", "\x00\x01", "layer { dim: [1, }", "{" * 9, "a{" * 99, "input: 'd'", "input:'d' input_dim: x"):
            with self.assertRaises(PrototxtError, msg=text):
                net_of(text)


def arrays(request_body):
    found = protobuf_formats.TensorflowRequest(request_body).inputs
    return {name: (array.dtype, array.values.dtype.name, array.values.tolist()) for name, array in found.items()}


class FormatTests(unittest.TestCase):
    CASES = {
        "DT_FLOAT": ("float_val", [1.5, -0.0, math.inf, 3.4028234663852886e38], "float32"),
        "DT_DOUBLE": ("double_val", [1.5, -math.inf, 1e300], "float64"),
        "DT_HALF": ("float_val", [1.5, -2.0, math.inf], "float16"),
        "DT_BFLOAT16": ("float_val", [1.5, -2.0], "float32"),
        "DT_INT8": ("int_val", [-128, 127, 0], "int8"),
        "DT_UINT8": ("int_val", [0, 128, 255], "uint8"),
        "DT_INT16": ("int_val", [-32768, 32767], "int16"),
        "DT_UINT16": ("int_val", [0, 65535], "uint16"),
        "DT_INT32": ("int_val", [-(2**31), 2**31 - 1, 5], "int32"),
        "DT_QINT8": ("int_val", [-128], "int8"),
        "DT_QUINT8": ("int_val", [200], "uint8"),
        "DT_QINT16": ("int_val", [-300], "int16"),
        "DT_QUINT16": ("int_val", [60000], "uint16"),
        "DT_QINT32": ("int_val", [-70000], "int32"),
        "DT_INT64": ("int64_val", [-(2**63), 2**63 - 1, 0, 300], "int64"),
        "DT_BOOL": ("bool_val", [True, False, True], "bool"),
        "DT_STRING": ("string_val", [b"", b"\xff\x00", "ä".encode()], "object"),
    }

    def test_every_dtype_comes_in_and_goes_out_packed_or_not(self):
        for dtype, (field, values, kind) in self.CASES.items():
            for kinds in (requests.PACKED, requests.tensors(is_packed=False)):
                body = requests.tensorflow_request({"x": (dtype, [len(values)], field, values)}, kinds=kinds)
                self.assertEqual(arrays(body), {"x": (dtype, kind, values)})
            given = protobuf_formats.TensorflowRequest(body).inputs
            told = requests.tensorflow_answer(protobuf_formats.tensorflow_answer(given))
            self.assertEqual(told, {"x": (dtype, [len(values)], values)})

    def test_a_complex_number_is_two(self):
        for dtype, field, kind in (("DT_COMPLEX64", "float_val", "complex64"), ("DT_COMPLEX128", "double_val", "complex128")):
            body = requests.tensorflow_request({"x": (dtype, [2], field, [1, 2, 3, -4])})
            self.assertEqual(arrays(body), {"x": (dtype, kind, [1 + 2j, 3 - 4j])})
            told = requests.tensorflow_answer(protobuf_formats.tensorflow_answer(protobuf_formats.TensorflowRequest(body).inputs))
            self.assertEqual(told["x"], (dtype, [2], [1, 2, 3, -4]))

    def test_numbers_of_any_length_are_as_protobuf_itself_writes_them(self):
        random = numpy.random.default_rng(11)
        values = (random.integers(0, 2**63, 500, dtype=numpy.int64) >> random.integers(0, 63, 500)) * random.choice([-1, 1], 500)
        body = requests.tensorflow_request({"x": ("DT_INT64", [500], "int64_val", values.tolist())})
        found = protobuf_formats.TensorflowRequest(body).inputs
        numpy.testing.assert_array_equal(found["x"].values, values)
        self.assertEqual(requests.tensorflow_answer(protobuf_formats.tensorflow_answer(found))["x"][2], values.tolist())

    def test_parts_of_one_field_are_put_together(self):
        one = requests.tensorflow_request({"x": ("DT_FLOAT", [], "float_val", [])})
        kinds = requests.PACKED
        array = kinds["ArrayProto"](dtype=1)
        array.array_shape.dim.append(3)
        parts = b"".join(kinds["ArrayProto"](float_val=v).SerializeToString() for v in ([1.0], [2.0, 3.0]))
        raw = array.SerializeToString() + parts
        body = one[:0] + b"\x12" + bytes([len(raw) + 5]) + b"\x0a\x01x\x12" + bytes([len(raw)]) + raw
        self.assertEqual(arrays(body)["x"][2], [1.0, 2.0, 3.0])

    def refused(self, dtype, shape, field="float_val", values=()):
        with self.assertRaises(BadInput) as caught:
            protobuf_formats.TensorflowRequest(requests.tensorflow_request({"x": (dtype, shape, field, values)}))
        return str(caught.exception)

    def test_shapes_are_compared_with_values_before_memory_is_taken(self):
        self.assertEqual(self.refused("DT_FLOAT", [2, 3], values=[1] * 5), "input x has 5 values; its shape [2, 3] allows 6")
        self.assertEqual(self.refused("DT_FLOAT", [], values=[1, 2]), "input x has 2 values; its shape [] allows 1")
        self.assertEqual(self.refused("DT_FLOAT", [256, 1024, 1024]), "input x has 0 values; its shape [256, 1024, 1024] allows 268435456")
        self.assertIn("no dimension below 0", self.refused("DT_FLOAT", [-1], values=[1]))
        self.assertIn("at most 1099511627776 values", self.refused("DT_FLOAT", [2**62, 2**62, 2**62]))
        self.assertIn("at most 1099511627776 values", self.refused("DT_FLOAT", [0, 2**62]))
        self.assertIn("40 dimensions; allowed: at most 32", self.refused("DT_FLOAT", [1] * 40, values=[1]))
        self.assertIn("odd number of values", self.refused("DT_COMPLEX64", [1], values=[1]))

    def test_dtypes_and_fields_that_do_not_go_together_are_told(self):
        self.assertIn("input x is DT_RESOURCE; allowed: DT_BFLOAT16, DT_BOOL", self.refused("DT_RESOURCE", [1], values=[1]))
        self.assertIn("input x is DT_INVALID; allowed", self.refused("DT_INVALID", [1], values=[1]))
        self.assertEqual(
            self.refused("DT_FLOAT", [1], "double_val", [1]), "input x is DT_FLOAT and has its values in double_val; allowed: float_val"
        )
        self.assertEqual(self.refused("DT_UINT8", [2], "int_val", [3, 256]), "input x is DT_UINT8 and has the value 256; allowed: 0 to 255")
        self.assertEqual(self.refused("DT_INT8", [1], "int_val", [-129]), "input x is DT_INT8 and has the value -129; allowed: -128 to 127")

    def test_what_breaks_off_anywhere_is_refused(self):
        inputs = {
            name: (dtype, [len(values)], field, values) for name, (dtype, (field, values, _)) in zip("abcdefghijklmnopqrs", self.CASES.items())
        }
        body = requests.tensorflow_request(inputs, "sign", ["y"])
        self.assertEqual(len(protobuf_formats.TensorflowRequest(body).inputs), len(inputs))
        refused = 0
        for part in requests.every_beginning(body):
            try:
                # Where a field ends, the rest is a request with less in it.
                self.assertLess(len(protobuf_formats.TensorflowRequest(part).inputs), len(inputs) + 1)
            except BadInput as error:
                refused += 1
                self.assertRegex(str(error), r"^(the body is not a whole|input \w )")
        self.assertGreater(refused, len(body) * 0.9)

    def test_bytes_by_chance_are_refused_and_nothing_else_happens(self):
        random = numpy.random.default_rng(13)
        body = requests.tensorflow_request({n: (d, [len(v)], f, v) for n, (d, (f, v, _)) in zip("abcdefghijklmnopq", self.CASES.items())})
        for _ in range(2000):
            changed = bytearray(body)
            for at in random.integers(0, len(body), 3):
                changed[at] = random.integers(0, 256)
            for kind in (protobuf_formats.TensorflowRequest, protobuf_formats.PytorchRequest, protobuf_formats.CaffeRequest):
                try:
                    kind(bytes(changed))
                except BadInput:
                    pass

    def test_a_long_varint_is_refused(self):
        with self.assertRaisesRegex(BadInput, "more than 64 bits"):
            protobuf_formats._varints("input x", b"\x80" * 11 + b"\x01")
        with self.assertRaisesRegex(BadInput, "breaks off within a number"):
            protobuf_formats._varints("input x", b"\x01\x80")

    def test_pytorch_answers_what_its_sdks_can_read(self):
        values = [numpy.array([True, False]), numpy.array([1.5], numpy.float16)]
        told, _ = requests.pytorch_answer(protobuf_formats.pytorch_answer(values, {}))
        self.assertEqual(told, [("DT_UINT8", [2], [1, 0]), ("DT_FLOAT", [1], [1.5])])


if __name__ == "__main__":
    unittest.main()
