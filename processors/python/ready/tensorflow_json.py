"""JSON requests of TensorFlow Serving's REST API: `instances`, a row each, or `inputs`, a column each; bytes as {"b64": "…"}."""
import base64
import binascii
import itertools
import json

import numpy as np

from . import json_fields, rows
from .model import BadInput
from .protobuf_formats import Array

_KEYS = ("signature_name", "instances", "inputs", "output_filter")
_NUMBERS = {int, float, bool}
#: numpy 1 has no more.
_DIMS_MAX = 32
_NAMES = {list: "a list", dict: "an object", str: "a text", bool: "true or false", int: "a number", float: "a number"}


def is_json(body, headers):
    """No request in protobuf begins with a brace or a bracket: that would be a group of a field that the format has not."""
    kind = headers.get("content-type", "")
    return bytes(body[:1]) in (b"{", b"[") or kind.partition(";")[0].strip().lower() == "application/json"


class Request:
    """`outputs`: names wanted, [] for all. Raises BadInput."""

    def __init__(self, body):
        found = _parse(body)
        unknown = [key for key in found if key not in _KEYS]
        if unknown:
            raise BadInput("the request has %.100s; allowed: %s" % (unknown[0], ", ".join(_KEYS)))
        self.signature_name = _text(found, "signature_name")
        self.outputs = _texts(found, "output_filter")
        self._is_rows = "instances" in found
        if self._is_rows == ("inputs" in found):
            raise BadInput('the request has %s; allowed: "instances" or "inputs"' % ("both" if self._is_rows else "neither"))
        self._given = found["instances"] if self._is_rows else found["inputs"]
        if self._is_rows and not isinstance(self._given, list):
            raise BadInput("instances is %s; allowed: a list with one element for each row" % _kind(self._given))

    def named(self, inputs):
        """name -> JSON value of the whole input; `inputs` are those of the signature."""
        if not self._is_rows:
            if isinstance(self._given, dict) and set(self._given) != {"b64"}:
                return self._given
            return {_only(inputs, "inputs is no object with their names"): self._given}
        rows = self._given
        if not rows:
            return {name: [] for name in inputs}
        if all(isinstance(row, dict) and set(row) != {"b64"} for row in rows):
            names = list(rows[0])
            for at, row in enumerate(rows):
                if row.keys() != rows[0].keys():
                    raise BadInput("instances[%d] has %s; instances[0] has %s" % (at, ", ".join(sorted(row)), ", ".join(sorted(names))))
            return {name: [row[name] for row in rows] for name in names}
        return {_only(inputs, "instances are no objects with their names"): rows}

    def answer(self, outputs):
        """Rows for rows, columns for columns; one output stands without its name."""
        plain = {name: _json_of(name, values) for name, values in outputs.items()}
        if not self._is_rows:
            return {"outputs": next(iter(plain.values())) if len(plain) == 1 else plain}
        counts = {len(v) if isinstance(v, list) else None for v in plain.values()}
        if len(counts) > 1 or None in counts:
            raise BadInput('the outputs have no common number of rows; ask with "inputs" in place of "instances"')
        if len(plain) == 1:
            return {"predictions": next(iter(plain.values()))}
        return {"predictions": [dict(zip(plain, row)) for row in zip(*plain.values())]}


def _parse(body):
    try:
        found = json.loads(bytes(body), object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(json_fields.problem(error) if isinstance(error, ValueError) else "the body is not JSON: it is nested too deep")
    if not isinstance(found, dict):
        raise BadInput('the body is %s; allowed: an object with "instances" or "inputs"' % _kind(found))
    return found


def _object(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadInput("the body has %.100s twice in one object; allowed: each once" % json_fields.repeated(pairs))
    return found


def _text(found, key):
    value = found.get(key, "")
    if not isinstance(value, str):
        raise BadInput("%s is %s; allowed: a text" % (key, _kind(value)))
    return value


def _texts(found, key):
    value = found.get(key, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise BadInput("%s: allowed: a list of names of outputs" % key)
    return value


def _only(inputs, why):
    if len(inputs) != 1:
        raise BadInput("%s, and the signature has %d inputs: %s" % (why, len(inputs), ", ".join(inputs)))
    return next(iter(inputs))


def _kind(value):
    return "null" if value is None else _NAMES.get(type(value), type(value).__name__)


def array_of(tensor, value):
    """The numpy array that a JSON value stands for; `tensor` says name, dtype and shape."""
    what = "input %s" % tensor.name
    target = np.dtype(tensor.type.as_numpy_dtype)
    if tensor.dtype == "DT_STRING":
        return _strings(what, value, tensor.shape)
    if target.kind == "c":
        raise BadInput("%s is %s, which JSON has no form for; ask in protobuf" % (what, tensor.dtype))
    if target.names:
        target = target[0]
    try:
        values = _array(value)
    except (ValueError, OverflowError):
        raise BadInput("%s is no array: its rows have different lengths" % what)
    if values.size == 0:
        return np.empty(_empty_shape(values.shape, tensor.shape), dtype=target)
    if values.dtype.kind == "O" and target.kind == "f" and all(type(v) in (int, float) for v in values.flat):
        values = _floats(what, values)
    allowed = {"b": "b", "i": "iu", "u": "iu"}.get(target.kind, "iuf")
    if values.dtype.kind not in allowed:
        words = {"b": "true and false", "i": "whole numbers", "u": "whole numbers"}.get(target.kind, "numbers")
        raise BadInput("%s is %s; allowed: %s, in rows of the same length" % (what, tensor.dtype, words))
    if target.kind in "iu":
        limits = np.iinfo(target)
        for found in (int(values.min()), int(values.max())):
            if not limits.min <= found <= limits.max:
                raise BadInput("%s is %s and has the value %d; allowed: %d to %d" % (what, tensor.dtype, found, limits.min, limits.max))
    with np.errstate(over="ignore"):
        return values.astype(target)


def _array(value):
    """As numpy makes it of numbers and truth values alone: among texts each number would take as much room as the longest of them."""
    level, depth = [value], 0
    while depth <= _DIMS_MAX and list in (kinds := set(map(type, level))):
        level = list(itertools.chain.from_iterable(inner for inner in level if type(inner) is list))
        depth += 1
        if kinds != {list}:
            raise ValueError
    if depth > _DIMS_MAX:
        raise ValueError
    return np.array(value) if kinds <= _NUMBERS else np.array(None)


def _floats(what, values):
    """Whole numbers beyond 64 bits are numbers nevertheless."""
    try:
        return values.astype(np.float64)
    except OverflowError:
        raise BadInput("%s has a number that no float can be" % what)


def _empty_shape(found, wanted):
    """JSON cannot say how long the rows of an empty batch would be."""
    if wanted is None or len(found) >= len(wanted):
        return found
    return found + tuple(max(0, length) for length in wanted[len(found) :])


def _strings(what, value, wanted):
    shape, level = [], [value]
    while level and all(isinstance(v, list) for v in level) and len(shape) < 32:
        lengths = {len(v) for v in level}
        if len(lengths) > 1:
            raise BadInput("%s is no array: its rows have different lengths" % what)
        shape.append(lengths.pop())
        level = [inner for outer in level for inner in outer]
    values = np.empty(len(level), dtype=object)
    values[:] = [_string(what, v) for v in level]
    return values.reshape(_empty_shape(tuple(shape), wanted) if not level else shape)


def _string(what, value):
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, dict) and set(value) == {"b64"} and isinstance(value["b64"], str):
        try:
            return base64.b64decode(value["b64"], validate=True)
        except binascii.Error:
            raise BadInput("%s has a b64 that is not base64" % what)
    raise BadInput('%s is DT_STRING and has %s; allowed: texts, or {"b64": "…"}' % (what, _kind(value)))


def _json_of(name, values):
    if isinstance(values, Array):
        values = values.values
    if values.dtype.kind == "c":
        raise BadInput("output %s is complex, which JSON has no form for; ask in protobuf, or for other outputs" % name)
    if values.dtype.kind == "O":
        return _json_strings(name.endswith("_bytes"), values.tolist())
    return rows.plain(values.astype(np.float32) if values.dtype.name == "bfloat16" else values)


def _json_strings(is_bytes, value):
    if isinstance(value, list):
        return [_json_strings(is_bytes, v) for v in value]
    if not is_bytes:
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode("ascii")}
