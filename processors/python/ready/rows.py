"""Rows of numbers in JSON: what the processors of tabular models are sent, and what they answer.

A body is an array of rows. A row is an array of numbers, null for a missing value, or an object by feature names, in which what
is left out is missing. One array of numbers is one row. `{"instances": [...]}` is answered by `{"predictions": [...]}`.
true and false count as 1 and 0. An answer is an array with one prediction for each row, in their order.

There is no place in such an answer for a refusal of one row: a request with a bad row is refused as a whole, naming the first one.
"""
import json
import math

import numpy

from . import json_fields
from .model import BadInput

#: Feature names that are told of in a refusal.
_NAMES_SHOWN = 8
#: Types of JSON values that stand for a number.
NUMBERS = frozenset((int, float, bool, type(None)))
_PLAIN = frozenset((int, float, bool))
_CATEGORIES = frozenset((int, float, bool, str))




def _constant(word):
    raise BadInput("the body has %s, which is not JSON; a missing value is null" % word)


def _object(pairs):
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise BadInput("the body has the field %s twice in one object" % json.dumps(key))
            seen.add(key)
    return fields


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).decode


def parse(body):
    """The value of a JSON body; raises BadInput for what is none, has NaN or Infinity, or a field twice in one object."""
    try:
        return _decode(str(body, "utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput("the body is not UTF-8: byte %d" % error.start)
    except RecursionError:
        raise BadInput("the body is nested too deeply; allowed: an array of rows")
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(json_fields.problem(error))


def unwrap(value):
    """`(rows, is_wrapped)` of a parsed body; raises BadInput where it is no array of rows."""
    wrapped = type(value) is dict
    if wrapped:
        if list(value) != ["instances"]:
            found = ", ".join(json.dumps(key) for key in list(value)[:3]) or "nothing"
            raise BadInput('the body is an object with %s; allowed: an array of rows, or {"instances": an array of rows}' % found)
        value = value["instances"]
    if type(value) is not list:
        raise BadInput("the body is %s; allowed: an array of rows" % word(value))
    if value and type(value[0]) not in (list, dict):
        # An array of numbers is one row.
        if all(type(v) in NUMBERS for v in value):
            return [value], wrapped
    return value, wrapped


def answer(predictions, wrapped):
    """What to return from `process` for a list of predictions."""
    return {"predictions": predictions} if wrapped else predictions


def numbers(rows, count, names, dtype, categories=None):
    """A table of `rows` as an array of `dtype` with `count` columns; missing values are NaN. `names` are those of the features, or None.
    `categories` gives for a column its values and their codes: the code stands for the value, and a value that is not among them is missing.

    Raises BadInput naming the row, counted from 1, and what is allowed in it.
    """
    if type(rows[0]) is list and not categories:
        try:
            # Only of numbers: among texts each would take as much room as the longest of them.
            table = numpy.array(rows) if _are_numbers(rows) else None
        except (ValueError, OverflowError):
            table = None
        # Anything else is looked at value by value: lengths that differ, null, text, numbers beyond 64 bits.
        if table is not None and table.ndim == 2 and table.shape[1] == count and table.dtype.kind in "fiub":
            with numpy.errstate(over="ignore"):
                table = table.astype(dtype, copy=False)
            if table.dtype.kind != "f" or numpy.isfinite(table).all():
                return table
    return _checked(rows, count, names, dtype, categories or {})


def _are_numbers(rows):
    kinds = set()
    for row in rows:
        if type(row) is not list:
            return False
        kinds.update(map(type, row))
    return kinds <= _PLAIN


def _checked(rows, count, names, dtype, categories):
    index = {name: at for at, name in enumerate(names)} if names else None
    table = numpy.full((len(rows), count), numpy.nan, dtype)
    largest = float(numpy.finfo(dtype).max)
    for number, row in enumerate(rows, 1):
        row = _in_order(row, index, count, number)
        if categories:
            row = list(row)
        for at, value in enumerate(row):
            if at in categories and type(value) in _CATEGORIES:
                row[at] = categories[at].get(value)
                continue
            if type(value) not in NUMBERS:
                raise BadInput("row %d, %s is %s; allowed: a number, or null where it is missing" % (number, place(at, names), word(value)))
            if value is not None and not -largest <= value <= largest:
                raise BadInput("row %d, %s is beyond what %s holds" % (number, place(at, names), numpy.dtype(dtype).name))
        table[number - 1] = [numpy.nan if value is None else value for value in row]
    return table


def refuse_infinite(table):
    """Raises BadInput for a table from a tensor with an infinite number; NaN is a missing value."""
    if table.dtype.kind == "f" and numpy.isinf(table).any():
        number = int(numpy.flatnonzero(numpy.isinf(table).any(axis=1))[0]) + 1
        raise BadInput("row %d has an infinite number, or one beyond what %s holds" % (number, table.dtype.name))


def ordered(rows, count, names):
    """Rows as lists of `count` values, whatever they are; raises BadInput."""
    index = {name: at for at, name in enumerate(names)} if names else None
    return [_in_order(row, index, count, number) for number, row in enumerate(rows, 1)]


def _in_order(row, index, count, number):
    if type(row) is list:
        if len(row) == count:
            return row
        raise BadInput("row %d has %d values; the model has %d features" % (number, len(row), count))
    if type(row) is not dict:
        raise BadInput("row %d is %s; allowed: an array of %d values%s" % (number, word(row), count, _or_object(index)))
    if index is None:
        raise BadInput("row %d is an object, and the model has no feature names; allowed: an array of %d values" % (number, count))
    values = [None] * count
    for key, value in row.items():
        at = index.get(key)
        if at is None:
            raise BadInput("row %d has the unknown field %s; the features are %s" % (number, json.dumps(key), shown(list(index))))
        values[at] = value
    return values


def shown(names):
    """The first of `names`, for a sentence."""
    return ", ".join(map(str, names[:_NAMES_SHOWN])) + (" and %d more" % (len(names) - _NAMES_SHOWN) if len(names) > _NAMES_SHOWN else "")


def _or_object(index):
    return " or an object by feature names" if index else ""


def place(at, names):
    """A column, for a sentence."""
    return "feature %s" % names[at] if names else "value %d" % (at + 1)


def word(value):
    """What a JSON value is, for a sentence."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "the text %s" % json.dumps(value if len(value) <= 40 else value[:40] + "…", ensure_ascii=False)
    if isinstance(value, (int, float)):
        return "a number"
    return "an array" if isinstance(value, list) else "an object"


def plain(array):
    """An array as lists for JSON, in which NaN and infinite numbers are null."""
    if array.dtype.kind == "f" and not numpy.isfinite(array).all():
        return _without_nan(array.tolist())
    return array.tolist()


def _without_nan(value):
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value if math.isfinite(value) else None
