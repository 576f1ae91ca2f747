"""XGBoost: boosters in JSON, UBJ or the binary format of before 1.0.

Requests: rows of numbers (rows.py); objects by feature names where the model was saved with them. Missing values are null.
Answers: what `Booster.predict` gives: numbers for a regression, probabilities for `binary:logistic`, a row of probabilities for `multi:softprob`,
class numbers for `multi:softmax`. Numbers are those of the library, which computes in 32 bits, written so that they can be read back without loss.

`model_config`, a JSON object:

- `output`: "value" as above (the default); "margin", before the last transformation; "class", the number of the most probable class.
- `iteration_range`: `[from, to]`, which rounds of boosting count; 0 as `to` is all. Default: up to the best round if training stopped early (the
  attribute `best_iteration`), as XGBoost's own scikit-learn classes do, else all.

Open Inference Protocol: input `input-0`, FP32 [-1, features]; outputs `predict`, as above, and `predict_proba`, a column for each class, for a
classifier: MLServer's names.
"""
import json
import threading
import warnings

import numpy

from . import model_files, tabular
from .model import BadModel

with tabular.without_extras():
    import xgboost

KINDS = ("xgboost-json", "xgboost-ubj", "xgboost-binary")


class XgboostModel(tabular.BoosterModel):
    family = "xgboost"
    platform = "xgboost"
    dtype = numpy.float32

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        self.library = "xgboost %s" % xgboost.__version__
        output, rounds = tabular.options(
            config,
            "xgboost",
            output=tabular.one_of("value", "margin", "class"),
            iteration_range=(None, tabular.is_range, "[from, to], whole numbers from 0 up; 0 as to: all"),
        )
        file, kind = model_files.find(path, KINDS, "xgboost")
        progress("loading %s" % model_files.KINDS[kind][0])
        self._booster = booster = _load(file, kind)
        booster.set_param({"nthread": 1})
        self.columns = booster.num_features()
        if self.columns == 0:
            raise BadModel("the model has no features: it was saved before it was trained")
        self.names = booster.feature_names
        self._rounds = _rounds(booster, rounds)
        self._lock = threading.Lock()
        config_of_booster = json.loads(booster.save_config())["learner"]
        # Linear boosters have no other way than a DMatrix, dart adds up in another order there; not for several threads at once.
        self._is_tree = config_of_booster["gradient_booster"]["name"] == "gbtree"
        self.output = output
        self.is_binary = config_of_booster["objective"]["name"] == "binary:logistic"
        self.is_probability = config_of_booster["objective"]["name"] == "multi:softprob"
        self.describe_outputs("FP32")

    def values(self, table, is_margin):
        if self._is_tree:
            kind = "margin" if is_margin else "value"
            return self._booster.inplace_predict(
                table, iteration_range=self._rounds, predict_type=kind, validate_features=False
            )
        with self._lock:
            matrix = xgboost.DMatrix(table, nthread=1, feature_names=self.names)
            return self._booster.predict(matrix, output_margin=is_margin, iteration_range=self._rounds)


def _load(file, kind):
    with open(file, "rb") as opened:
        data = bytearray(opened.read())
    booster = xgboost.Booster()
    try:
        with warnings.catch_warnings():
            # That a newer release will not read the file concerns no one who runs this one.
            warnings.simplefilter("ignore")
            booster.load_model(data)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise model_files.corrupt(file, kind, _reason(error))
    return booster


def _reason(error):
    """The first line of the library's error without time and place in its sources."""
    line = str(error).partition("\n")[0]
    head, colon, text = line.partition(": ")
    return text if colon and head.startswith("[") else line


def _rounds(booster, wanted):
    if wanted is not None:
        there = booster.num_boosted_rounds()
        if wanted[1] > there:
            raise BadModel("model_config.iteration_range is %r; the model has %d rounds" % (wanted, there))
        return tuple(wanted)
    best = booster.attr("best_iteration")
    return (0, int(best) + 1) if best is not None else (0, 0)
