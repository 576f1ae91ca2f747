"""Requests as the SDKs write them, for tests: descriptors as in eas-reference section 5.3, apart from those that are tested."""
from google.protobuf import descriptor_pb2, descriptor_pool

from ready import protobuf_formats

_SCALARS = {"float": 2, "double": 1, "int32": 5, "int64": 3, "bool": 8, "bytes": 12, "string": 9}


def messages(package, is_packed=True, **definitions):
    """Classes of messages by name; fields are `name=(number, type)`, where a type is `[X]` when repeated."""
    file = descriptor_pb2.FileDescriptorProto(name="%s.%s.proto" % (package, is_packed), package=package, syntax="proto2")
    for message, fields in definitions.items():
        made = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            is_repeated = kind.startswith("[")
            kind = kind.strip("[]")
            field = made.field.add(name=name, number=number, label=3 if is_repeated else 1, type=_SCALARS.get(kind, 11))
            if kind not in _SCALARS:
                field.type_name = ".%s.%s" % (package, kind)
            elif is_repeated and kind not in ("bytes", "string"):
                field.options.packed = is_packed
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {name: protobuf_formats._class_of(pool.FindMessageTypeByName("%s.%s" % (package, name))) for name in definitions}


def caffe(is_packed=True):
    array = {"shape": (1, "ArrayShape"), "data": (2, "[float]")}
    return messages(
        "test.caffe",
        is_packed,
        ArrayShape={"dim": (1, "[int64]")},
        ArrayProto=array,
        PredictRequest={"input_name": (1, "[string]"), "input_data": (2, "[ArrayProto]"), "output_filter": (3, "[string]")},
        PredictResponse={"output_name": (1, "[string]"), "output_data": (2, "[ArrayProto]")},
    )


def tensors(is_packed=True):
    """Of TensorFlow, whose maps are entries with a key and a value on the wire, and of PyTorch."""
    array = {
        "dtype": (1, "int32"),
        "array_shape": (2, "ArrayShape"),
        "float_val": (3, "[float]"),
        "double_val": (4, "[double]"),
        "int_val": (5, "[int32]"),
        "string_val": (6, "[bytes]"),
        "int64_val": (7, "[int64]"),
        "bool_val": (8, "[bool]"),
    }
    return messages(
        "test.tensors",
        is_packed,
        ArrayShape={"dim": (1, "[int64]")},
        ArrayProto=array,
        Entry={"key": (1, "string"), "value": (2, "ArrayProto")},
        TensorflowRequest={"signature_name": (1, "string"), "inputs": (2, "[Entry]"), "output_filter": (3, "[string]")},
        TensorflowResponse={"outputs": (1, "[Entry]")},
        PytorchRequest={"inputs": (1, "[ArrayProto]"), "output_filter": (2, "[int32]"), "map_inputs": (3, "[Entry]")},
        PytorchResponse={"outputs": (1, "[ArrayProto]"), "map_outputs": (2, "[Entry]")},
    )


PACKED = tensors()


def array_of(message, dtype, shape, field, values):
    message.dtype = protobuf_formats.DTYPES.index(dtype)
    message.array_shape.dim.extend(shape)
    getattr(message, field).extend(values)


def tensorflow_request(inputs, signature="", outputs=(), kinds=PACKED):
    """Bytes; `inputs`: name -> (dtype, shape, field, values)."""
    request = kinds["TensorflowRequest"](signature_name=signature, output_filter=list(outputs))
    for name, array in inputs.items():
        entry = request.inputs.add(key=name)
        array_of(entry.value, *array)
    return request.SerializeToString()


def tensorflow_answer(body):
    """name -> (dtype, shape, values of all fields)."""
    return {entry.key: plain(entry.value) for entry in PACKED["TensorflowResponse"].FromString(body).outputs}


def pytorch_request(inputs, named=None, outputs=()):
    request = PACKED["PytorchRequest"](output_filter=list(outputs))
    for array in inputs:
        array_of(request.inputs.add(), *array)
    for name, array in (named or {}).items():
        array_of(request.map_inputs.add(key=name).value, *array)
    return request.SerializeToString()


def pytorch_answer(body):
    answer = PACKED["PytorchResponse"].FromString(body)
    return [plain(array) for array in answer.outputs], {entry.key: plain(entry.value) for entry in answer.map_outputs}


def plain(array):
    fields = ("float_val", "double_val", "int_val", "string_val", "int64_val", "bool_val")
    values = [value for field in fields for value in getattr(array, field)]
    return protobuf_formats.DTYPES[array.dtype], list(array.array_shape.dim), values


def every_beginning(body):
    return [body[:at] for at in range(len(body))]
