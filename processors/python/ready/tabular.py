"""What XGBoost and LightGBM have in common: one table of numbers in, one array out."""
import contextlib
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy

from . import model as models
from . import rows
from .model import BadModel, ReadyModel, TensorSpec

#: Name of the tensor that a model of one table takes, as other servers of the protocol call it.
INPUT_NAME = "input-0"
#: Datatypes that are numbers: each is taken where another stands, as other servers do.
NUMBERS = ("FP32", "FP64", "FP16", "INT64", "INT32", "INT16", "INT8", "UINT64", "UINT32", "UINT16", "UINT8", "BOOL")


def also(datatype):
    """What may stand where a table of numbers has `datatype`."""
    return tuple(name for name in NUMBERS if name != datatype)


#: Rows from which a request is worth more than one thread.
SPLIT_ROWS = 4096
#: Packages that a library imports where it finds them, for inputs that never come here.
_NOT_NEEDED = ("pandas", "sklearn", "matplotlib", "graphviz", "pyarrow", "cudf", "cupy", "dask", "polars", "modin", "datatable", "shap")


@contextlib.contextmanager
def without_extras(*needed):
    """Imports in this block do not find what a library only uses for other kinds of inputs: a second of the start where the system has it."""
    hidden = [name for name in _NOT_NEEDED if name not in sys.modules and name not in needed]
    for name in hidden:
        sys.modules[name] = None
    try:
        yield
    finally:
        for name in hidden:
            if sys.modules.get(name, True) is None:
                del sys.modules[name]


class TabularModel(ReadyModel):
    """A model of one table. A family sets `columns`, `names` (or None) and `dtype`, and gives `predict`."""

    columns = 0
    names = None
    dtype = numpy.float64
    #: Column -> {value: code} for features that take values of a list, text or numbers, in place of any number.
    categories = {}

    def predict(self, table):
        """Predictions for a table: an array with one item, or one row, for each of its rows."""
        raise NotImplementedError

    def process(self, body, headers):
        found, is_wrapped = rows.unwrap(rows.parse(body))
        if not found:
            return rows.answer([], is_wrapped)
        table = rows.numbers(found, self.columns, self.names, self.dtype, self.categories)
        return rows.answer(rows.plain(self.split(self.predict, table)), is_wrapped)

    def split(self, predict, table):
        """`predict(table)`, on several cores where the table is long: threads of the library would spin beside those of other requests."""
        parts = min(models.CORES, len(table) // SPLIT_ROWS)
        if parts < 2:
            return predict(table)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(models.CORES)
        return numpy.concatenate(list(self._pool.map(predict, numpy.array_split(table, parts))))

    _pool = None

    def describe(self):
        known = super().describe()
        if self.names:
            known["features"] = list(self.names)
        if self.categories:
            known["categories"] = {self.names[at]: list(values) for at, values in self.categories.items()}
        return known

    def table_spec(self, datatype):
        return TensorSpec(INPUT_NAME, datatype, [-1, self.columns], also=also(datatype), takes_any_name=True)


class BoosterModel(TabularModel):
    """What boosters of either library answer. A family gives `values`, and calls `describe_outputs` when it has loaded."""

    #: "value", "margin" or "class".
    output = "value"
    #: One probability stands for two classes.
    is_binary = False

    def values(self, table, is_margin):
        """What the library's own `predict` gives."""
        raise NotImplementedError

    def describe_outputs(self, datatype):
        """Sets `inputs` and `outputs`, and raises BadModel where classes are asked for that the model does not tell apart."""
        table = numpy.zeros((1, self.columns), self.dtype)
        values = self.values(table, False)
        if self.output == "class" and values.ndim == 1 and not self.is_binary:
            raise BadModel('model_config.output is "class", and the model gives no probabilities of classes')
        self.inputs = [self.table_spec(datatype)]
        shape = [-1] + list(self.predict(table).shape[1:])
        self.outputs = [TensorSpec("predict", "INT64" if self.output == "class" else datatype, shape)]
        if self.is_binary or (values.ndim == 2 and self.is_probability):
            self.outputs.append(TensorSpec("predict_proba", datatype, [-1, 2 if self.is_binary else values.shape[1]]))

    #: Rows of values are probabilities.
    is_probability = False

    def predict(self, table):
        values = self.values(table, self.output == "margin")
        return self._classes(values) if self.output == "class" else values

    @staticmethod
    def _classes(values):
        return values.argmax(axis=1) if values.ndim == 2 else (values > 0.5).astype(numpy.int64)

    def infer(self, inputs, outputs):
        (table,) = inputs.values()
        rows.refuse_infinite(table)
        answers = {}
        for name in outputs or [spec.name for spec in self.outputs]:
            answers[name] = self.split(self.predict if name == "predict" else self._probabilities, table)
        return answers

    def _probabilities(self, table):
        values = self.values(table, False)
        return numpy.column_stack((1 - values, values)) if values.ndim == 1 else values


def options(config, processor, **known):
    """`model_config` checked: `known` gives for each name its default and a function that says whether a value is allowed, and what is.

    Returns the values in the order of `known`; raises BadModel.
    """
    models.check_options(config, processor, known)
    values = []
    for name, (default, is_allowed, allowed) in known.items():
        value = config.get(name, default)
        if value is not default and not is_allowed(value):
            raise BadModel("model_config.%s is %s; allowed: %s" % (name, rows.word(value), allowed))
        values.append(value)
    return values


def one_of(*words):
    """For `options`: the first is the default."""
    return (words[0], lambda value: isinstance(value, str) and value in words, " or ".join('"%s"' % w for w in words))


def is_range(value):
    """Two whole numbers from 0 up."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(v) is int and v >= 0 for v in value)
        and (value[1] == 0 or value[0] < value[1])
    )
