import pathlib
import pickle
import tempfile
import threading
import unittest
import warnings

import joblib
import numpy
import pandas
import sklearn
from skops import io
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, IsolationForest, RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from ready.sklearn_model import PICKLE_NOTE
from ready_tests import batches, hostile
from ready_tests.refusals import ask, load, load_error, refusal

random = numpy.random.default_rng(3)
TABLE = random.random((120, 4))
SUM = TABLE[:, 0] + TABLE[:, 1]
LABEL = SUM > 1
WORDS = numpy.where(LABEL, "heavy", "light")
FRAME = pandas.DataFrame({"colour": numpy.where(TABLE[:, 0] > 0.5, "red", "blue"), "size": TABLE[:, 1], "count": (TABLE[:, 2] * 5).astype(int)})
ROWS = TABLE[:6].tolist()
FRAME_ROWS = FRAME.iloc[:6].to_dict(orient="records")


def columns():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return ColumnTransformer([("text", OneHotEncoder(handle_unknown="ignore"), ["colour"]), ("numbers", numbers, ["size", "count"])])


def doubled(table):
    return table * 2


class Own(LogisticRegression):
    """A class that no library has."""


class SklearnTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        warnings.simplefilter("ignore")
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = pathlib.Path(cls.folder.name)
        cls.classifier = LogisticRegression().fit(TABLE, WORDS)
        cls.path = cls.save(cls.classifier, "classifier.skops")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def save(cls, model, name="model.joblib"):
        path = cls.root / name
        if name.endswith(".skops"):
            io.dump(model, path)
        else:
            joblib.dump(model, path, compress=3 if name.endswith(".gz") else 0)
        return path

    def test_every_kind_of_file_answers_as_the_library(self):
        wanted = self.classifier.predict(TABLE[:6]).tolist()
        with open(self.root / "m.pkl", "wb") as file:
            pickle.dump(self.classifier, file)
        self.save(self.classifier, "m.joblib")
        self.save(self.classifier, "m.joblib.gz")
        for name in ("classifier.skops", "m.pkl", "m.joblib", "m.joblib.gz"):
            with self.subTest(name):
                model = load("sklearn", self.root / name)
                self.assertEqual(ask(model, ROWS), wanted)
                self.assertEqual(model.note, "" if name.endswith("skops") else PICKLE_NOTE)
                self.assertEqual(model.library, "scikit-learn " + sklearn.__version__)

    def test_every_kind_of_estimator_answers_as_the_library(self):
        kinds = [
            LinearRegression().fit(TABLE, SUM),
            LinearRegression().fit(TABLE, TABLE[:, :2]),
            RandomForestClassifier(20, random_state=1, n_jobs=-1).fit(TABLE, LABEL),
            RandomForestClassifier(5, random_state=1).fit(TABLE, numpy.column_stack((LABEL, WORDS == "heavy"))),
            HistGradientBoostingClassifier(max_iter=5).fit(TABLE, WORDS),
            KMeans(3, random_state=1, n_init=1).fit(TABLE),
            IsolationForest(n_estimators=5, random_state=1).fit(TABLE),
            GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, cv=2).fit(TABLE, SUM),
            make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, WORDS),
            VotingClassifier([("a", LogisticRegression()), ("b", make_pipeline(StandardScaler(), LogisticRegression()))]).fit(TABLE, LABEL),
        ]
        for estimator in kinds:
            with self.subTest(type(estimator).__name__):
                model = load("sklearn", self.save(estimator))
                wanted = estimator.predict(TABLE[:6])
                self.assertEqual(ask(model, ROWS), wanted.tolist())
                # Probabilities cost as much again: only for who asks for them.
                self.assertEqual(list(model.infer({"input-0": TABLE[:6]}, None)), ["predict"])
                answers = model.infer({"input-0": TABLE[:6]}, [spec.name for spec in model.outputs])
                self.assertEqual(answers["predict"].tolist(), wanted.tolist())
                self.assertEqual([list(answers[spec.name].shape[1:]) for spec in model.outputs], [spec.shape[1:] for spec in model.outputs])

    def test_a_batch_answers_each_request_as_alone(self):
        model = load("sklearn", self.path)
        own, tensors = batches.own, batches.tensors
        table = lambda rows, **more: tensors([("input-0", "FP64", rows, [len(rows), 4])], **more)  # noqa: E731
        short = own([[1, 2, 3]])
        found = batches.check(
            self,
            model,
            [own(ROWS[:1]), own({"instances": ROWS}), short, own([]), own(b"no JSON"), table(ROWS[:2]), table([]), own([[1, None, 3, 4]]), own(b"")],
            # One has null, which this model refuses for all; the others are then asked alone.
            [],
        )
        self.assertIn("row 1: scikit-learn says", found[7][0])
        both = {"outputs": [{"name": "predict_proba"}, {"name": "predict"}]}
        asked = [own(ROWS[:1]), own(ROWS), short, table(ROWS[:2]), table(ROWS[2:4], **both), table(ROWS[4:5], **both), table(ROWS[:1], name="other")]
        found = batches.check(self, model, asked, [3, 2])
        self.assertEqual(found[2], ("row 1 has 3 values; the model has 4 features", 400))

    def test_batches_of_texts_of_tables_with_names_and_of_several_targets(self):
        frame = make_pipeline(columns(), LogisticRegression()).fit(FRAME, WORDS)
        rows = FRAME_ROWS[:2] + [{**FRAME_ROWS[2], "size": None}]
        batches.check(self, load("sklearn", self.save(frame)), [batches.own([row]) for row in rows], [3])
        texts = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["a red ball", "a blue box"] * 3, [1, 0] * 3)
        batches.check(self, load("sklearn", self.save(texts)), [batches.own(["red"]), batches.own(["blue", "box"]), batches.own([3])], [2])
        many = RandomForestClassifier(5, random_state=1).fit(TABLE, numpy.column_stack((LABEL, TABLE[:, 0] > 0.5, WORDS == "heavy")))
        model = load("sklearn", self.save(many), {"output": "predict_proba"})
        batches.check(self, model, [batches.own(ROWS[:1]), batches.own(ROWS[1:3])], [2])

    def test_transformers_transform(self):
        scaler = StandardScaler().fit(TABLE)
        model = load("sklearn", self.save(scaler))
        self.assertEqual(ask(model, ROWS), scaler.transform(TABLE[:6]).tolist())
        encoder = OneHotEncoder().fit(FRAME[["colour"]])  # its answer is sparse
        self.assertEqual(ask(load("sklearn", self.save(encoder)), [["red"], {"colour": "blue"}]), [[0.0, 1.0], [1.0, 0.0]])

    def test_columns_of_text_and_numbers_are_read_by_name_or_in_order(self):
        model = make_pipeline(columns(), LogisticRegression()).fit(FRAME, WORDS)
        loaded = load("sklearn", self.save(model))
        wanted = model.predict(FRAME.iloc[:6]).tolist()
        self.assertEqual(ask(loaded, FRAME_ROWS), wanted)
        self.assertEqual(ask(loaded, [list(row.values()) for row in FRAME_ROWS]), wanted)
        gap = pandas.DataFrame({"colour": ["green"], "size": [numpy.nan], "count": [2]})
        self.assertEqual(ask(loaded, [{"colour": "green", "count": 2}]), model.predict(gap).tolist())
        tensors = [spec.json() for spec in loaded.inputs]
        self.assertEqual([(t["name"], t["datatype"], t["shape"]) for t in tensors], [("colour", "BYTES", [-1, 1]), ("size", "FP64", [-1, 1]), ("count", "FP64", [-1, 1])])
        inputs = {
            "colour": numpy.array([[b"red"], [b"blue"]], dtype=object),
            "size": numpy.array([[0.1], [0.9]]),
            "count": numpy.array([[1.0], [2.0]]),
        }
        wanted = model.predict_proba(pandas.DataFrame({"colour": ["red", "blue"], "size": [0.1, 0.9], "count": [1, 2]}))
        self.assertEqual(loaded.infer(inputs, ["predict_proba"])["predict_proba"].tolist(), wanted.tolist())

    def test_pipelines_that_choose_columns_deep_inside_get_a_table_with_names(self):
        deep = [
            GridSearchCV(make_pipeline(columns(), Ridge()), {"ridge__alpha": [0.1, 1]}, cv=2).fit(FRAME, SUM),
            VotingClassifier([("a", make_pipeline(columns(), LogisticRegression()))]).fit(FRAME, LABEL),
            make_pipeline(make_pipeline(columns(), StandardScaler()), Ridge()).fit(FRAME, SUM),
        ]
        for model in deep:
            with self.subTest(type(model).__name__):
                self.assertEqual(ask(load("sklearn", self.save(model)), FRAME_ROWS), model.predict(FRAME.iloc[:6]).tolist())

    def test_a_model_trained_with_names_takes_objects_without_a_table(self):
        numbers = FRAME[["size", "count"]]
        model = LinearRegression().fit(numbers, SUM)
        loaded = load("sklearn", self.save(model))
        self.assertTrue(loaded.columns_in.is_numbers)
        rows = [{"count": 2, "size": 0.5}, [0.1, 3]]
        self.assertEqual(ask(loaded, rows), model.predict(pandas.DataFrame({"size": [0.5, 0.1], "count": [2, 3]})).tolist())

    def test_text_without_names_is_read_in_order(self):
        table = FRAME[["colour", "size"]].to_numpy(dtype=object)
        model = make_pipeline(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), LogisticRegression()).fit(table, LABEL)
        self.assertEqual(ask(load("sklearn", self.save(model)), [["red", 0.5], ["blue", 0.1]]), model.predict(numpy.array([["red", 0.5], ["blue", 0.1]], dtype=object)).tolist())

    def test_models_of_texts_take_texts(self):
        texts = ["a good film", "bad film", "good", "a bad one"]
        model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, ["+", "-", "+", "-"])
        loaded = load("sklearn", self.save(model))
        self.assertEqual(ask(loaded, ["good film", "bad"]), ["+", "-"])
        self.assertEqual(loaded.infer({"input-0": numpy.array([b"good"], dtype=object)}, ["predict"])["predict"].tolist(), ["+"])
        self.assertEqual(refusal(loaded, ["good", 3]), "row 2 is a number; allowed: a text")

    def test_options_choose_what_is_answered(self):
        for output in ("predict_proba", "predict_log_proba", "decision_function"):
            loaded = load("sklearn", self.path, {"output": output})
            self.assertEqual(ask(loaded, ROWS), getattr(self.classifier, output)(TABLE[:6]).tolist())
        self.assertEqual(load("sklearn", self.path).describe()["classes"], ["heavy", "light"])
        self.assertEqual(
            load_error("sklearn", self.path, {"output": "transform"}),
            'model_config.output is "transform"; LogisticRegression has predict, predict_proba, predict_log_proba, decision_function',
        )

    def test_hostile_bodies_are_refused_quickly_and_in_little_memory(self):
        hostile.check(self, load("sklearn", self.path))

    def test_no_rows_get_no_answers(self):
        loaded = load("sklearn", self.path)
        found = loaded.infer({"input-0": numpy.empty((0, 4))}, ["predict", "predict_proba"])
        self.assertEqual([values.shape for values in found.values()], [(0,), (0, 2)])

    def test_missing_values_are_for_the_model_to_take(self):
        trees = HistGradientBoostingClassifier(max_iter=5).fit(TABLE, LABEL)
        rows = [[0.1, None, 0.3, 0.4], [None] * 4]
        wanted = trees.predict([[0.1, numpy.nan, 0.3, 0.4], [numpy.nan] * 4]).tolist()
        self.assertEqual(ask(load("sklearn", self.save(trees)), rows), wanted)
        said = refusal(load("sklearn", self.path), [ROWS[0], ROWS[1], rows[0], ROWS[2]])
        self.assertRegex(said, r"^row 3: scikit-learn says: Input X contains NaN\.")

    def test_bad_requests_are_refused_with_the_row_and_what_is_allowed(self):
        numbers = load("sklearn", self.path)
        table = load("sklearn", self.save(make_pipeline(columns(), Ridge()).fit(FRAME, SUM)))
        strict = make_pipeline(ColumnTransformer([("t", OneHotEncoder(), ["colour"])]), Ridge()).fit(FRAME, SUM)
        strict = load("sklearn", self.save(strict))
        good = {"colour": "red", "size": 1, "count": 2}
        cases = [
            (numbers, [ROWS[0], [1, 2]], "row 2 has 2 values; the model has 4 features"),
            (numbers, [[1, "2", 3, 4]], 'row 1, value 2 is the text "2"; allowed: a number, or null where it is missing'),
            (numbers, [{"a": 1}], "row 1 is an object, and the model has no feature names; allowed: an array of 4 values"),
            (table, [good, {**good, "colour": 3}], "row 2, feature colour is a number; allowed: a text, or null where it is missing"),
            (table, [good, good, {**good, "size": "x"}], 'row 3, feature size is the text "x"; allowed: a number, or null where it is missing'),
            (table, [{**good, "sise": 1}], 'row 1 has the unknown field "sise"; the features are colour, size, count'),
            (table, [good, 3], "row 2 is a number; allowed: an array of 3 values or an object by feature names"),
            (table, [good, {**good, "count": [1]}], "row 2, feature count is an array; allowed: a number, or null where it is missing"),
            (table, b'[{"colour":"red","size":1e999}]', "row 1, feature size is beyond what float64 holds"),
            (table, [{**good, "count": 10**400}], "row 1, feature count is beyond what float64 holds"),
            (strict, [good, good, {**good, "colour": "green"}], "row 3: scikit-learn says: Found unknown categories ['green'] in column 0 during transform"),
            (table, b"[NaN]", "the body has NaN, which is not JSON; a missing value is null"),
        ]
        for model, body, text in cases:
            with self.subTest(str(body)[:60]):
                self.assertEqual(refusal(model, body), text)

    def test_a_model_saved_by_another_version_says_so(self):
        path = self.save(self.classifier)
        path.write_bytes(path.read_bytes().replace(sklearn.__version__.encode(), b"1.0.2"))
        model = load("sklearn", path)
        self.assertIn("the model was saved by scikit-learn 1.0.2 and runs with %s: its answers may differ" % sklearn.__version__, model.note)

    def test_types_that_skops_does_not_know_have_to_be_trusted(self):
        path = self.save(make_pipeline(FunctionTransformer(doubled), LinearRegression()).fit(TABLE, SUM), "own.skops")
        name = "%s.doubled" % __name__
        self.assertEqual(
            load_error("sklearn", path),
            "own.skops has types that skops does not know to be safe: %s; name them in model_config.trusted if you trust them" % name,
        )
        self.assertEqual(len(ask(load("sklearn", path, {"trusted": [name]}), ROWS)), 6)

    def test_models_that_cannot_be_served_say_why(self):
        whole = self.save(self.classifier).read_bytes()
        skops = self.path.read_bytes()
        own = pickle.dumps(Own().fit(TABLE, LABEL)).replace(__name__.encode(), b"lost_by_now".ljust(len(__name__), b"x"))
        cases = {
            "cut.joblib": (whole[:300], r"^cut\.joblib looks like a Python pickle and cannot be loaded: "),
            "cut.skops": (skops[:300], r"^cut\.skops is a ZIP archive; processor \"sklearn\" reads a skops file, "),
            "noise.gz": (b"\x1f\x8b" + bytes(50), r"^noise\.gz looks like a compressed file and cannot be loaded: "),
            "own.pkl": (own, r"^own\.pkl needs the module lost_by_now\w*, which is not in the environment of this processor$"),
            "dict.pkl": (pickle.dumps({"a": 1}), r"^the file holds an object of type dict; allowed: a fitted scikit-learn estimator"),
            "class.pkl": (pickle.dumps(Ridge), r"^the file holds the class Ridge; allowed"),
            "raw.pkl": (pickle.dumps(Ridge()), r"^the Ridge in the file was never fitted$"),
            "m.onnx": (b"\x08\x08\x12\x07skl2onnx", r'is an ONNX model; .*; use processor "onnx" for it$'),
            "m.txt": (b"tree\nversion=v4\n", r'is a LightGBM model; .*; use processor "lightgbm" for it$'),
        }
        for name, (data, text) in cases.items():
            (self.root / name).write_bytes(data)
            with self.subTest(name):
                self.assertRegex(load_error("sklearn", self.root / name), text)

    def test_threads_get_their_own_answers(self):
        model = load("sklearn", self.save(make_pipeline(columns(), Ridge()).fit(FRAME, SUM)))
        wanted = [ask(model, [row])[0] for row in FRAME_ROWS]
        wrong = []

        def client():
            for _ in range(10):
                wrong.extend(row for row, answer in zip(FRAME_ROWS, wanted) if ask(model, [row]) != [answer])

        threads = [threading.Thread(target=client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
