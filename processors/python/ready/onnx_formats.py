"""Bodies of the processor `onnx`: DataProto of the official Python SDK (eas-reference section 5.3), and JSON by inputs or by rows."""
import json
import math

import numpy
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory

from . import json_fields, tensors
from .inference_protocol import fits
from .model import BadInput

#: data_type of hie.processor.TensorProto -> datatype. The SDK has no texts and no truth values.
_DATATYPES = {
    1: "FP32",
    2: "UINT8",
    3: "INT8",
    4: "UINT16",
    5: "INT16",
    6: "INT32",
    7: "INT64",
    10: "FP16",
    11: "FP64",
    12: "UINT32",
    13: "UINT64",
}
_NUMBERS = {datatype: number for number, datatype in _DATATYPES.items()}
#: Its SDK cannot read halves back, and has no truth values: they are answered as these.
_ANSWERED_AS = {"FP16": "FP32", "BOOL": "UINT8"}

_FIELDS = ((1, "name", "STRING", "OPTIONAL"), (2, "dims", "INT64", "REPEATED"), (3, "data_type", "INT32", "OPTIONAL"), (5, "raw_data", "BYTES", "OPTIONAL"))


def _data_class():
    """The class of DataProto, made at run time in a pool of its own: so it goes with any version of the protobuf library."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="sluice/hie_processor_data.proto", package="hie.processor", syntax="proto3")
    tensor = file.message_type.add(name="TensorProto")
    for number, name, kind, label in _FIELDS:
        tensor.field.add(name=name, number=number, type=getattr(types, "TYPE_" + kind), label=getattr(types, "LABEL_" + label))
    data = file.message_type.add(name="DataProto")
    field = data.field.add(name="tensors", number=1, type=types.TYPE_MESSAGE, label=types.LABEL_REPEATED)
    field.type_name = ".hie.processor.TensorProto"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindMessageTypeByName("hie.processor.DataProto")
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(found)
    return message_factory.MessageFactory(pool).GetPrototype(found)  # before protobuf 4.22


_DataProto = _data_class()


def read_data(body):
    """`[(name, datatype, shape, bytes)]` of a DataProto, or None for a body that is none."""
    data = _DataProto()
    try:
        data.ParseFromString(bytes(body))
    except (message.DecodeError, ValueError):
        return None
    found = []
    for tensor in data.tensors:
        where = 'input "%s"' % tensor.name
        datatype = _DATATYPES.get(tensor.data_type)
        if datatype is None:
            allowed = ", ".join("%d (%s)" % pair for pair in _DATATYPES.items())
            raise BadInput("%s has data_type %d; allowed: %s" % (where, tensor.data_type, allowed))
        found.append((tensor.name, datatype, tensors.shape_of(where, list(tensor.dims)), tensor.raw_data))
    return found


def data_answer(outputs):
    """Body of a DataProto; `outputs`: `[(name, datatype, array)]`."""
    data = _DataProto()
    for name, datatype, array in outputs:
        datatype = _ANSWERED_AS.get(datatype, datatype)
        if datatype not in _NUMBERS:
            raise BadInput('output "%s" is %s, for which the protobuf format has no type; ask for it in JSON' % (name, datatype))
        tensor = data.tensors.add(name=name, data_type=_NUMBERS[datatype])
        tensor.dims.extend(array.shape)
        tensor.raw_data = tensors.bytes_of(array, datatype)
    return data.SerializeToString()


def _once(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadInput('"%.100s" comes twice in one object' % json_fields.repeated(pairs))
    return found


def _constant(word):
    raise BadInput("the body has %s, which is not JSON; a missing number is null" % word)


def read_json(body):
    """The value of a JSON body."""
    try:
        return json.loads(str(body, "utf-8"), object_pairs_hook=_once, parse_constant=_constant)
    except UnicodeDecodeError as error:
        raise BadInput("the body is neither JSON nor protobuf (DataProto): byte %d is no UTF-8" % error.start)
    except RecursionError:
        raise BadInput("the body is nested too deeply")
    except BadInput:
        raise
    except ValueError as error:
        raise BadInput(json_fields.problem(error))


def array_of(where, spec, value):
    """The array for an input of the model: `value` nested as its shape is, or a number, string or truth value where that is []. null is NaN."""
    shape = []
    level = value
    while type(level) is list:
        shape.append(len(level))
        if not level or len(shape) > tensors.DIMENSIONS_MAX:
            break
        level = level[0]
    # Nothing tells how long the elements of no elements are.
    if shape and shape[-1] == 0 and spec.shape is not None:
        shape += [max(0, length) for length in spec.shape[len(shape) :]]
    if not fits(shape, spec.shape):
        found = tensors.shape_text(shape) if shape else tensors.kind_of(value)
        raise BadInput("%s is %s; allowed: %s %s" % (where, found, spec.datatype, tensors.shape_text(spec.shape)))
    data = value if type(value) is list else [value]
    if spec.datatype.startswith("FP"):
        try:
            data = _with_nan(data)
        except RecursionError:
            raise BadInput("%s is nested deeper than any tensor" % where)
    return tensors.array_of(where, spec.datatype, shape, data)


def _with_nan(data):
    kinds = set(map(type, data))
    if type(None) in kinds:
        data = [math.nan if item is None else item for item in data]
    return [_with_nan(item) if type(item) is list else item for item in data] if list in kinds else data


def plain(array):
    """An array as lists for JSON: bytes are texts, NaN and infinite numbers null."""
    if array.dtype == object:
        return _texts(array.tolist())
    if array.dtype.kind == "f" and not numpy.isfinite(array).all():
        return _without_nan(array.tolist())
    return array.tolist()


def _texts(value):
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return tensors.element_bytes(value).decode("utf-8", "replace")


def _without_nan(value):
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    return value if math.isfinite(value) else None
