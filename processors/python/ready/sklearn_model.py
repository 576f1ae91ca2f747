"""scikit-learn: estimators and pipelines as joblib, pickle or skops files.

A pickle, which joblib's files are too, runs code of its author when it is loaded: it is said beside the instance. A skops file does not; types in it
that skops does not know are refused unless `model_config.trusted` names them.

Requests: rows (rows.py): arrays in the order of the training, or objects by column names where the model was trained on a table with names. A column
that an encoder of text reads takes text. Where the first step reads whole texts, such as a TfidfVectorizer, a row is a text. Missing values are null;
whether a model takes them is for scikit-learn to say.
Answers: what `predict` gives, for a transformer what `transform` gives; or as `model_config.output` says.

`model_config`, a JSON object:

- `output`: "predict", "predict_proba" (a row of probabilities, in the order of `classes` of the description), "predict_log_proba",
  "decision_function", "score_samples" or "transform".
- `trusted`: types in a skops file that may be loaded, as skops names them.

Open Inference Protocol: one table `input-0`, FP64 [-1, features]; for a model with columns of text, or which chooses columns by names, one tensor
[-1, 1] a column, FP64 or BYTES; outputs `predict` and, of a classifier, when it is asked
for by name, `predict_proba`: MLServer's names and its way.
"""
import pickle
import re
import sys
import warnings

import numpy
import sklearn
from sklearn.exceptions import InconsistentVersionWarning, NotFittedError

from . import model_files, sklearn_columns, tabular, tensors
from . import rows as row_forms
from .batches import Call
from .model import BadInput, BadModel, TensorSpec

KINDS = ("skops", "pickle", "compressed")
OUTPUTS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "score_samples", "transform")
PICKLE_NOTE = "the model is a pickle, which runs code of its author when it is loaded: serve only files that you trust; skops files do not"

#: Beside those that skops knows: a dtype describes numbers and does nothing; columns of text bring one.
SAFE = ("numpy.dtype",)

_DATATYPES = {"f": "FP64", "i": "INT64", "u": "INT64", "b": "BOOL"}


class SklearnModel(tabular.TabularModel):
    family = "sklearn"
    platform = "sklearn"

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        self.library = "scikit-learn %s" % sklearn.__version__
        output, trusted = tabular.options(
            config,
            "sklearn",
            output=(None, lambda value: value in OUTPUTS, " or ".join('"%s"' % name for name in OUTPUTS)),
            trusted=([], _is_texts, "an array of type names"),
        )
        file, kind = model_files.find(path, KINDS, "sklearn")
        progress("loading %s" % model_files.KINDS[kind][0])
        self._model, saved_with = _load(file, kind, trusted)
        self._output = _output_of(self._model, output)
        notes = [PICKLE_NOTE] if kind != "skops" else []
        if saved_with:
            notes.append(
                "the model was saved by scikit-learn %s and runs with %s: its answers may differ" % (saved_with, sklearn.__version__)
            )
        self.note = "; ".join(notes)
        sklearn_columns.prepare(self._model)
        self.columns_in = sklearn_columns.Columns(self._model)
        self.columns = self.columns_in.count
        self.names = self.columns_in.names
        # The names were looked at when the rows were read.
        warnings.filterwarnings("ignore", "X does not have valid feature names")
        self._describe_tensors()

    def steps(self, body, headers):
        found, is_wrapped = row_forms.unwrap(row_forms.parse(body))
        if not found:
            return row_forms.answer([], is_wrapped)
        (answer,) = yield self._asked((self._output,), self.columns_in.table(found))
        return row_forms.answer(_plain(answer), is_wrapped)

    def _asked(self, names, table):
        columns = self.columns_in
        return Call(lambda arrays: [self._call(name, columns.joined(arrays)) for name in names], names, columns.parts(table))

    def _call(self, output, table):
        method = getattr(self._model, output)
        try:
            return self.split(lambda part: _dense(method(part)), table) if self.columns_in.is_numbers else _dense(method(table))
        except (ValueError, TypeError) as error:
            raise self._refusal(output, table, error)

    def _refusal(self, output, table, error):
        """Names the first row that scikit-learn refuses, by halves: one bad row of a long table costs about as much as two good tables."""
        first, count = 0, len(table)
        while count > 1:
            half = count // 2
            part = table[first : first + half]
            try:
                getattr(self._model, output)(part)
                first, count = first + half, count - half
            except (ValueError, TypeError) as found:
                error, count = found, half
        text = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return BadInput("row %d: scikit-learn says: %.300s" % (first + 1, text))

    def infer_steps(self, inputs, outputs):
        table = self.columns_in.table_of_tensors(inputs)
        # Probabilities cost a second call, as much again: only for who asks for them.
        names = tuple(outputs or [self._output])
        if len(table) == 0:
            return {name: self._none_of(name) for name in names}
        return dict(zip(names, (yield self._asked(names, table))))

    def _none_of(self, name):
        """The answer to no rows, which scikit-learn itself refuses."""
        (spec,) = [spec for spec in self.outputs if spec.name == name]
        return numpy.empty([0] + spec.shape[1:], tensors.DTYPES[spec.datatype])

    def describe(self):
        known = super().describe()
        classes = _classes(self._model)
        if classes is not None:
            known["classes"] = classes
        return known

    def _describe_tensors(self):
        self.inputs = self.columns_in.tensors()
        wanted = [self._output]
        if self._output == "predict" and hasattr(self._model, "predict_proba"):
            wanted.append("predict_proba")
        self.outputs = []
        for name in wanted:
            try:
                sample = numpy.asarray(_dense(getattr(self._model, name)(self.columns_in.sample())))
            except Exception:  # a model that takes no row of zeros is a model
                sample = numpy.zeros((1,))
            datatype = _DATATYPES.get(sample.dtype.kind, "BYTES")
            self.outputs.append(TensorSpec(name, datatype, [-1] + list(sample.shape[1:])))


def _is_texts(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _load(file, kind, trusted):
    """`(model, version)`: the estimator in a file, and the version that saved it where that is another than ours."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = _load_skops(file, trusted) if kind == "skops" else _load_pickle(file)
        except BadModel:
            raise
        except ModuleNotFoundError as error:
            raise BadModel("%s needs the module %s, which is not in the environment of this processor" % (_base(file), error.name))
        except MemoryError:
            raise
        except Exception as error:
            raise _not_loaded(file, kind, error)
    saved_with = None
    for warning in caught:
        if issubclass(warning.category, InconsistentVersionWarning):
            saved_with = warning.message.original_sklearn_version
        else:
            print("warning while loading: %s" % warning.message, file=sys.stderr)
    return model, saved_with


def _base(file):
    return file.rstrip("/").rpartition("/")[2]


def _load_pickle(file):
    import joblib

    return joblib.load(file)


def _load_skops(file, trusted):
    from skops import io

    asked = io.get_untrusted_types(file=file)
    unknown = [name for name in asked if name not in trusted and name not in SAFE]
    if unknown:
        raise BadModel(
            "%s has types that skops does not know to be safe: %s; name them in model_config.trusted if you trust them"
            % (_base(file), ", ".join(sorted(unknown)))
        )
    return io.load(file, trusted=asked)


def _not_loaded(file, kind, error):
    text = type(error).__name__ + (": %s" % error if str(error) else "")
    if isinstance(error, (pickle.UnpicklingError, EOFError)) and str(error) in ("", "pickle data was truncated", "Ran out of input"):
        text = "it is cut off"
    bad = model_files.corrupt(file, kind, text)
    version = _version_in(file)
    if version and version != sklearn.__version__:
        return BadModel("%s; it was saved by scikit-learn %s, and this is %s" % (bad, version, sklearn.__version__))
    return bad


def _version_in(file):
    """The version that an uncompressed pickle names, without loading it."""
    with open(file, "rb") as opened:
        found = re.search(rb"_sklearn_version.{1,8}?(\d+\.\d+(\.\d+)?(\.?[a-z]+\d+)?)", opened.read(64_000_000), re.DOTALL)
    return found.group(1).decode() if found else None


def _output_of(model, wanted):
    from sklearn.utils.validation import check_is_fitted

    there = [name for name in OUTPUTS if callable(getattr(model, name, None))]
    if not there or isinstance(model, type):
        word = "the class %s" % model.__name__ if isinstance(model, type) else "an object of type %s" % type(model).__name__
        raise BadModel("the file holds %s; allowed: a fitted scikit-learn estimator with predict or transform" % word)
    if wanted is not None and wanted not in there:
        raise BadModel('model_config.output is "%s"; %s has %s' % (wanted, type(model).__name__, ", ".join(there)))
    try:
        check_is_fitted(model)
    except NotFittedError:
        raise BadModel("the %s in the file was never fitted" % type(model).__name__)
    except TypeError:
        pass  # no estimator of scikit-learn: it must know itself
    return wanted or there[0]


def _dense(answer):
    if isinstance(answer, list):  # one array for each target
        return numpy.stack(answer, axis=1) if len({a.shape for a in answer}) == 1 else answer
    if hasattr(answer, "toarray"):
        return answer.toarray()
    return numpy.asarray(answer)


def _plain(answer):
    if isinstance(answer, list):
        return [list(row) for row in zip(*(_plain(part) for part in answer))]
    if answer.dtype.kind == "O":
        return [_scalar(value) for value in answer.tolist()]
    return row_forms.plain(answer)


def _scalar(value):
    if isinstance(value, list):
        return [_scalar(item) for item in value]
    value = value.item() if isinstance(value, numpy.generic) else value
    return None if isinstance(value, float) and value != value else value


def _classes(model):
    try:
        classes = model.classes_
    except AttributeError:
        return None
    return _plain(classes if isinstance(classes, list) else numpy.asarray(classes))
