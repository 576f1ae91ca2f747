import json
import pathlib
import tempfile
import threading
import unittest
import warnings

import numpy
import xgboost

from ready import tabular
from ready_tests import batches, hostile
from ready_tests.refusals import load, load_error, refusal

NAMES = ["age", "weight", "height", "pulse"]
random = numpy.random.default_rng(3)
TABLE = random.random((300, 4)).astype(numpy.float32)
SUM = TABLE[:, 0] + TABLE[:, 1]


def train(rounds=6, names=NAMES, **settings):
    target = SUM
    if settings.get("objective") == "binary:logistic":
        target = SUM > 1
    if settings.get("objective", "").startswith("multi"):
        target = numpy.floor(SUM * 1.4999)
        settings["num_class"] = 3
    matrix = xgboost.DMatrix(TABLE, label=target, feature_names=names)
    return xgboost.train({"max_depth": 3, "nthread": 1, "seed": 1, **settings}, matrix, rounds)


def own(booster, table, names=NAMES, **more):
    """What the library itself answers."""
    return booster.predict(xgboost.DMatrix(numpy.array(table, numpy.float32), feature_names=names), **more).tolist()


class XgboostTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")  # what the library says of the old format while it writes it
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.binary = train(objective="binary:logistic")
        cls.binary.save_model(cls.root / "binary.json")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def save(self, booster, name="model.json"):
        booster.save_model(self.root / name)
        return self.root / name

    def ask(self, model, rows):
        return model.process(json.dumps(rows).encode(), {})

    def test_a_batch_answers_each_request_as_alone(self):
        rows = TABLE[:5].tolist()
        own = batches.own
        table = batches.tensors([("input-0", "FP32", rows[:2], [2, 4])])
        infinite = batches.tensors([("input-0", "FP64", [[1, 2, 3, 1e300]], [1, 4])])
        asked = [own(rows), own([dict(zip(NAMES, rows[0]))]), own([rows[1][:2]]), own({"instances": [[None, 1, 2, 3]]}), table, table, infinite]
        # By the protocol a classifier is asked for probabilities, too.
        for booster, sizes in ((self.binary, [3, 2]), (train(objective="multi:softprob"), [3, 2]), (train(booster="dart"), [5])):
            batches.check(self, load("xgboost", self.save(booster)), asked, sizes)

    def test_every_format_answers_as_the_library(self):
        rows = TABLE[:7].tolist()
        for name in ("formats.json", "formats.ubj", "formats.deprecated"):
            path = self.save(self.binary, name)
            # What it is counts, not what it is called.
            other = path.with_name("plain-" + name.partition(".")[2])
            path.rename(other)
            with self.subTest(name):
                self.assertEqual(self.ask(load("xgboost", other), rows), own(self.binary, rows))

    def test_every_kind_of_booster_answers_as_the_library(self):
        rows = TABLE[:5].tolist()
        kinds = [
            {"objective": "reg:squarederror"},
            {"objective": "binary:logistic"},
            {"objective": "multi:softprob"},
            {"objective": "multi:softmax"},
            {"objective": "count:poisson"},
            {"booster": "dart", "rate_drop": 0.2},
            {"booster": "gblinear"},
        ]
        for kind in kinds:
            booster = train(**kind)
            with self.subTest(**kind):
                model = load("xgboost", self.save(booster))
                self.assertEqual(self.ask(model, rows), own(booster, rows))
                answers = model.infer({"input-0": numpy.array(rows, numpy.float32)}, None)
                self.assertEqual(answers["predict"].tolist(), own(booster, rows))
                self.assertEqual(model.outputs[0].shape, [-1] + list(answers["predict"].shape[1:]))

    def test_rows_are_arrays_or_objects_with_missing_values(self):
        model = load("xgboost", self.root / "binary.json")
        rows = [[0.1, None, 0.3, 0.4], {"weight": 0.9, "age": 0.8}]
        nan = numpy.nan
        self.assertEqual(self.ask(model, rows), own(self.binary, [[0.1, nan, 0.3, 0.4], [0.8, 0.9, nan, nan]]))
        self.assertEqual(self.ask(model, [0.1, 0.2, 0.3, 0.4]), own(self.binary, [[0.1, 0.2, 0.3, 0.4]]))
        self.assertEqual(self.ask(model, [[True, False, 1, 0]]), own(self.binary, [[1, 0, 1, 0]]))
        self.assertEqual(self.ask(model, {"instances": [[1, 2, 3, 4]]}), {"predictions": own(self.binary, [[1, 2, 3, 4]])})
        self.assertEqual(self.ask(model, []), [])
        self.assertEqual(self.ask(model, {"instances": []}), {"predictions": []})

    def test_options_choose_what_is_answered(self):
        rows = TABLE[:4].tolist()
        path = self.root / "binary.json"
        margin = load("xgboost", path, {"output": "margin"})
        self.assertEqual(self.ask(margin, rows), own(self.binary, rows, output_margin=True))
        chosen = load("xgboost", path, {"output": "class"})
        self.assertEqual(self.ask(chosen, rows), [int(p > 0.5) for p in own(self.binary, rows)])
        three = train(objective="multi:softprob")
        classes = load("xgboost", self.save(three), {"output": "class"})
        self.assertEqual(self.ask(classes, rows), numpy.argmax(own(three, rows), axis=1).tolist())
        some = load("xgboost", path, {"iteration_range": [1, 3]})
        self.assertEqual(self.ask(some, rows), own(self.binary, rows, iteration_range=(1, 3)))

    def test_probabilities_have_a_column_for_each_class(self):
        rows = TABLE[:4]
        binary = load("xgboost", self.root / "binary.json", {"output": "class"})
        self.assertEqual([spec.name for spec in binary.outputs], ["predict", "predict_proba"])
        answers = binary.infer({"input-0": rows}, None)
        ones = numpy.array(own(self.binary, rows), numpy.float32)
        self.assertEqual(answers["predict"].tolist(), [int(p > 0.5) for p in ones])
        self.assertEqual(answers["predict_proba"].tolist(), [[1 - p, p] for p in ones])
        three = train(objective="multi:softprob")
        model = load("xgboost", self.save(three))
        self.assertEqual(model.infer({"input-0": rows}, ["predict_proba"])["predict_proba"].tolist(), own(three, rows))
        self.assertEqual([spec.name for spec in load("xgboost", self.save(train())).outputs], ["predict"])

    def test_a_model_that_stopped_early_answers_with_its_best_round(self):
        booster = train(objective="binary:logistic")
        booster.set_attr(best_iteration="2")
        model = load("xgboost", self.save(booster))
        rows = TABLE[:4].tolist()
        self.assertEqual(self.ask(model, rows), own(booster, rows, iteration_range=(0, 3)))

    def test_long_tables_are_split_over_the_cores_and_stay_in_order(self):
        from ready import model as models

        loaded = models.load("xgboost", str(self.root / "binary.json"), {}, lambda text: None, 3)
        table = random.random((tabular.SPLIT_ROWS * 3 + 5, 4)).astype(numpy.float32)
        self.assertEqual(loaded.split(loaded.predict, table).tolist(), own(self.binary, table))

    def test_threads_get_their_own_answers(self):
        model = load("xgboost", self.root / "binary.json")
        wanted = own(self.binary, TABLE)
        wrong = []

        def client(start):
            for at in range(start, 300, 4):
                if self.ask(model, [TABLE[at].tolist()]) != [wanted[at]]:
                    wrong.append(at)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_bad_requests_are_refused_with_the_row_and_what_is_allowed(self):
        model = load("xgboost", self.root / "binary.json")
        row = [1, 2, 3, 4]
        cases = [
            (b"[[1,2,3,4", "the body is not JSON: Expecting ',' delimiter: line 1 column 10 (char 9)"),
            (b"\xff\xfe", "the body is not UTF-8: byte 0"),
            (b"[" * 100_000, "the body is nested too deeply; allowed: an array of rows"),
            (b"[[1,2,3,NaN]]", "the body has NaN, which is not JSON; a missing value is null"),
            (b"[[1,2,3,-Infinity]]", "the body has -Infinity, which is not JSON; a missing value is null"),
            (b'[{"age":1,"age":2}]', 'the body has the field "age" twice in one object'),
            (3, "the body is a number; allowed: an array of rows"),
            ("text", 'the body is the text "text"; allowed: an array of rows'),
            ({"rows": []}, 'the body is an object with "rows"; allowed: an array of rows, or {"instances": an array of rows}'),
            ([row, [1, 2, 3]], "row 2 has 3 values; the model has 4 features"),
            ([[]], "row 1 has 0 values; the model has 4 features"),
            ([row, [1, 2, "3", 4]], 'row 2, feature height is the text "3"; allowed: a number, or null where it is missing'),
            ([["1", "2", "3", "4"]], 'row 1, feature age is the text "1"; allowed: a number, or null where it is missing'),
            ([[1, 2, [3], 4]], "row 1, feature height is an array; allowed: a number, or null where it is missing"),
            ([[row]], "row 1 has 1 values; the model has 4 features"),
            ([row, None], "row 2 is null; allowed: an array of 4 values or an object by feature names"),
            ([{"age": 1, "wieght": 2}], 'row 1 has the unknown field "wieght"; the features are age, weight, height, pulse'),
            (b"[[1,2,3,1e39]]", "row 1, feature pulse is beyond what float32 holds"),
            (b"[[1,2,3,1e999]]", "row 1, feature pulse is beyond what float32 holds"),
            ([[1, 2, 3, 10**400]], "row 1, feature pulse is beyond what float32 holds"),
        ]
        for body, text in cases:
            with self.subTest(str(body)[:40]):
                self.assertEqual(refusal(model, body), text)

    def test_hostile_bodies_are_refused_quickly_and_in_little_memory(self):
        hostile.check(self, load("xgboost", self.root / "binary.json"))

    def test_models_that_cannot_be_served_say_why(self):
        whole = (self.root / "binary.json").read_bytes()
        ubj = self.save(self.binary, "whole.ubj").read_bytes()
        old = self.save(self.binary, "whole.deprecated").read_bytes()
        cases = {
            "cut.json": (whole[:700], r"cut\.json looks like an XGBoost model in JSON and cannot be loaded: Expecting"),
            "cut.ubj": (ubj[:700], r"cut\.ubj looks like an XGBoost model in UBJ and cannot be loaded: "),
            "cut.bin": (old[:300], r"cut\.bin looks like an XGBoost model in the binary format and cannot be loaded: "),
            "half.json": (b'{"learner":{},"version":[2,1,4]}', r"half\.json looks like an XGBoost model in JSON and cannot be loaded: "),
            "empty.json": (b"", r'empty\.json is empty; processor "xgboost" reads an XGBoost model in JSON, .* or '),
            "tree.txt": (b"tree\nversion=v4\n", r'is a LightGBM model; .*; use processor "lightgbm" for it$'),
            "m.pkl": (b"\x80\x04\x95", r'is a Python pickle; .*; use processor "sklearn" for it$'),
            "m.pmml": (b'<?xml version="1.0"?>\n<PMML version="4.4">', r'is a PMML model; .*; use processor "pmml" for it$'),
            "m.onnx": (b"\x08\x08\x12\x07skl2onnx", r'is an ONNX model; .*; use processor "onnx" for it$'),
            "lfs.json": (b"version https://git-lfs.github.com/spec/v1\noid", r"is a pointer of Git LFS"),
            "page.json": (b"<!DOCTYPE html><html>", r"is an HTML page"),
            "noise": (bytes(range(7, 200)), r"is of no known format"),
        }
        for name, (data, text) in cases.items():
            (self.root / name).write_bytes(data)
            with self.subTest(name):
                self.assertRegex(load_error("xgboost", self.root / name), text)
        self.assertRegex(load_error("xgboost", self.root / "lost.json"), r"lost\.json cannot be read: No such file")

    def test_a_folder_with_one_model_will_do(self):
        folder = self.root / "folder"
        folder.mkdir()
        self.assertRegex(load_error("xgboost", folder), r'^no file that processor "xgboost" reads in .*, which has nothing;')
        (folder / "notes.txt").write_text("trained in May")
        self.assertRegex(load_error("xgboost", folder), r"notes\.txt is of no known format; processor")
        self.binary.save_model(folder / "a.ubj")
        self.assertEqual(len(self.ask(load("xgboost", folder), [[1, 2, 3, 4]])), 1)
        self.binary.save_model(folder / "b.json")
        self.assertRegex(load_error("xgboost", folder), r"^2 models in .*: a\.ubj, b\.json; name one as model_entry$")

    def test_options_that_make_no_sense_fail_the_start(self):
        path = self.root / "binary.json"
        cases = [
            ({"outptu": "margin"}, 'model_config has the unknown "outptu"; processor "xgboost" knows output, iteration_range'),
            ({"output": "raw"}, 'model_config.output is the text "raw"; allowed: "value" or "margin" or "class"'),
            ({"iteration_range": [3, 1]}, "model_config.iteration_range is an array; allowed: [from, to], whole numbers from 0 up; 0 as to: all"),
            ({"iteration_range": [0, 99]}, "model_config.iteration_range is [0, 99]; the model has 6 rounds"),
        ]
        for config, text in cases:
            with self.subTest(str(config)):
                self.assertEqual(load_error("xgboost", path, config), text)
        regression = self.save(train())
        self.assertEqual(load_error("xgboost", regression, {"output": "class"}), 'model_config.output is "class", and the model gives no probabilities of classes')


if __name__ == "__main__":
    unittest.main()
