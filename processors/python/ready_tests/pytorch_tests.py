import io
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
        for kind in (Nested, Named, Picky):
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
