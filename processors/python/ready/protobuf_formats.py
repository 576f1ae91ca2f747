"""Protobuf formats of TensorFlow, PyTorch and Caffe requests and answers (eas-reference section 5.3), and numpy arrays in them.

Messages are built here at run time, in a pool of our own, so that they go with any version of the protobuf library and with the generated messages of
a framework in the same process. Numbers of arrays are declared as bytes: that is what a packed field is on the wire, so an array is one copy of
memory. A client that does not pack them is read by a second set of messages, declared as they are meant.
"""
import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from .model import BadInput

#: Names of dtypes by number. Both formats have the same.
DTYPES = (
    "DT_INVALID DT_FLOAT DT_DOUBLE DT_INT32 DT_UINT8 DT_INT16 DT_INT8 DT_STRING DT_COMPLEX64 DT_INT64 DT_BOOL DT_QINT8 DT_QUINT8 DT_QINT32 "
    "DT_BFLOAT16 DT_QINT16 DT_QUINT16 DT_UINT16 DT_COMPLEX128 DT_HALF DT_RESOURCE DT_VARIANT"
).split()
_NUMBERS = {name: number for number, name in enumerate(DTYPES)}

#: dtype -> (field that its values travel in, numpy type). The field is that of the SDKs: halves travel as floats, a complex number as two. A bfloat16,
#: for which numpy has no type, is a float32 here. A quantised one is the whole number that stands for it.
_TYPES = {
    "DT_FLOAT": ("float_val", "float32"),
    "DT_DOUBLE": ("double_val", "float64"),
    "DT_INT32": ("int_val", "int32"),
    "DT_UINT8": ("int_val", "uint8"),
    "DT_INT16": ("int_val", "int16"),
    "DT_INT8": ("int_val", "int8"),
    "DT_UINT16": ("int_val", "uint16"),
    "DT_QINT8": ("int_val", "int8"),
    "DT_QUINT8": ("int_val", "uint8"),
    "DT_QINT16": ("int_val", "int16"),
    "DT_QUINT16": ("int_val", "uint16"),
    "DT_QINT32": ("int_val", "int32"),
    "DT_STRING": ("string_val", "object"),
    "DT_COMPLEX64": ("float_val", "complex64"),
    "DT_INT64": ("int64_val", "int64"),
    "DT_BOOL": ("bool_val", "bool"),
    "DT_BFLOAT16": ("float_val", "float32"),
    "DT_COMPLEX128": ("double_val", "complex128"),
    "DT_HALF": ("float_val", "float16"),
}
#: numpy type -> the dtype that it is answered as.
_ANSWERED_AS = {
    "float32": "DT_FLOAT",
    "float64": "DT_DOUBLE",
    "int32": "DT_INT32",
    "uint8": "DT_UINT8",
    "int16": "DT_INT16",
    "int8": "DT_INT8",
    "uint16": "DT_UINT16",
    "object": "DT_STRING",
    "complex64": "DT_COMPLEX64",
    "int64": "DT_INT64",
    "bool": "DT_BOOL",
    "bfloat16": "DT_BFLOAT16",
    "complex128": "DT_COMPLEX128",
    "float16": "DT_HALF",
}
_FLOATS = {"float_val": "<f4", "double_val": "<f8", "data": "<f4"}
_VALUE_FIELDS = ("float_val", "double_val", "int_val", "string_val", "int64_val", "bool_val")

#: numpy 1 has no more.
DIMS_MAX = 32
#: More values are in no request that fits a frame, nor does numpy take a product of dimensions near 2**63.
_VALUES_MAX = 2**40


class _Format:
    """Messages of one format, in two sets: values as bytes, and as declared by the reference."""

    def __init__(self, package, syntax, define):
        self._sets = [_messages(package, syntax, define, is_raw) for is_raw in (True, False)]

    def read(self, name, body):
        """A message with packed numbers as bytes; raises BadInput."""
        return self._parse(0, name, body)

    def read_plain(self, name, body):
        """The same with numbers as numbers."""
        return self._parse(1, name, body)

    def new(self, name):
        return self._sets[0][name]()

    def _parse(self, at, name, body):
        found = self._sets[at][name]()
        try:
            found.ParseFromString(bytes(body))
        except (message.DecodeError, ValueError) as error:
            raise BadInput("the body is not a whole %s in protobuf: %s" % (found.DESCRIPTOR.full_name, _reason(error)))
        return found


def _reason(error):
    text = str(error).strip().rstrip(".")
    return text[:200] if text else "it breaks off, or is of another kind"


def _messages(package, syntax, define, is_raw):
    file = descriptor_pb2.FileDescriptorProto(name="sluice/%s.proto" % package, package=package, syntax=syntax)
    define(_Definition(file, is_raw))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file) if not hasattr(pool, "AddSerializedFile") else pool.AddSerializedFile(file.SerializeToString())
    names = [m.name for m in file.message_type]
    return {name: _class_of(pool.FindMessageTypeByName("%s.%s" % (package, name))) for name in names}


def _class_of(descriptor):
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)  # before protobuf 4.22


class _Definition:
    """Writes a file descriptor."""

    def __init__(self, file, is_raw):
        self._file = file
        self._is_raw = is_raw

    def message(self, name, *fields):
        """Fields are `(number, name, kind)`; a kind is `repeated X`, `map X`, `packed X` for numbers, or X: a scalar, or a message by name."""
        found = self._file.message_type.add(name=name)
        for number, field, kind in fields:
            self._field(found, number, field, kind.split())

    def _field(self, owner, number, name, kind):
        types = descriptor_pb2.FieldDescriptorProto
        field = owner.field.add(name=name, number=number)
        field.label = types.LABEL_OPTIONAL if len(kind) == 1 else types.LABEL_REPEATED
        if kind[0] == "map":
            entry = owner.nested_type.add(name=name.title().replace("_", "") + "Entry")
            entry.options.map_entry = True
            self._field(entry, 1, "key", ["string"])
            self._field(entry, 2, "value", kind[1:])
            field.type = types.TYPE_MESSAGE
            field.type_name = ".%s.%s.%s" % (self._file.package, owner.name, entry.name)
        elif kind[-1][0].isupper():
            field.type = types.TYPE_MESSAGE
            field.type_name = ".%s.%s" % (self._file.package, kind[-1])
        elif kind[0] == "packed" and self._is_raw:
            field.type = types.TYPE_BYTES
        else:
            field.type = getattr(types, "TYPE_" + kind[-1].upper())


def _define_array(definition, *more):
    definition.message("ArrayShape", (1, "dim", "repeated int64"))
    definition.message(
        "ArrayProto",
        (1, "dtype", "int32"),  # an enum on the wire is an int32
        (2, "array_shape", "ArrayShape"),
        (3, "float_val", "packed float"),
        (4, "double_val", "packed double"),
        (5, "int_val", "packed int32"),
        (6, "string_val", "repeated bytes"),
        (7, "int64_val", "packed int64"),
        *more
    )


def _define_tensorflow(definition):
    _define_array(definition, (8, "bool_val", "packed bool"))
    definition.message(
        "PredictRequest", (1, "signature_name", "string"), (2, "inputs", "map ArrayProto"), (3, "output_filter", "repeated string")
    )
    definition.message("PredictResponse", (1, "outputs", "map ArrayProto"))


def _define_pytorch(definition):
    _define_array(definition)
    definition.message(
        "PredictRequest",
        (1, "inputs", "repeated ArrayProto"),
        (2, "output_filter", "repeated int32"),
        (3, "map_inputs", "map ArrayProto"),
        (100, "debug_level", "int32"),
    )
    definition.message("PredictResponse", (1, "outputs", "repeated ArrayProto"), (2, "map_outputs", "map ArrayProto"))


def _define_caffe(definition):
    definition.message("ArrayShape", (1, "dim", "repeated int64"))
    definition.message("ArrayProto", (1, "shape", "ArrayShape"), (2, "data", "packed float"))
    definition.message(
        "PredictRequest", (1, "input_name", "repeated string"), (2, "input_data", "repeated ArrayProto"), (3, "output_filter", "repeated string")
    )
    definition.message("PredictResponse", (1, "output_name", "repeated string"), (2, "output_data", "repeated ArrayProto"))


_TENSORFLOW = _Format("tensorflow.eas", "proto3", _define_tensorflow)
_PYTORCH = _Format("pytorch.eas", "proto3", _define_pytorch)
_CAFFE = _Format("caffe.eas", "proto2", _define_caffe)


def name_of_dtype(number):
    """Of one that arrays can have; None for another."""
    name = DTYPES[number] if 0 <= number < len(DTYPES) else None
    return name if name in _TYPES else None


class Array:
    """One array of a request. `dtype` is a name of DTYPES, as what is quantised looks like whole numbers in numpy."""

    __slots__ = ("dtype", "values")

    def __init__(self, dtype, values):
        self.dtype = dtype
        self.values = values


class TensorflowRequest:
    """`inputs`: name -> Array; `outputs`: names wanted, [] for all."""

    def __init__(self, body):
        found = _TENSORFLOW.read("PredictRequest", body)
        self.signature_name = found.signature_name
        self.outputs = list(found.output_filter)
        plain = _Later(lambda: _TENSORFLOW.read_plain("PredictRequest", body))
        self.inputs = {
            name: _read_array("input %s" % name, array, lambda name=name: plain().inputs[name])
            for name, array in sorted(found.inputs.items())
        }


class PytorchRequest:
    """`inputs`: list of Array; `named`: name -> Array; `outputs`: positions wanted, [] for all."""

    def __init__(self, body):
        found = _PYTORCH.read("PredictRequest", body)
        self.outputs = list(found.output_filter)
        plain = _Later(lambda: _PYTORCH.read_plain("PredictRequest", body))
        self.inputs = [
            _read_array("input %d" % at, array, lambda at=at: plain().inputs[at]) for at, array in enumerate(found.inputs)
        ]
        self.named = {
            name: _read_array("input %s" % name, array, lambda name=name: plain().map_inputs[name])
            for name, array in sorted(found.map_inputs.items())
        }


class CaffeRequest:
    """`inputs`: name -> numpy array of float32; `outputs`: names wanted, [] for all."""

    def __init__(self, body):
        found = _CAFFE.read("PredictRequest", body)
        self.outputs = list(found.output_filter)
        if len(found.input_name) != len(found.input_data):
            raise BadInput("the request has %d names of inputs and %d arrays; allowed: as many" % (len(found.input_name), len(found.input_data)))
        plain = _Later(lambda: _CAFFE.read_plain("PredictRequest", body))
        self.inputs = {}
        for at, (name, array) in enumerate(zip(found.input_name, found.input_data)):
            if name in self.inputs:
                raise BadInput("the request has the input %s twice; allowed: each once" % name)
            what = "input %s" % name
            count, shape = _shape_of(what, array.shape.dim)
            values = _numbers(what, array, "data", lambda at=at: plain().input_data[at], count)
            _check_count(what, shape, count, len(values))
            self.inputs[name] = values.reshape(shape)


def tensorflow_answer(outputs):
    """Body of a PredictResponse; `outputs`: name -> numpy array, or Array where numpy does not tell the dtype."""
    answer = _TENSORFLOW.new("PredictResponse")
    for name, values in outputs.items():
        _write_array("output %s" % name, answer.outputs[name], values)
    return answer.SerializeToString()


def pytorch_answer(outputs, named):
    """Body of a PredictResponse; `outputs`: list of numpy arrays, `named`: name -> numpy array."""
    answer = _PYTORCH.new("PredictResponse")
    for at, values in enumerate(outputs):
        _write_array("output %d" % at, answer.outputs.add(), _without_bools(values))
    for name, values in named.items():
        _write_array("output %s" % name, answer.map_outputs[name], _without_bools(values))
    return answer.SerializeToString()


def _without_bools(values):
    """The PyTorch format has no field for truth values, and its SDKs read no halves."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8)
    return values.astype(np.float32) if values.dtype == np.float16 else values


def caffe_answer(outputs):
    """Body of a PredictResponse; `outputs`: name -> numpy array of float32."""
    answer = _CAFFE.new("PredictResponse")
    for name, values in outputs.items():
        answer.output_name.append(name)
        array = answer.output_data.add()
        array.shape.dim.extend(values.shape)
        if values.size > 0:
            array.data.append(np.ascontiguousarray(values, dtype="<f4").tobytes())
    return answer.SerializeToString()


class _Later:
    """A value that is made when it is first asked for."""

    def __init__(self, make):
        self._make = make
        self._made = None

    def __call__(self):
        if self._made is None:
            self._made = self._make()
        return self._made


def _read_array(what, array, plain):
    dtype = DTYPES[array.dtype] if 0 <= array.dtype < len(DTYPES) else "the dtype %d" % array.dtype
    if dtype not in _TYPES:
        raise BadInput("%s is %s; allowed: %s" % (what, dtype, ", ".join(sorted(_TYPES))))
    field, numpy_type = _TYPES[dtype]
    if not hasattr(array, field):
        field = "int_val"  # PyTorch has no bool_val
    count, shape = _shape_of(what, array.array_shape.dim)
    if field == "string_val":
        values = np.empty(len(array.string_val), dtype=object)
        values[:] = list(array.string_val)
    else:
        width = 2 if numpy_type.startswith("complex") else 1
        values = _numbers(what, array, field, plain, count * width)
        values = _as_type(what, dtype, values, numpy_type)
    if len(values) != count:
        _check_field(what, dtype, array, field)
    _check_count(what, shape, count, len(values))
    return Array(dtype, values.reshape(shape))


def _shape_of(what, dims):
    """`(number of values, shape)`; nothing is made yet."""
    shape = list(dims)
    if len(shape) > DIMS_MAX:
        raise BadInput("%s has %d dimensions; allowed: at most %d" % (what, len(shape), DIMS_MAX))
    count, size = 1, 1
    for dim in shape:
        if dim < 0:
            raise BadInput("%s has the shape %s; allowed: no dimension below 0" % (what, shape))
        count *= dim
        size *= max(1, dim)
    if size > _VALUES_MAX:
        raise BadInput("%s has the shape %s; allowed: at most %d values" % (what, shape, _VALUES_MAX))
    return count, shape


def _check_count(what, shape, count, found):
    if found != count:
        raise BadInput("%s has %d values; its shape %s allows %d" % (what, found, shape, count))


def _check_field(what, dtype, array, field):
    """Values in the field of another dtype are the likeliest reason for a wrong number of them."""
    for other in _VALUE_FIELDS:
        if other != field and len(getattr(array, other, ())) > 0 and len(getattr(array, field)) == 0:
            raise BadInput("%s is %s and has its values in %s; allowed: %s" % (what, dtype, other, field))


def _numbers(what, array, field, plain, count):
    """The numbers of one field, however the client wrote them. Its bytes are told apart by the count that the shape asks for."""
    chunks = getattr(array, field)
    # One chunk is what every client writes; a message may have several (protobuf encoding, packed repeated fields).
    packed = chunks[0] if len(chunks) == 1 else b"".join(chunks)
    if field in _FLOATS:
        values = _floats(what, packed, _FLOATS[field])
    else:
        values = _varints(what, packed)
    if len(values) == count:
        return values
    unpacked = getattr(plain(), field)
    if len(unpacked) == len(values):
        return values
    return np.array(unpacked, dtype=_FLOATS.get(field, "<i8"))


def _floats(what, packed, kind):
    width = int(kind[-1])
    if len(packed) % width:
        raise BadInput("%s breaks off within a number" % what)
    return np.frombuffer(packed, dtype=kind)


def _varints(what, packed):
    """Packed varints as int64 (protobuf encoding, base 128 varints), without a loop over the numbers."""
    octets = np.frombuffer(packed, dtype=np.uint8)
    if len(octets) == 0:
        return np.empty(0, dtype=np.int64)
    is_last = octets < 0x80
    if not is_last[-1]:
        raise BadInput("%s breaks off within a number" % what)
    if is_last.all():
        return octets.astype(np.int64)
    ends = np.flatnonzero(is_last)
    starts = np.empty_like(ends)
    starts[0] = 0
    starts[1:] = ends[:-1] + 1
    lengths = ends - starts + 1
    longest = int(lengths.max())
    if longest > 10:
        raise BadInput("%s has a number of more than 64 bits" % what)
    values = (octets[starts] & 0x7F).astype(np.uint64)
    for at in range(1, longest):
        longer = np.flatnonzero(lengths > at)
        bits = (octets[starts[longer] + at] & 0x7F).astype(np.uint64)
        values[longer] |= bits << np.uint64(7 * at)
    return values.view(np.int64)


def _as_type(what, dtype, values, numpy_type):
    if numpy_type == "bool":
        return values != 0
    if numpy_type.startswith("complex"):
        if len(values) % 2:
            raise BadInput("%s has an odd number of values; allowed: two for each complex number" % what)
        return np.ascontiguousarray(values).view(numpy_type)
    target = np.dtype(numpy_type)
    if target.kind in "iu" and target.itemsize < 8 and len(values) > 0:
        limits = np.iinfo(target)
        low, high = int(values.min()), int(values.max())
        # A negative number that a client wrote with 32 bits only is one nevertheless.
        if low >= 0 and 2**31 <= high < 2**32 and target == np.int32:
            return values.astype(np.uint32).view(np.int32)
        if low < limits.min or high > limits.max:
            out = low if low < limits.min else high
            raise BadInput("%s is %s and has the value %d; allowed: %d to %d" % (what, dtype, out, limits.min, limits.max))
    if target == np.float16:
        with np.errstate(over="ignore"):
            return values.astype(target)
    return values.astype(target, copy=False)


def _write_array(what, array, values):
    dtype = None
    if isinstance(values, Array):
        dtype, values = values.dtype, values.values
    if values.dtype.kind in "SU":
        values = values.astype(object)
    dtype = dtype or _ANSWERED_AS.get(values.dtype.name)
    if dtype not in _TYPES:
        raise BadInput("%s is %s, for which this format has no field; ask for other outputs, or in JSON" % (what, values.dtype.name))
    field, numpy_type = _TYPES[dtype]
    array.dtype = _NUMBERS[dtype]
    array.array_shape.dim.extend(values.shape)
    if values.size == 0:
        return
    if field == "string_val":
        array.string_val.extend(v if isinstance(v, bytes) else str(v).encode("utf-8") for v in values.ravel())
    elif field in _FLOATS:
        flat = np.ascontiguousarray(values)
        if values.dtype.kind == "c":
            flat = flat.ravel().view("<f%d" % (values.dtype.itemsize // 2))
        getattr(array, field).append(flat.astype(_FLOATS[field], copy=False).tobytes())
    else:
        getattr(array, field).append(_packed_varints(values.ravel()))


def _packed_varints(values):
    """The reverse of `_varints`; negative numbers take ten bytes, as the encoding asks for."""
    numbers = values.astype(np.int64).view(np.uint64)
    if int(numbers.max()) < 0x80:
        return numbers.astype(np.uint8).tobytes()
    lengths = np.ones(len(numbers), dtype=np.int64)
    for at in range(1, 10):
        lengths += numbers >= np.uint64(1 << (7 * at))
    ends = np.cumsum(lengths)
    starts = ends - lengths
    octets = np.empty(int(ends[-1]), dtype=np.uint8)
    for at in range(int(lengths.max())):
        longer = np.flatnonzero(lengths > at)
        bits = ((numbers[longer] >> np.uint64(7 * at)) & np.uint64(0x7F)).astype(np.uint8)
        octets[starts[longer] + at] = bits | np.where(lengths[longer] > at + 1, 0x80, 0).astype(np.uint8)
    return octets.tobytes()
