"""Which columns a scikit-learn model reads, and how rows become the table that it takes."""
import sys

import numpy

from . import rows as row_forms
from .model import BadInput, BadModel, TensorSpec
from .tabular import INPUT_NAME, also

_LARGEST = sys.float_info.max
NUMBER, TEXT, ANY = "number", "text", "any"


class Columns:
    """The columns of a model: `names` or None, `count`, the kind of each, and whether it needs a table with names (pandas)."""

    def __init__(self, model):
        front = _front(model)
        #: A row is one text, not a list of values.
        self.is_texts = _reads_texts(front)
        self.names = None
        names = getattr(model, "feature_names_in_", None)
        if names is not None:
            self.names = [str(name) for name in names]
        self.count = 1 if self.is_texts else _count(model, self.names)
        self.needs_frame = self.names is not None and _chooses_by_name(model)
        self._kinds = [NUMBER] * self.count if self.is_texts else _kinds(front, self.count, self.names)
        self._missing = None
        #: All columns are numbers, and an array will do.
        self.is_numbers = not self.is_texts and not self.needs_frame and all(kind == NUMBER for kind in self._kinds)
        if self.needs_frame:
            import pandas

            self._frame = pandas.DataFrame

    def table(self, rows):
        """What the model takes for rows of a request; raises BadInput."""
        if self.is_texts:
            for number, row in enumerate(rows, 1):
                if type(row) is not str:
                    raise BadInput("row %d is %s; allowed: a text" % (number, row_forms.word(row)))
            return rows
        if self.is_numbers:
            return row_forms.numbers(rows, self.count, self.names, numpy.float64)
        ordered = row_forms.ordered(rows, self.count, self.names)
        columns = [self._column(at, [row[at] for row in ordered]) for at in range(self.count)]
        return self._of_columns(columns)

    def _column(self, at, values):
        kind = self._kinds[at]
        types = set(map(type, values))
        if kind == NUMBER or (kind == ANY and types <= row_forms.NUMBERS):
            if not types <= row_forms.NUMBERS:
                self._refuse(at, values, row_forms.NUMBERS, "a number")
            try:
                column = numpy.array(values, dtype=numpy.float64)
            except OverflowError:
                column = None
            if column is None or numpy.isinf(column).any():
                number = next(n for n, v in enumerate(values, 1) if v is not None and not -_LARGEST <= v <= _LARGEST)
                raise BadInput("row %d, %s is beyond what float64 holds" % (number, self._name(at)))
            return column
        if kind == TEXT and not types <= {str, type(None)}:
            self._refuse(at, values, (str, type(None)), "a text")
        if not types <= row_forms.NUMBERS | {str}:
            self._refuse(at, values, row_forms.NUMBERS | {str}, "a number or a text")
        column = numpy.empty(len(values), dtype=object)
        column[:] = [numpy.nan if value is None else value for value in values]
        return column

    def _refuse(self, at, values, allowed_types, allowed):
        number, value = next((n, v) for n, v in enumerate(values, 1) if type(v) not in allowed_types)
        raise BadInput(
            "row %d, %s is %s; allowed: %s, or null where it is missing" % (number, self._name(at), row_forms.word(value), allowed)
        )

    def _name(self, at):
        return row_forms.place(at, self.names)

    def _of_columns(self, columns):
        if self.needs_frame:
            return self._frame(dict(zip(self.names, columns)), copy=False)
        if all(column.dtype.kind != "O" for column in columns):
            return numpy.column_stack(columns)
        table = numpy.empty((len(columns[0]), self.count), dtype=object)
        for at, column in enumerate(columns):
            table[:, at] = column
        return table

    def parts(self, table):
        """A table of the model as arrays with a row for each of its rows; `joined` makes a table of such arrays."""
        if self.is_texts:
            texts = numpy.empty(len(table), dtype=object)
            texts[:] = table
            return [texts]
        return [table[name].to_numpy() for name in self.names] if self.needs_frame else [table]

    def joined(self, arrays):
        if self.is_texts:
            return list(arrays[0])
        return self._of_columns(arrays) if self.needs_frame else arrays[0]

    def table_of_tensors(self, inputs):
        """The same for tensors of the Open Inference Protocol."""
        if self.is_texts:
            (texts,) = inputs.values()
            return [_text(value) for value in texts.reshape(-1)]
        if self.is_numbers:
            (table,) = inputs.values()
            row_forms.refuse_infinite(table)
            return table
        columns = []
        for at, spec in enumerate(self.tensors()):
            values = inputs[spec.name].reshape(-1)
            columns.append(values if values.dtype.kind != "O" else self._column(at, [_text(value) for value in values]))
        if len({len(column) for column in columns}) > 1:
            raise BadInput("the inputs have different numbers of rows")
        return self._of_columns(columns)

    def tensors(self):
        """Inputs of the Open Inference Protocol."""
        if self.is_texts:
            return [TensorSpec(INPUT_NAME, "BYTES", [-1], takes_any_name=True)]
        if self.is_numbers:
            return [TensorSpec(INPUT_NAME, "FP64", [-1, self.count], also=also("FP64"), takes_any_name=True)]
        names = self.names or ["input-%d" % at for at in range(self.count)]
        return [_column_tensor(name, kind) for name, kind in zip(names, self._kinds)]

    def sample(self):
        """A table of one row, to learn what answers look like."""
        if self.is_texts:
            return ["a text"]
        return self.table([["" if kind == TEXT else 0 for kind in self._kinds]])


def _column_tensor(name, kind):
    if kind == TEXT:
        return TensorSpec(name, "BYTES", [-1, 1])
    more = ("BYTES",) if kind == ANY else ()
    return TensorSpec(name, "FP64", [-1, 1], also=also("FP64") + more)


def _text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def prepare(model):
    """One thread a request: those of joblib cost a small one milliseconds, and other requests have threads of their own."""
    for part in _parts(model):
        if getattr(part, "n_jobs", None) not in (None, 1):
            part.n_jobs = 1


def _front(model):
    """The step that reads the columns."""
    for _ in range(20):
        if hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        elif hasattr(model, "steps") and model.steps:
            model = next((step for _, step in model.steps if not isinstance(step, str) and step is not None), None)
        else:
            break
    return model


def _reads_texts(front):
    tags = _tags(front)
    return tags is not None and tags.input_tags.string and not tags.input_tags.two_d_array


def _tags(part):
    try:
        from sklearn.utils import get_tags

        return get_tags(part)
    except Exception:
        return None  # not one of scikit-learn's


def _count(model, names):
    count = getattr(model, "n_features_in_", None)
    if count is None and names is not None:
        count = len(names)
    if count is None:
        raise BadModel("%s does not say how many columns it reads (n_features_in_)" % type(model).__name__)
    return int(count)


def _parts(model, depth=0):
    """The model and what it is made of, but for the trees of a forest."""
    yield model
    if depth > 8:
        return
    for value in list(vars(model).values()) if hasattr(model, "__dict__") else []:
        items = value if isinstance(value, (list, tuple)) else [value]
        for item in items[:200]:
            for inner in item if isinstance(item, tuple) else [item]:
                is_part = hasattr(inner, "get_params") and not isinstance(inner, type)
                if is_part and not type(inner).__module__.startswith("sklearn.tree"):
                    yield from _parts(inner, depth + 1)


def _chooses_by_name(model):
    """It has a step that takes columns by their names, or may: code that is not scikit-learn's gets the table that it was trained on."""
    for part in _parts(model):
        if not type(part).__module__.startswith("sklearn.") or type(part).__name__ == "FunctionTransformer":
            return True
        for _, _, columns in getattr(part, "transformers_", None) or []:
            first = columns if isinstance(columns, str) else next(iter(columns), None) if hasattr(columns, "__iter__") else None
            if isinstance(first, str):
                return True
    return False


def _kinds(front, count, names):
    transformers = getattr(front, "transformers_", None)
    if transformers is None:
        return [_kind(front, at) for at in range(count)]
    found = [set() for _ in range(count)]
    for _, transformer, columns in transformers:
        for at, index in enumerate(_indices(columns, count, names)):
            found[index].add(_kind(_front(transformer), at))
    return [kinds.pop() if len(kinds) == 1 else ANY for kinds in found]


def _indices(columns, count, names):
    if isinstance(columns, slice):
        return range(count)[columns]
    listed = [columns] if isinstance(columns, (str, int)) else list(columns)
    if listed and isinstance(listed[0], (bool, numpy.bool_)):
        return [at for at, is_taken in enumerate(listed) if is_taken]
    return [names.index(c) if isinstance(c, str) else int(c) % count for c in listed]


def _kind(part, at):
    """What the column `at` of those that a step reads must hold."""
    if part is None or isinstance(part, str):
        return ANY  # passed through, or dropped
    categories = getattr(part, "categories_", None)
    if categories is not None and at < len(categories):
        return TEXT if any(isinstance(value, str) for value in categories[at]) else NUMBER
    filled = getattr(part, "statistics_", None)
    if filled is not None and at < len(filled):
        return TEXT if isinstance(filled[at], str) else NUMBER
    tags = _tags(part)
    if tags is None or not type(part).__module__.startswith("sklearn."):
        return ANY
    if _reads_texts(part):
        return TEXT
    is_open = tags.input_tags.string or tags.input_tags.categorical or type(part).__name__ == "FunctionTransformer"
    return ANY if is_open or _chooses_by_name(part) else NUMBER
