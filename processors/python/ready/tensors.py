"""Tensors of the Open Inference Protocol v2: JSON or little-endian bytes on one side, numpy arrays on the other.

Everything is checked before an array is made; a shape alone never takes memory.
"""
import itertools
import math
import struct

import numpy

from .model import BadInput

#: Datatype of the protocol -> numpy's, in little-endian order as on the wire. BYTES are arrays of bytes objects.
DTYPES = {
    "BOOL": numpy.dtype("bool"),
    "UINT8": numpy.dtype("u1"),
    "UINT16": numpy.dtype("<u2"),
    "UINT32": numpy.dtype("<u4"),
    "UINT64": numpy.dtype("<u8"),
    "INT8": numpy.dtype("i1"),
    "INT16": numpy.dtype("<i2"),
    "INT32": numpy.dtype("<i4"),
    "INT64": numpy.dtype("<i8"),
    "FP16": numpy.dtype("<f2"),
    "FP32": numpy.dtype("<f4"),
    "FP64": numpy.dtype("<f8"),
    "BYTES": numpy.dtype("O"),
}

DIMENSIONS_MAX = 32
DIMENSION_MAX = 2**31 - 1
ELEMENTS_MAX = 2**40

_KINDS = {list: "a list", dict: "an object", str: "a string", bool: "true or false", int: "a whole number", float: "a fraction"}
_KINDS[type(None)] = "null"
_ALLOWED = {"BOOL": "true and false", "BYTES": "strings"}
_LENGTH = struct.Struct("<I")


def kind_of(value):
    """What a JSON value is, for people."""
    return _KINDS.get(type(value), type(value).__name__)


def datatype_of(dtype):
    """The protocol's name of a numpy dtype; BYTES for texts and objects."""
    for name, known in DTYPES.items():
        if known == dtype.newbyteorder("<"):
            return name
    return "BYTES"


def shape_text(shape):
    return "[%s]" % ",".join(str(n) for n in shape)


def shape_of(where, value):
    """A shape as a list of lengths."""
    allowed = "a list of at most %d whole numbers from 0 to %d" % (DIMENSIONS_MAX, DIMENSION_MAX)
    if type(value) is not list or len(value) > DIMENSIONS_MAX:
        found = kind_of(value) if type(value) is not list else "of %d dimensions" % len(value)
        raise BadInput("%s: shape is %s; allowed: %s" % (where, found, allowed))
    for length in value:
        if type(length) is not int or not 0 <= length <= DIMENSION_MAX:
            raise BadInput("%s: shape has %s; allowed: %s" % (where, _shown(length), allowed))
    # Also with a 0 in it: numpy counts the others all the same.
    if math.prod(filter(None, value)) > ELEMENTS_MAX:
        raise BadInput("%s: shape %s is of more than %d elements" % (where, shape_text(value), ELEMENTS_MAX))
    return value


def _shown(value):
    text = kind_of(value) if isinstance(value, (list, dict, str, type(None))) else str(value)
    return text if len(text) <= 40 else text[:40] + "…"


def array_of(where, datatype, shape, data):
    """The array that `data` of a JSON tensor says: flat in row-major order, or nested as the shape is."""
    count = math.prod(shape)
    if type(data) is not list:
        raise BadInput("%s: data is %s; allowed: a list" % (where, kind_of(data)))
    flat = _flattened(where, shape, count, data)
    if datatype == "BYTES":
        return _texts(where, flat).reshape(shape)
    _check_kinds(where, datatype, flat)
    return _numbers(where, datatype, flat).reshape(shape)


def _flattened(where, shape, count, data):
    if list not in set(map(type, data)):
        if len(data) != count:
            raise _wrong_count(where, len(data), shape, count)
        return data
    level = [data]
    for depth, length in enumerate(shape):
        found = set(map(len, level))
        if found - {length}:
            text = "a list of %d elements" % min(found - {length})
            raise BadInput("%s: data has %s in dimension %d; its shape %s has %d" % (where, text, depth, shape_text(shape), length))
        level = list(itertools.chain.from_iterable(level))
        is_last = depth == len(shape) - 1
        if not is_last and set(map(type, level)) - {list}:
            raise BadInput("%s: data is nested in another way than its shape %s" % (where, shape_text(shape)))
    return level


def _wrong_count(where, found, shape, count):
    return BadInput("%s has %d elements; its shape %s has %d" % (where, found, shape_text(shape), count))


def _check_kinds(where, datatype, flat):
    kinds = set(map(type, flat))
    if datatype == "BOOL":
        allowed, text = {bool}, "true and false"
    elif datatype.startswith("FP"):
        allowed, text = {int, float}, "numbers"
    else:
        allowed, text = {int}, "whole numbers"
    for kind in kinds - allowed:
        raise BadInput("%s: data has %s; allowed for %s: %s" % (where, _KINDS.get(kind, kind.__name__), datatype, text))


def _numbers(where, datatype, flat):
    dtype = DTYPES[datatype]
    if dtype.kind in "ui" and flat:
        limits = numpy.iinfo(dtype)
        for value in (min(flat), max(flat)):
            if not limits.min <= value <= limits.max:
                raise BadInput("%s: data has %s; allowed for %s: %d to %d" % (where, _shown(value), datatype, limits.min, limits.max))
    try:
        with numpy.errstate(over="ignore"):
            array = numpy.array(flat, dtype=dtype)
    except OverflowError:
        raise BadInput("%s: data has a number that is no %s" % (where, datatype))
    if dtype.kind == "f" and not numpy.isfinite(array).all():
        for value in itertools.compress(flat, numpy.isinf(array)):
            if value not in (math.inf, -math.inf):
                raise BadInput("%s: data has %s, which is no %s" % (where, _shown(value), datatype))
    return array


def _texts(where, flat):
    for kind in set(map(type, flat)) - {str}:
        raise BadInput("%s: data has %s; allowed for BYTES: strings" % (where, _KINDS.get(kind, kind.__name__)))
    array = numpy.empty(len(flat), dtype=object)
    try:
        array[:] = [text.encode("utf-8") for text in flat]
    except UnicodeEncodeError:
        raise BadInput("%s: data has a string with half a surrogate pair" % where)
    return array


def array_of_bytes(where, datatype, shape, data):
    """The array that the bytes of a binary tensor are. It is a view of them where it can be, and must not be written to."""
    count = math.prod(shape)
    if datatype == "BYTES":
        return _elements(where, shape, count, data).reshape(shape)
    dtype = DTYPES[datatype]
    if len(data) != count * dtype.itemsize:
        text = "%s has %d bytes of binary data; its shape %s of %s has %d"
        raise BadInput(text % (where, len(data), shape_text(shape), datatype, count * dtype.itemsize))
    if datatype == "BOOL":
        raw = numpy.frombuffer(data, dtype="u1")
        if raw.size and raw.max() > 1:
            raise BadInput("%s: binary data has a byte %d; allowed for BOOL: 0 and 1" % (where, raw.max()))
    array = numpy.frombuffer(data, dtype=dtype).reshape(shape)
    # Behind a text of any length numbers may begin at an odd address, which not every library reads.
    return array if array.flags.aligned else array.copy()


def _elements(where, shape, count, data):
    size = len(data)
    if count * 4 > size:
        text = "%s has %d bytes of binary data; its shape %s of BYTES has %d elements, each with 4 bytes of length before it"
        raise BadInput(text % (where, size, shape_text(shape), count))
    array = numpy.empty(count, dtype=object)
    at = 0
    for i in range(count):
        end = at + 4
        if end <= size:
            end += _LENGTH.unpack_from(data, at)[0]
        if end > size:
            raise BadInput("%s: element %d ends behind its %d bytes of binary data" % (where, i, size))
        array[i] = bytes(data[at + 4 : end])
        at = end
    if at != size:
        raise BadInput("%s has %d bytes of binary data after its %d elements" % (where, size - at, count))
    return array


def bytes_of(array, datatype):
    """A tensor of an answer as binary data."""
    if datatype != "BYTES":
        return numpy.ascontiguousarray(array, dtype=DTYPES[datatype]).tobytes()
    parts = []
    for element in array.reshape(-1).tolist():
        text = element_bytes(element)
        parts.append(_LENGTH.pack(len(text)))
        parts.append(text)
    return b"".join(parts)


def element_bytes(element):
    return element if isinstance(element, bytes) else str(element).encode("utf-8", "replace")


def result_of(value, datatype):
    """What a model gave for an output, as an array of the datatype that the output is said to have."""
    array = numpy.asarray(value)
    return array if datatype == "BYTES" else array.astype(DTYPES[datatype], copy=False)


def json_of(name, array, datatype):
    """A tensor of an answer as a flat list in row-major order."""
    instead = 'ask for it as binary data (parameters.binary_data: true)'
    flat = array.reshape(-1)
    if datatype == "BYTES":
        try:
            return [element_bytes(element).decode("utf-8") for element in flat.tolist()]
        except UnicodeDecodeError:
            raise BadInput('output "%s" has bytes that are no UTF-8, which JSON cannot say; %s' % (name, instead))
    if datatype.startswith("FP") and not numpy.isfinite(flat).all():
        found = "NaN" if numpy.isnan(flat).any() else "Infinity"
        raise BadInput('output "%s" has %s, which JSON cannot say; %s' % (name, found, instead))
    return flat.tolist()


def converted(array, datatype):
    """An array of numbers as one of another datatype; text stays as it is."""
    if array.dtype == object:
        return array
    with numpy.errstate(over="ignore"):
        return array.astype(DTYPES[datatype])
