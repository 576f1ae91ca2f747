"""LightGBM: boosters in its text format.

Requests: rows of numbers (rows.py), or objects by feature names. Missing values are null. A feature that was a category of a pandas table when
the model was trained takes those values themselves, text or numbers; one that was not among them counts as missing, as in LightGBM itself.
Answers: what `Booster.predict` gives: numbers for a regression, probabilities for `binary`, a row of probabilities for `multiclass`; 64 bits.

`model_config`, a JSON object:

- `output`: "value" as above (the default); "margin", before the last transformation; "class", the number of the most probable class.
- `iteration_range`: `[from, to]`, which rounds of boosting count; 0 as `to` is all. Default: up to the best round if training stopped early,
  else all. `save_model` of LightGBM leaves out what comes after the best round anyway.

Open Inference Protocol: input `input-0`, FP64 [-1, features]; outputs `predict`, as above, and `predict_proba`, a column for each
class, for a classifier: MLServer's names.
"""
import os
import re

import numpy

from . import model_files, tabular
from .model import BadModel

with tabular.without_extras():
    import lightgbm

#: Where these end the file must have been written to its end.
_END = b"end of trees"


class LightgbmModel(tabular.BoosterModel):
    family = "lightgbm"
    platform = "lightgbm"
    dtype = numpy.float64

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        self.library = "lightgbm %s" % lightgbm.__version__
        output, rounds = tabular.options(
            config,
            "lightgbm",
            output=tabular.one_of("value", "margin", "class"),
            iteration_range=(None, tabular.is_range, "[from, to], whole numbers from 0 up; 0 as to: all"),
        )
        file, kind = model_files.find(path, ("lightgbm-text",), "lightgbm")
        progress("loading %s" % model_files.KINDS[kind][0])
        text, header = _read(file, kind)
        try:
            self._booster = booster = lightgbm.Booster(model_str=text)
        except lightgbm.basic.LightGBMError as error:
            raise model_files.corrupt(file, kind, error)
        self.columns = booster.num_feature()
        self.names = booster.feature_name()
        self.categories = _categories(booster.pandas_categorical, header)
        self._from, self._count = _rounds(booster, rounds)
        self.output = output
        objective = header.get("objective", "").partition(" ")[0]
        self.is_binary = objective in ("binary", "cross_entropy")
        self.is_probability = objective in ("multiclass", "multiclassova")
        self.describe_outputs("FP64")

    def values(self, table, is_margin):
        # One thread: many would cost a small request milliseconds, and spin beside other requests.
        return self._booster.predict(
            table, start_iteration=self._from, num_iteration=self._count, raw_score=is_margin, num_threads=1
        )


def _read(file, kind):
    """Text and header of a model file. LightGBM reads on behind the end of a file that was cut off, and ends the process: so its end is looked for first."""
    with open(file, "rb") as opened:
        data = opened.read()
    front, _, _ = data.partition(b"\n\n")
    header = dict(line.split("=", 1) for line in front.decode("utf-8", "replace").splitlines() if "=" in line)
    sizes = re.fullmatch(r"\d+( \d+)*", header.get("tree_sizes", "").strip())
    first = data.find(b"Tree=0")
    if header.get("version") not in ("v2", "v3", "v4"):
        raise BadModel("%s is a LightGBM model of version %s; allowed: v2, v3, v4" % (os.path.basename(file), header.get("version")))
    if sizes is None or first < 0:
        raise model_files.corrupt(file, kind, "it has no trees")
    at = first
    for number, size in enumerate(map(int, sizes.group().split())):
        if not data.startswith(b"Tree=%d\n" % number, at):
            raise model_files.corrupt(file, kind, "tree %d is not where the header says; the file was cut off or changed" % number)
        at += size
    if not data.startswith(_END, at):
        raise model_files.corrupt(file, kind, 'it does not go on to "end of trees"; the file was cut off or changed')
    try:
        return data.decode("utf-8"), header
    except UnicodeDecodeError as error:
        raise model_files.corrupt(file, kind, "byte %d is no UTF-8" % error.start)


def _categories(values, header):
    """Column -> {value: code} for features that were categories of a pandas table; {} where codes must be sent.

    The file lists the values in the order of such columns, and which columns are categories in `feature_infos`: those that are no range.
    """
    infos = header.get("feature_infos", "").split()
    columns = [at for at, info in enumerate(infos) if not info.startswith("[")]
    if not values or len(columns) != len(values):
        return {}
    return {at: {value: code for code, value in enumerate(known)} for at, known in zip(columns, values)}


def _rounds(booster, wanted):
    """`(from, count)`; -1 as count is all."""
    if wanted is None:
        return 0, booster.best_iteration if booster.best_iteration > 0 else -1
    there = booster.current_iteration()
    if wanted[1] > there:
        raise BadModel("model_config.iteration_range is %r; the model has %d rounds" % (wanted, there))
    return wanted[0], wanted[1] - wanted[0] if wanted[1] else -1
