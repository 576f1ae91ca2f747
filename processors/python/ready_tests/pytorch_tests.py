import io
import json
import math
import pathlib
import pickle
import tempfile
import threading
import unittest
import warnings
import zipfile
from typing import Dict, List, Optional, Tuple

import numpy
import torch

from allspark.messages import Headers, answer_parts
from ready import service
from ready.inference_protocol import InferenceProtocol
from ready_tests import batches, hostile
from ready_tests import protobuf_requests as requests
from ready_tests.refusals import load, load_error, refusal

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "pytorch" / "model" / "iris.pt"
ROWS = numpy.random.default_rng(5).random((3, 4)).astype(numpy.float32)
FLOATS = ("DT_FLOAT", [3, 4], "float_val", ROWS.ravel().tolist())


class Nested(torch.nn.Module):
    def forward(self, x: torch.Tensor, by: Optional[torch.Tensor] = None) -> Tuple[List[torch.Tensor], Tuple[torch.Tensor, int], Dict[str, torch.Tensor]]:
        if by is not None:
            x = x * by
        return [x + 1, x > 0], (x.to(torch.int64), x.size(0)), {"half": x.to(torch.float16)}


class Named(torch.nn.Module):
    def forward(self, features: Dict[str, torch.Tensor]) -> Dict[str, torch.Tensor]:
        return {"sum": features["a"] + features["b"], "brain": features["a"].to(torch.bfloat16)}


class ByName(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> Dict[str, torch.Tensor]:
        return {"sum": a + b, "count": torch.tensor([a.size(0) + b.size(0)])}


class Pair(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, torch.Tensor]:
        return x * 2, x.to(torch.int64) + 9007199254740993


class Text(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Tuple[torch.Tensor, str]:
        return x, "a text"


class Complex(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        return torch.complex(x, x)


class Picky(torch.nn.Module):
    def forward(self, x: torch.Tensor):
        if x.size(0) > 2:
            raise ValueError("at most two rows")
        x[0] = 7.0  # its input is its own
        return x


class PytorchTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.holder = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.holder.name)
        for kind in (Nested, Named, ByName, Pair, Text, Complex, Picky):
            torch.jit.script(kind()).save(str(cls.folder / kind.__name__))
        cls.iris = load("pytorch", EXAMPLE)
        with torch.inference_mode():
            cls.own = [t.numpy() for t in torch.jit.load(str(EXAMPLE))(torch.from_numpy(ROWS))]

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def test_answers_as_pytorch_does_by_position_and_by_name(self):
        for body in (requests.pytorch_request([FLOATS]), requests.pytorch_request([], {"x": FLOATS})):
            (scores, species), named = requests.pytorch_answer(self.iris.process(body, {}))
            self.assertEqual(scores, ("DT_FLOAT", [3, 3], self.own[0].ravel().tolist()))
            self.assertEqual(species, ("DT_INT64", [3], self.own[1].tolist()))
            self.assertEqual(named, {})

    def test_a_batch_answers_each_request_as_alone_where_model_config_names_rows(self):
        self.assertIn("name inputs and outputs in model_config", self.iris.batch_problem())
        config = {
            "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3]}, {"name": "species", "datatype": "INT64", "shape": [-1]}],
        }
        table = lambda rows: batches.tensors([("x", "FP32", rows, [len(rows), 4])])  # noqa: E731
        one = ("DT_FLOAT", [1, 4], "float_val", ROWS[0].tolist())
        wide = ("DT_FLOAT", [1, 5], "float_val", [1, 2, 3, 4, 5])
        own = lambda *given, **more: batches.own(requests.pytorch_request(list(given), **more))  # noqa: E731
        model = load("pytorch", EXAMPLE, config)
        rows = ROWS.tolist()
        batches.check(self, model, [table(rows[:1]), table(rows), table([[1, 2]]), own(one, outputs=[1]), own(one, outputs=[1]), own(wide)], [2, 2])

    def test_outputs_are_chosen_by_position(self):
        outputs, _ = requests.pytorch_answer(self.iris.process(requests.pytorch_request([FLOATS], outputs=[1]), {}))
        self.assertEqual([array[0] for array in outputs], ["DT_INT64"])
        for wrong in (2, -1):
            told = refusal(self.iris, requests.pytorch_request([FLOATS], outputs=[wrong]))
            self.assertEqual(told, "output_filter has %d; allowed: 0 to 1" % wrong)

    def test_nested_outputs_come_in_order_and_inputs_with_defaults_may_be_left_out(self):
        model = load("pytorch", self.folder / "Nested")
        pair = ("DT_FLOAT", [2], "float_val", [1.5, -2.0])
        outputs, named = requests.pytorch_answer(model.process(requests.pytorch_request([pair]), {}))
        self.assertEqual([o[0] for o in outputs], ["DT_FLOAT", "DT_UINT8", "DT_INT64", "DT_INT64", "DT_FLOAT"])
        self.assertEqual([o[2] for o in outputs], [[2.5, -1.0], [1, 0], [1, -2], [2], [1.5, -2.0]])
        twice, _ = requests.pytorch_answer(model.process(requests.pytorch_request([pair], {"by": ("DT_FLOAT", [], "float_val", [2])}), {}))
        self.assertEqual(twice[0][2], [4.0, -3.0])
        self.assertEqual(refusal(model, requests.pytorch_request([pair] * 3)), "the request has 3 inputs; allowed: 1 to 2 (x, by)")

    def test_a_dict_of_tensors_goes_in_and_comes_out_by_name(self):
        model = load("pytorch", self.folder / "Named")
        pair = ("DT_FLOAT", [2], "float_val", [1.5, -2.0])
        outputs, named = requests.pytorch_answer(model.process(requests.pytorch_request([], {"a": pair, "b": pair}), {}))
        self.assertEqual(outputs, [])
        self.assertEqual(named, {"sum": ("DT_FLOAT", [2], [3.0, -4.0]), "brain": ("DT_FLOAT", [2], [1.5, -2.0])})
        self.assertIn("as the model answers by names: sum, brain", refusal(model, requests.pytorch_request([], {"a": pair, "b": pair}, [0])))

    def test_what_the_model_refuses_is_told_in_one_line(self):
        wrong = [
            (("DT_FLOAT", [1, 3], "float_val", [1, 2, 3]), "must match"),
            (("DT_DOUBLE", [1, 4], "double_val", [1, 2, 3, 4]), "dtype"),
            (("DT_STRING", [1], "string_val", [b"x"]), "DT_STRING; allowed: numbers"),
            (("DT_QINT8", [1], "int_val", [1]), "DT_QINT8; allowed: no quantised"),
        ]
        for array, words in wrong:
            told = refusal(self.iris, requests.pytorch_request([array]))
            self.assertIn(words, told)
            self.assertNotIn("\n", told)
        self.assertEqual(refusal(self.iris, requests.pytorch_request([], {"y": FLOATS})), "input y is unknown; allowed: x")
        self.assertEqual(refusal(self.iris, requests.pytorch_request([], outputs=[0])), "the request has 0 inputs; allowed: 1 (x)")
        self.assertIn("at most two rows", refusal(load("pytorch", self.folder / "Picky"), requests.pytorch_request([FLOATS])))
        self.assertIn("the body is JSON", refusal(self.iris, {"inputs": []}))

    def test_a_model_that_writes_to_its_input_writes_to_its_own(self):
        model = load("pytorch", self.folder / "Picky", {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}]})
        given = numpy.array([1, 2], numpy.float32)
        given.flags.writeable = False
        self.assertEqual(model.infer({"x": given}, None)["OUTPUT__0"].tolist(), [7, 2])
        self.assertEqual(given.tolist(), [1, 2])
        body = requests.pytorch_request([("DT_FLOAT", [2], "float_val", [1, 2])])
        for _ in range(2):
            self.assertEqual(requests.pytorch_answer(model.process(body, {}))[0][0][2], [7, 2])

    def test_an_empty_batch_and_what_is_not_a_number_pass(self):
        (scores, species), _ = requests.pytorch_answer(self.iris.process(requests.pytorch_request([("DT_FLOAT", [0, 4], "float_val", [])]), {}))
        self.assertEqual((scores[1], species[1]), ([0, 3], [0]))
        values = [math.nan, 1, 1, math.inf]
        (scores, _), _ = requests.pytorch_answer(self.iris.process(requests.pytorch_request([("DT_FLOAT", [1, 4], "float_val", values)]), {}))
        self.assertTrue(all(math.isnan(v) for v in scores[2]))

    def test_a_request_that_breaks_off_anywhere_is_refused(self):
        body = requests.pytorch_request([FLOATS], outputs=[0])
        for part in requests.every_beginning(body):
            told = refusal(self.iris, part)
            if not isinstance(told, bytes):
                self.assertRegex(told, r"^(the body is not a whole|input 0 |the request has 0 inputs)")

    def test_the_inference_protocol_has_names_of_arguments_and_of_the_config(self):
        self.assertEqual([spec.json() for spec in self.iris.inputs], [{"name": "x", "datatype": "FP32", "shape": [-1]}])
        found = self.iris.infer({"x": ROWS}, ["OUTPUT__1"])
        self.assertEqual({name: values.tolist() for name, values in found.items()}, {"OUTPUT__1": self.own[1].tolist()})
        outputs = [{"name": "scores", "datatype": "FP32", "shape": [-1, 3]}, {"name": "species", "datatype": "INT64", "shape": [-1]}]
        config = {"inputs": [{"name": "flowers", "datatype": "FP32", "shape": [-1, 4]}], "outputs": outputs}
        named = load("pytorch", EXAMPLE, config)
        self.assertEqual([spec.json() for spec in named.outputs], outputs)
        self.assertEqual(named.infer({"flowers": ROWS}, ["species"])["species"].tolist(), self.own[1].tolist())
        self.assertIn('model_config.inputs[0]; allowed: a list of {"name"', load_error("pytorch", EXAMPLE, {"inputs": [{"name": "x"}]}))
        unknown = 'model_config has the unknown "input"; processor "pytorch_cpu" knows inputs, outputs'
        self.assertEqual(load_error("pytorch", EXAMPLE, {"input": config["inputs"]}), unknown)
        self.assertIn("model_config.inputs has 2; forward has 1: x", load_error("pytorch", EXAMPLE, {"inputs": config["inputs"] * 2}))

    def asked(self, model, given, **more):
        """Status and answer of the Open Inference Protocol."""
        body = {"inputs": [{"name": n, "datatype": "FP32", "shape": [len(v)], "data": v} for n, v in given.items()], **more}
        found = service.answer(model, InferenceProtocol(model, hostile.INIT), json.dumps(body).encode(), Headers(b"POST /v2/models/svc/infer\n"))
        status, _, text = answer_parts(found)
        return status, json.loads(text)

    def test_outputs_that_model_config_does_not_name_keep_their_own_names_and_datatypes(self):
        pair = load("pytorch", self.folder / "Pair")
        one = {"name": "OUTPUT__1", "datatype": "INT64", "shape": [2], "data": [9007199254740994, 9007199254740995]}
        status, told = self.asked(pair, {"x": [1, 2]})
        self.assertEqual((status, told["outputs"]), (200, [{"name": "OUTPUT__0", "datatype": "FP32", "shape": [2], "data": [2.0, 4.0]}, one]))
        status, told = self.asked(pair, {"x": [1, 2]}, outputs=[{"name": "OUTPUT__1"}])
        self.assertEqual((status, told["outputs"]), (200, [one]))
        unknown = (400, {"error": "output OUTPUT__2 is unknown; allowed: OUTPUT__0, OUTPUT__1"})
        self.assertEqual(self.asked(pair, {"x": [1, 2]}, outputs=[{"name": "OUTPUT__2"}]), unknown)
        config = {"inputs": [{"name": name, "datatype": "FP32", "shape": [-1]} for name in "ab"]}
        named = load("pytorch", self.folder / "ByName", config)
        status, told = self.asked(named, {"a": [1.5], "b": [2]})
        self.assertEqual((status, [(o["name"], o["datatype"], o["data"]) for o in told["outputs"]]), (200, [("sum", "FP32", [3.5]), ("count", "INT64", [2])]))
        self.assertEqual([pair.outputs, named.outputs], [[], []])

    def test_outputs_that_model_config_names_wrongly_are_refused(self):
        named = lambda *outputs: load("pytorch", self.folder / "Pair", {"outputs": [{"name": n, "datatype": d, "shape": [-1]} for n, d in outputs]})  # noqa: E731
        wrong = [
            ([("a", "FP32"), ("b", "FP32")], "output b is INT64, and FP32 in model_config.outputs"),
            ([("a", "FP32"), ("b", "INT64"), ("c", "FP32")], "the model gives 2 outputs, and model_config.outputs names 3"),
        ]
        for outputs, told in wrong:
            self.assertEqual(self.asked(named(*outputs), {"x": [1]}), (400, {"error": told}))
        config = {"outputs": [{"name": "a", "datatype": "FP32", "shape": [-1]}]}
        told = "output a is complex64, and FP32 in model_config.outputs"
        self.assertEqual(self.asked(load("pytorch", self.folder / "Complex", config), {"x": [1]}), (400, {"error": told}))
        # What is not named is not answered.
        status, told = self.asked(named(("a", "FP32")), {"x": [1]})
        self.assertEqual((status, [o["name"] for o in told["outputs"]]), (200, ["a"]))
        config = {"inputs": [{"name": name, "datatype": "FP32", "shape": [-1]} for name in "ab"], "outputs": [{"name": "total", "datatype": "FP32", "shape": [-1]}]}
        by_name = load("pytorch", self.folder / "ByName", config)
        self.assertEqual(self.asked(by_name, {"a": [1], "b": [1]}), (400, {"error": "the model gives no output total of model_config.outputs; it gives: sum, count"}))

    def test_an_answer_that_no_tensor_is_refused_in_a_sentence(self):
        text = load("pytorch", self.folder / "Text")
        told = "the model answers with a text; allowed: tensors, numbers, and tuples, lists and dicts of them"
        self.assertEqual(refusal(text, requests.pytorch_request([FLOATS])), told)
        self.assertEqual(self.asked(text, {"x": [1]}), (400, {"error": told}))
        told = "output OUTPUT__0 is complex64, for which the Open Inference Protocol has no datatype"
        self.assertEqual(self.asked(load("pytorch", self.folder / "Complex"), {"x": [1]}), (400, {"error": told}))

    def test_several_threads_ask_one_model(self):
        body, wrong = requests.pytorch_request([FLOATS]), []
        wanted = self.iris.process(body, {})

        def ask():
            wrong.extend(1 for _ in range(50) if self.iris.process(body, {}) != wanted)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_files_that_are_no_torchscript_are_told_with_how_to_export(self):
        file = self.folder / "model.pt"
        for content in (torch.nn.Linear(2, 2).state_dict(), torch.nn.Linear(2, 2)):
            torch.save(content, str(file))
            self.assertRegex(load_error("pytorch", file), "model.pt is a state dict or a pickled model, not TorchScript; export it .*jit")
            torch.save(content, str(file), _use_new_zipfile_serialization=False)
            self.assertRegex(load_error("pytorch", file), "model.pt is a Python pickle, not TorchScript; export it .*jit")
        file.write_bytes(pickle.dumps({"a": 1}))
        self.assertIn("not TorchScript", load_error("pytorch", file))
        file.write_bytes(b"")
        self.assertIn("model.pt is empty", load_error("pytorch", file))
        file.write_text('{"learner": {}}')
        self.assertIn('use processor "xgboost" for it', load_error("pytorch", file))

    def test_torchscript_that_is_corrupt_is_told(self):
        whole = EXAMPLE.read_bytes()
        file = self.folder / "model.pt"
        for part in (whole[: len(whole) // 2], whole[:100]):
            file.write_bytes(part)
            self.assertIn("model.pt is a ZIP archive", load_error("pytorch", file))
        made = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(made, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, content[:-5] if name.endswith("data.pkl") else content)
        file.write_bytes(made.getvalue())
        self.assertIn("model.pt is TorchScript that torch %s cannot load: " % torch.__version__, load_error("pytorch", file))


if __name__ == "__main__":
    unittest.main()
