import pathlib
import tempfile
import threading
import unittest
import warnings

import lightgbm
import numpy

from ready import model as models
from ready import tabular
from ready_tests import batches
from ready_tests.refusals import ask, load, load_error, refusal

NAMES = ["age", "weight", "height", "pulse"]
random = numpy.random.default_rng(3)
TABLE = random.random((300, 4))
SUM = TABLE[:, 0] + TABLE[:, 1]


def train(rounds=6, table=TABLE, names=NAMES, categories="auto", **settings):
    target = SUM
    if settings.get("objective") == "binary":
        target = SUM > 1
    if settings.get("objective", "").startswith("multiclass"):
        target = numpy.floor(SUM * 1.4999)
        settings["num_class"] = 3
    settings = {"num_leaves": 7, "min_data_in_leaf": 5, "num_threads": 1, "seed": 1, "verbose": -1, **settings}
    data = lightgbm.Dataset(table, target, feature_name=names, categorical_feature=categories)
    return lightgbm.train(settings, data, rounds)


class LightgbmTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.binary = train(objective="binary")
        cls.path = cls.root / "binary.txt"
        cls.binary.save_model(cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def save(self, booster, name="model.txt"):
        booster.save_model(self.root / name)
        return self.root / name

    def test_a_batch_answers_each_request_as_alone(self):
        rows = TABLE[:5].tolist()
        own = batches.own
        asked = [own(rows), own([dict(zip(NAMES, rows[0]))]), own([[1, "two", 3, 4]]), own({"instances": [[None, 1, 2, 3]]})]
        batches.check(self, load("lightgbm", self.path), asked, [3])

    def test_every_kind_of_booster_answers_as_the_library(self):
        rows = TABLE[:5].tolist()
        kinds = [
            {"objective": "regression"},
            {"objective": "binary"},
            {"objective": "multiclass"},
            {"objective": "poisson"},
            {"boosting": "dart"},
            {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
            {"objective": "regression", "linear_tree": True},
        ]
        for kind in kinds:
            booster = train(**kind)
            with self.subTest(**kind):
                model = load("lightgbm", self.save(booster))
                wanted = booster.predict(rows)
                self.assertEqual(ask(model, rows), wanted.tolist())
                answers = model.infer({"input-0": numpy.array(rows)}, ["predict"])
                self.assertEqual(answers["predict"].tolist(), wanted.tolist())
                self.assertEqual(model.outputs[0].shape, [-1] + list(wanted.shape[1:]))

    def test_probabilities_have_a_column_for_each_class(self):
        model = load("lightgbm", self.path)
        self.assertEqual([spec.json() for spec in model.outputs][1], {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]})
        answers = model.infer({"input-0": TABLE[:3]}, None)
        self.assertEqual(answers["predict_proba"].tolist(), [[1 - p, p] for p in self.binary.predict(TABLE[:3])])
        self.assertEqual(sorted(answers), ["predict", "predict_proba"])

    def test_rows_are_arrays_or_objects_with_missing_values(self):
        model = load("lightgbm", self.path)
        nan = numpy.nan
        wanted = self.binary.predict([[0.1, nan, 0.3, 0.4], [0.8, 0.9, nan, nan]]).tolist()
        self.assertEqual(ask(model, [[0.1, None, 0.3, 0.4], {"weight": 0.9, "age": 0.8}]), wanted)
        self.assertEqual(ask(model, []), [])

    def test_categories_of_a_pandas_table_are_sent_as_they_are(self):
        codes = numpy.floor(TABLE[:, 0] * 3).astype(int)
        table = TABLE.copy()
        table[:, 0] = codes
        booster = train(table=table, categories=[0])
        path = self.save(booster)
        text = path.read_text().replace("pandas_categorical:null", 'pandas_categorical:[["low", "middle", "high"]]')
        path.write_text(text)
        model = load("lightgbm", path)
        wanted = booster.predict([[0, 0.5, 0.5, 0.5], [2, 0.5, 0.5, 0.5], [numpy.nan, 0.5, 0.5, 0.5]]).tolist()
        rows = [["low", 0.5, 0.5, 0.5], {"age": "high", "weight": 0.5, "height": 0.5, "pulse": 0.5}, ["new", 0.5, 0.5, 0.5]]
        self.assertEqual(ask(model, rows), wanted)
        self.assertEqual(model.describe()["categories"], {"age": ["low", "middle", "high"]})
        self.assertEqual(refusal(model, [[["low"], 1, 1, 1]]), "row 1, feature age is an array; allowed: a number, or null where it is missing")

    def test_options_choose_what_is_answered(self):
        rows = TABLE[:4]
        margin = load("lightgbm", self.path, {"output": "margin"})
        self.assertEqual(ask(margin, rows.tolist()), self.binary.predict(rows, raw_score=True).tolist())
        chosen = load("lightgbm", self.path, {"output": "class"})
        self.assertEqual(ask(chosen, rows.tolist()), [int(p > 0.5) for p in self.binary.predict(rows)])
        some = load("lightgbm", self.path, {"iteration_range": [1, 3]})
        self.assertEqual(ask(some, rows.tolist()), self.binary.predict(rows, start_iteration=1, num_iteration=2).tolist())

    def test_long_tables_are_split_over_the_cores_and_stay_in_order(self):
        loaded = models.load("lightgbm", str(self.path), {}, lambda text: None, 3)
        table = random.random((tabular.SPLIT_ROWS * 3 + 5, 4))
        self.assertEqual(loaded.split(loaded.predict, table).tolist(), self.binary.predict(table).tolist())

    def test_threads_get_their_own_answers(self):
        model = load("lightgbm", self.path)
        wanted = self.binary.predict(TABLE).tolist()
        wrong = []

        def client(start):
            wrong.extend(at for at in range(start, 300, 4) if ask(model, [TABLE[at].tolist()]) != [wanted[at]])

        threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_bad_requests_are_refused_with_the_row_and_what_is_allowed(self):
        model = load("lightgbm", self.path)
        row = [1, 2, 3, 4]
        cases = [
            ([row, [1, 2, 3]], "row 2 has 3 values; the model has 4 features"),
            ([row, [1, 2, "3", 4]], 'row 2, feature height is the text "3"; allowed: a number, or null where it is missing'),
            ([{"age": 1, "wieght": 2}], 'row 1 has the unknown field "wieght"; the features are age, weight, height, pulse'),
            (b"[[1,2,3,1e999]]", "row 1, feature pulse is beyond what float64 holds"),
            ([[1, 2, 3, 10**400]], "row 1, feature pulse is beyond what float64 holds"),
        ]
        for body, text in cases:
            with self.subTest(str(body)[:40]):
                self.assertEqual(refusal(model, body), text)

    def test_files_that_are_cut_off_anywhere_say_so_and_end_no_process(self):
        whole = self.path.read_bytes()
        end = whole.index(b"end of trees")
        self.assertGreater(end, 1000)
        for at in range(14, end, max(1, end // 60)):
            (self.root / "cut.txt").write_bytes(whole[:at])
            with self.subTest(at):
                self.assertRegex(load_error("lightgbm", self.root / "cut.txt"), r"^cut\.txt (looks like a LightGBM model and cannot be loaded: .|is a LightGBM model of version)")

    def test_models_that_cannot_be_served_say_why(self):
        whole = self.path.read_bytes()
        cases = {
            "new.txt": (whole.replace(b"version=v4", b"version=v9"), r"^new\.txt is a LightGBM model of version v9; allowed: v2, v3, v4$"),
            "more.txt": (whole.replace(b"num_leaves=", b"num_leaves=1"), r"cannot be loaded: tree 1 is not where the header says"),
            "m.json": (b'{"learner":{}}', r'is an XGBoost model in JSON; .*; use processor "xgboost" for it$'),
            "dump.json": (b'{"name":"tree","version":"v4"}', r"is a LightGBM model dumped as JSON, which LightGBM itself cannot read; processor"),
            "m.zip": (b"PK\x03\x04", r"is a ZIP archive"),
        }
        for name, (data, text) in cases.items():
            (self.root / name).write_bytes(data)
            with self.subTest(name):
                self.assertRegex(load_error("lightgbm", self.root / name), text)
        regression = self.save(train())
        self.assertEqual(
            load_error("lightgbm", regression, {"output": "class"}),
            'model_config.output is "class", and the model gives no probabilities of classes',
        )


if __name__ == "__main__":
    unittest.main()
