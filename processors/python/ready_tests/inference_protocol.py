"""The Open Inference Protocol over a model that gives back what it gets. Needs numpy: run with an environment of a ready-made processor."""
import gzip
import json
import math
import struct
import unittest
import zlib

import numpy

from allspark.messages import Headers, answer_parts
from ready.inference_protocol import InferenceProtocol, is_ours
from ready.model import BadInput, ReadyModel, TensorSpec
from ready.tensors import DTYPES

VALUES = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 2**16 - 1],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-(2**15), 2**15 - 1],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [-1.5, 65504.0],
    "FP32": [-0.25, 3.0e38],
    "FP64": [-0.1, 1.7e308],
    "BYTES": ["", "caf\u00e9"],
}


class Echo(ReadyModel):
    """Inputs `x<datatype>` of any length, outputs `y<datatype>` with the same."""

    family = "echo"
    platform = "echo_v1"

    def __init__(self, specs=None):
        self.inputs = specs or [TensorSpec("x" + name, name, [-1], True) for name in DTYPES]
        self.outputs = [TensorSpec("y" + spec.name[1:], spec.datatype, spec.shape) for spec in self.inputs]
        self.asked = None

    def infer(self, inputs, outputs):
        self.asked = outputs
        return {"y" + name[1:]: array for name, array in inputs.items()}


INIT = {"service": "iris", "version": 3, "sluice": "9.9", "model": {"path": "/m/forest.bin", "entry": None, "config": None}}


class Case(unittest.TestCase):
    def setUp(self):
        self.use(Echo())

    def use(self, model):
        self.model = model
        self.protocol = InferenceProtocol(model, INIT)

    def ask(self, path, body=b"", method=None, headers=None):
        """(status, parsed head, body) of what the engine would send."""
        lines = ["%s %s" % (method or ("POST" if body else "GET"), path)]
        lines += ["%s: %s" % pair for pair in (headers or {}).items()]
        head = "".join(line + "\n" for line in lines).encode("latin-1")
        status, told, answer = answer_parts(self.protocol.answer(body, Headers(head)))
        fields = dict(line.split(": ", 1) for line in told.decode("latin-1").splitlines())
        return status, fields, answer

    def infer(self, request, binary=None, headers=None, path="/v2/models/iris/infer"):
        text = request if isinstance(request, bytes) else json.dumps(request).encode()
        headers = dict(headers or {})
        if binary is not None:
            headers["Inference-Header-Content-Length"] = len(text)
        return self.ask(path, text + (binary or b""), "POST", headers)

    def good(self, *args, **kwargs):
        status, fields, body = self.infer(*args, **kwargs)
        self.assertEqual(status, 200, body)
        size = int(fields.get("inference-header-content-length", len(body)))
        return json.loads(body[:size]), body[size:], fields

    def refused(self, *args, **kwargs):
        """The text of a 400."""
        status, fields, body = self.infer(*args, **kwargs)
        self.assertEqual((status, fields["content-type"]), (400, "application/json"), body)
        answer = json.loads(body)
        self.assertEqual(list(answer), ["error"])
        return answer["error"]


class PathTest(Case):
    def test_server(self):
        for path in ("/v2", "/v2/", "/v2?a=b"):
            self.assertTrue(is_ours(path))
            status, _, body = self.ask(path)
            self.assertEqual(status, 200)
            self.assertEqual(json.loads(body), {"name": "sluice", "version": "9.9", "extensions": ["binary_tensor_data"]})
        for path in ("/", "/v20", "/v1/x", "", "/v2x/health/live"):
            self.assertFalse(is_ours(path), path)
        self.assertEqual(self.ask("/v2/health/live")[0], 200)
        self.assertEqual(self.ask("/v2/health/ready", method="HEAD")[0], 200)

    def test_model(self):
        for name in ("iris", "forest.bin", "forest", "ir%69s"):
            for path in ("/v2/models/%s" % name, "/v2/models/%s/versions/3" % name):
                status, _, body = self.ask(path)
                facts = json.loads(body)
                self.assertEqual((status, facts["name"]), (200, name.replace("%69", "i")))
                self.assertEqual((facts["platform"], facts["versions"]), ("echo_v1", ["3"]))
                self.assertEqual(facts["inputs"][0], {"name": "xBOOL", "datatype": "BOOL", "shape": [-1]})
                self.assertEqual(self.ask(path + "/ready")[0], 200)

    def test_unknown(self):
        for path, text in (
            ("/v2/models/x", 'unknown model "x"; this service has "iris"'),
            ("/v2/models/x/infer", 'unknown model "x"; this service has "iris"'),
            ("/v2/models/iris/versions/7/ready", 'unknown version "7" of model "iris"; there is "3"'),
            ("/v2/models/iris/config", "no such path of the Open Inference Protocol: /v2/models/iris/config"),
            ("/v2/models", "no such path of the Open Inference Protocol: /v2/models"),
            ("/v2/health", "no such path of the Open Inference Protocol: /v2/health"),
        ):
            status, _, body = self.ask(path)
            self.assertEqual((status, json.loads(body)["error"]), (404, text))

    def test_methods(self):
        status, fields, _ = self.ask("/v2/models/iris/infer")
        self.assertEqual((status, fields["allow"]), (405, "POST"))
        status, fields, _ = self.ask("/v2/health/live", b"{}")
        self.assertEqual((status, fields["allow"]), (405, "GET"))


class TensorTest(Case):
    def test_every_datatype_in_json(self):
        for datatype, values in VALUES.items():
            tensor = {"name": "x" + datatype, "datatype": datatype, "shape": [2], "data": values}
            answer, rest, fields = self.good({"id": "7", "inputs": [tensor], "outputs": [{"name": "y" + datatype}]})
            self.assertEqual(fields["content-type"], "application/json")
            self.assertEqual((answer["id"], answer["model_name"], answer["model_version"]), ("7", "iris", "3"))
            [output] = answer["outputs"]
            self.assertEqual((output["name"], output["datatype"], output["shape"]), ("y" + datatype, datatype, [2]))
            wanted = [float(numpy.float32(v)) for v in values] if datatype == "FP32" else values
            self.assertEqual(output["data"], wanted)
            self.assertEqual(self.model.asked, ["y" + datatype])

    def test_every_datatype_as_bytes(self):
        inputs, parts, asked = [], [], []
        for datatype, values in VALUES.items():
            if datatype == "BYTES":
                data = b"".join(struct.pack("<I", len(v)) + v for v in (b"", b"\xff\x00"))
            else:
                data = numpy.array(values, dtype=DTYPES[datatype]).tobytes()
            parts.append(data)
            inputs.append({"name": "x" + datatype, "datatype": datatype, "shape": [2], "parameters": {"binary_data_size": len(data)}})
            asked.append({"name": "y" + datatype, "parameters": {"binary_data": True}})
        # One byte more in the text, so that numbers begin at odd addresses too.
        for spaces in (b"", b" "):
            text = json.dumps({"inputs": inputs, "outputs": asked}).encode() + spaces
            answer, rest, fields = self.good(text, b"".join(parts))
            self.assertEqual(fields["content-type"], "application/octet-stream")
            self.assertEqual([o["parameters"]["binary_data_size"] for o in answer["outputs"]], [len(p) for p in parts])
            self.assertEqual(rest, b"".join(parts))
            self.assertNotIn("data", answer["outputs"][0])

    def test_nested_data_and_shapes(self):
        self.use(Echo([TensorSpec("x", "INT32", [-1, 3])]))
        tensor = {"name": "x", "datatype": "INT32", "shape": [2, 3]}
        for data in ([1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]):
            answer, _, _ = self.good({"inputs": [dict(tensor, data=data)]})
            self.assertEqual(answer["outputs"][0]["data"], [1, 2, 3, 4, 5, 6])
            self.assertEqual(answer["outputs"][0]["shape"], [2, 3])
        self.assertEqual(self.good({"inputs": [dict(tensor, shape=[0, 3], data=[])]})[0]["outputs"][0]["data"], [])
        self.use(Echo([TensorSpec("x", "INT32", [])]))
        self.assertEqual(self.good({"inputs": [dict(tensor, shape=[], data=[5])]})[0]["outputs"][0]["data"], [5])

    def test_which_outputs_are_binary(self):
        def sizes(outputs, parameters=None):
            data = [{"name": n, "datatype": n[1:], "shape": [1], "data": [1]} for n in ("xINT8", "xINT16")]
            request = {"inputs": data, "outputs": outputs, "parameters": parameters or {}}
            return [o.get("parameters", {}).get("binary_data_size") for o in self.good(request)[0]["outputs"]]

        asked = [{"name": "yINT16"}, {"name": "yINT8"}]
        self.assertEqual(sizes(asked), [None, None])
        self.assertEqual(sizes(asked, {"binary_data_output": True}), [2, 1])
        asked[0]["parameters"] = {"binary_data": False}
        self.assertEqual(sizes(asked, {"binary_data_output": True, "priority": 3}), [None, 1])

    def test_not_a_number(self):
        text = b'{"inputs": [{"name": "xFP32", "datatype": "FP32", "shape": [3], "data": [NaN, Infinity, -Infinity]}], "outputs": [%s]}'
        _, rest, _ = self.good(text % b'{"name": "yFP32", "parameters": {"binary_data": true}}')
        values = struct.unpack("<3f", rest)
        self.assertTrue(math.isnan(values[0]) and values[1:] == (math.inf, -math.inf))
        self.assertIn('output "yFP32" has NaN, which JSON cannot say; ask for it as binary', self.refused(text % b'{"name": "yFP32"}'))
        self.assertIn("a fraction; allowed for INT8: whole numbers", self.refused(text.replace(b"FP32", b"INT8") % b""))

    def test_compressed(self):
        text = json.dumps({"inputs": [{"name": "xINT8", "datatype": "INT8", "shape": [1], "data": [4]}], "outputs": [{"name": "yINT8"}]}).encode()
        for encoding, body in (("gzip", gzip.compress(text)), ("deflate", zlib.compress(text))):
            answer, _, _ = self.good(body, headers={"content-encoding": encoding})
            self.assertEqual(answer["outputs"][0]["data"], [4])
            self.assertIn("cut off", self.refused(body[:-5], headers={"content-encoding": encoding}))
        self.assertIn("allowed: gzip, deflate", self.refused(text, headers={"content-encoding": "br"}))
        self.protocol = InferenceProtocol(self.model, {**INIT, "limits": {"memoryMb": 4, "isMemoryHeld": True}})
        bomb = gzip.compress(bytes(1024 * 1024 + 1))
        self.assertIn("more than 1048576 bytes when decompressed", self.refused(bomb, headers={"content-encoding": "gzip"}))
        self.assertIn("is not gzip", self.refused(text, headers={"content-encoding": "gzip"}))


class RefusalTest(Case):
    """What is wrong is named, and what is allowed."""

    def tensor(self, **changes):
        tensor = {"name": "x", "datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}
        tensor.update(changes)
        return {"inputs": [{k: v for k, v in tensor.items() if v is not None}]}

    def setUp(self):
        self.use(Echo([TensorSpec("x", "FP32", [-1, 2])]))

    def test_bodies(self):
        self.assertIn("the body is not JSON", self.refused(b""))
        self.assertIn("the body is not JSON", self.refused(b'{"inputs": ['))
        self.assertIn("no UTF-8", self.refused(b'{"\xff": 1}'))
        self.assertEqual(self.refused(b"[]"), "the body is a list; allowed: a JSON object")
        self.assertEqual(self.refused(b"{}"), "inputs: nothing; allowed: a list of tensors")
        self.assertIn('"inputs" comes twice', self.refused(b'{"inputs": [], "inputs": []}'))
        self.assertIn("nested too deeply", self.refused(b'{"inputs": ' + b"[" * 200000))
        self.assertIn("id is a whole number; allowed: a string", self.refused(dict(self.tensor(), id=5)))
        self.assertIn("parameters is a list", self.refused(dict(self.tensor(), parameters=[])))
        self.assertIn("inputs is an object", self.refused({"inputs": {}}))
        self.assertIn("inputs[0] is null; allowed: an object", self.refused({"inputs": [None]}))

    def test_names(self):
        self.assertEqual(self.refused({"inputs": []}), 'input "x" is missing')
        self.assertEqual(self.refused(self.tensor(name="z")), 'unknown input "z"; allowed: "x"')
        self.assertIn("name is null", self.refused(self.tensor(name=None)))
        twice = self.tensor()
        twice["inputs"] *= 2
        self.assertEqual(self.refused(twice), 'input "x" comes twice')
        self.assertEqual(self.refused(dict(self.tensor(), outputs=[{"name": "q"}])), 'unknown output "q"; allowed: "y"')
        self.assertIn("comes twice", self.refused(dict(self.tensor(), outputs=[{"name": "y"}, {"name": "y"}])))

    def test_datatypes_and_shapes(self):
        self.assertEqual(self.refused(self.tensor(datatype="FP64")), 'input "x" has datatype FP64; allowed: FP32')
        self.assertEqual(self.refused(self.tensor(datatype=None)), 'input "x" has no datatype; allowed: FP32')
        self.assertEqual(self.refused(self.tensor(shape=[4])), 'input "x" has shape [4]; allowed: [-1,2]')
        self.assertEqual(self.refused(self.tensor(shape=[3, 2])), 'input "x" has 4 elements; its shape [3,2] has 6')
        for shape in ([-1, 2], [2.0, 2], ["2", 2], [2, True], "22", 4, None, [2**31, 2], [1] * 33):
            self.assertIn("allowed: a list of at most 32 whole numbers from 0 to 2147483647", self.refused(self.tensor(shape=shape)))

    def test_gigantic_shapes_take_no_memory(self):
        self.assertIn("its shape [2147483647,2] has 4294967294", self.refused(self.tensor(shape=[2**31 - 1, 2])))
        self.use(Echo([TensorSpec("x", "FP32", [-1, -1, -1])]))
        for shape in ([2**31 - 1] * 3, [0] + [2**31 - 1] * 2):
            self.assertIn("is of more than 1099511627776 elements", self.refused(self.tensor(shape=shape)))

    def test_elements(self):
        for datatype, data, found in (
            ("FP32", [1, "2"], "a string; allowed for FP32: numbers"),
            ("FP32", [1, True], "true or false; allowed for FP32: numbers"),
            ("FP32", [1, None], "null; allowed for FP32: numbers"),
            ("FP32", [1, 1e300], "has 1e+300, which is no FP32"),
            ("FP16", [1, 70000], "has 70000, which is no FP16"),
            ("FP64", [1, 10**400], "is no FP64"),
            ("INT8", [1, 128], "has 128; allowed for INT8: -128 to 127"),
            ("UINT64", [-1, 1], "has -1; allowed for UINT64: 0 to 18446744073709551615"),
            ("INT32", [1, 1.0], "a fraction; allowed for INT32: whole numbers"),
            ("BOOL", [1, True], "a whole number; allowed for BOOL: true and false"),
            ("BYTES", [1, "a"], "a whole number; allowed for BYTES: strings"),
            ("FP32", [[1, 2]], "has a list of 1 elements in dimension 0; its shape [2] has 2"),
            ("FP32", [[1], 2], "allowed for FP32: numbers"),
            ("FP32", {"a": 1}, "data is an object; allowed: a list"),
            ("FP32", None, "data is null; allowed: a list"),
        ):
            self.use(Echo([TensorSpec("x", datatype, [2])]))
            self.assertIn(found, self.refused(self.tensor(datatype=datatype, shape=[2], data=data)))

    def test_binary_data(self):
        self.use(Echo([TensorSpec("x", "FP32", [2]), TensorSpec("z", "BYTES", [-1], True)]))

        def refused(size, binary, datatype="FP32", name="x", shape=(2,), **more):
            tensor = dict({"name": name, "datatype": datatype, "shape": list(shape), "parameters": {"binary_data_size": size}}, **more)
            return self.refused({"inputs": [tensor]}, binary)

        self.assertIn("allowed here: 0 to 8", refused(9, b"x" * 8))
        self.assertIn("allowed here: 0 to 8", refused(-1, b"x" * 8))
        self.assertIn("allowed here: 0 to 8", refused("8", b"x" * 8))
        self.assertIn("has 4 bytes of binary data; its shape [2] of FP32 has 8", refused(4, b"x" * 4))
        self.assertIn("1 bytes of binary data are left", refused(8, b"x" * 9))
        self.assertIn("has data and binary_data_size", refused(8, b"x" * 8, data=[1, 2]))
        self.assertIn("each with 4 bytes of length", refused(4, b"x" * 4, "BYTES", "z", (2**31 - 1,)))
        self.assertIn("element 0 ends behind", refused(5, b"\xff\xff\xff\xffa", "BYTES", "z", (1,)))
        self.assertIn("1 bytes of binary data after its 1 elements", refused(6, b"\x01\x00\x00\x00ab", "BYTES", "z", (1,)))
        for length in ("-1", "x", "99999"):
            found = self.refused(b'{"inputs": []}', headers={"Inference-Header-Content-Length": length})
            self.assertIn("allowed: 0 to 14", found)
        self.use(Echo([TensorSpec("x", "BOOL", [2])]))
        self.assertIn("a byte 2; allowed for BOOL: 0 and 1", refused(2, b"\x00\x02", "BOOL"))

    def test_every_truncation_is_refused(self):
        data = struct.pack("<4f", 1, 2, 3, 4)
        text = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 2], "parameters": {"binary_data_size": 16}}]}).encode()
        whole = text + data
        headers = {"Inference-Header-Content-Length": len(text)}
        for size in range(len(whole)):
            self.refused(whole[:size], headers=headers)
        self.assertEqual(self.infer(whole, headers=headers)[0], 200)

    def test_extensions_that_are_not_offered(self):
        asked = {"name": "y", "parameters": {"classification": 2}}
        self.assertIn("classification, an extension that is not offered", self.refused(dict(self.tensor(), outputs=[asked])))
        self.assertIn("shared_memory_region", self.refused(self.tensor(data=None, parameters={"shared_memory_region": "r"})))
        self.assertIn("binary_data is a string", self.refused(dict(self.tensor(), outputs=[{"name": "y", "parameters": {"binary_data": "yes"}}])))

    def test_what_the_model_refuses(self):
        def infer(inputs, outputs):
            raise BadInput("row 1 is odd")

        self.model.infer = infer
        self.assertEqual(self.refused(self.tensor()), "row 1 is odd")

    def test_bytes_that_are_no_text(self):
        self.use(Echo([TensorSpec("x", "BYTES", [1])]))
        tensor = {"name": "x", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}}
        self.assertIn("no UTF-8", self.refused({"inputs": [tensor]}, b"\x01\x00\x00\x00\xff"))


class TablesOfNumbers(Case):
    """As the clients of other servers send them: under any name, with any datatype of numbers."""

    def setUp(self):
        self.use(Echo([TensorSpec("x-table", "FP32", [-1, 2], also=("FP64", "INT64", "BOOL"), takes_any_name=True)]))

    @staticmethod
    def request(name, datatype, data):
        return {"inputs": [{"name": name, "datatype": datatype, "shape": [1, 2], "data": data}]}

    def test_the_only_input_takes_any_name_and_other_numbers(self):
        self.model.infer = lambda inputs, outputs: {"y-table": inputs["x-table"]}
        for name, datatype, data in (("x-table", "FP32", [1.5, 2]), ("predict", "FP64", [1.5, 2]), ("input-0", "INT64", [1, 2]), ("b", "BOOL", [True, False])):
            with self.subTest(name):
                answer, _, _ = self.good(self.request(name, datatype, data))
                tensor = answer["outputs"][0]
                self.assertEqual((tensor["datatype"], tensor["data"]), ("FP32", [float(value) for value in data]))

    def test_other_datatypes_are_refused(self):
        told = self.refused(self.request("x-table", "BYTES", ["a", "b"]))
        self.assertEqual(told, 'input "x-table" has datatype BYTES; allowed: FP32, FP64, INT64, BOOL')


class OutputsOfTheAnswer(Case):
    """A model that does not tell its outputs ahead."""

    def setUp(self):
        self.use(Echo([TensorSpec("x" + name, name, [-1], True) for name in DTYPES if name != "BYTES"]))
        self.model.outputs = []
        self.protocol = InferenceProtocol(self.model, INIT)

    def test_every_output_has_its_own_name_and_datatype_as_json_and_as_binary_data(self):
        names = [name for name in DTYPES if name != "BYTES"]
        request = {"inputs": [{"name": "x" + name, "datatype": name, "shape": [2], "data": VALUES[name]} for name in names]}
        answer, _, _ = self.good(request)
        self.assertEqual([(o["name"], o["datatype"], o["shape"]) for o in answer["outputs"]], [("y" + name, name, [2]) for name in names])
        self.assertEqual(answer["outputs"][names.index("INT64")]["data"], VALUES["INT64"])
        answer, data, _ = self.good({**request, "parameters": {"binary_data_output": True}})
        self.assertEqual([o["datatype"] for o in answer["outputs"]], names)
        self.assertEqual(len(data), sum(2 * DTYPES[name].itemsize for name in names))

    def test_what_the_protocol_has_no_datatype_for_is_refused(self):
        for array in (numpy.array([1j]), numpy.array(["a"]), numpy.array([b"a"], object)):
            self.model.infer = lambda inputs, outputs, array=array: {"y": array}
            told = "output y is %s, for which the Open Inference Protocol has no datatype" % array.dtype.name
            self.assertEqual(self.refused({"inputs": []}), told)
