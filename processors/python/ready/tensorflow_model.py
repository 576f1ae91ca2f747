"""TensorFlow: SavedModel folders and frozen graphs, asked in protobuf (eas-reference section 5.3), in the JSON of TensorFlow Serving, or by the Open
Inference Protocol.

Both kinds of file become a graph and a session, as in TensorFlow Serving: one way to run them, and each set of outputs is prepared once.
"""
import os
import re

import numpy as np

# Before the import: quietly, and without Keras, which serving needs nothing of and which is a third of the time.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
import tensorflow  # noqa: E402

from . import model as models
from . import model_files, protobuf_formats, tensorflow_json
from .batches import Call
from .model import BadInput, BadModel, ReadyModel, TensorSpec

tensorflow.get_logger().setLevel("ERROR")

DEFAULT_SIGNATURE = "serving_default"
#: Sets of wanted outputs that are kept prepared; each costs some kB.
_PREPARED_MAX = 64
#: TensorFlow's name of a dtype -> that of the Open Inference Protocol. What it has no word for is cast, where that loses nothing.
_DATATYPES = {
    "DT_BOOL": "BOOL",
    "DT_UINT8": "UINT8",
    "DT_UINT16": "UINT16",
    "DT_UINT32": "UINT32",
    "DT_UINT64": "UINT64",
    "DT_INT8": "INT8",
    "DT_INT16": "INT16",
    "DT_INT32": "INT32",
    "DT_INT64": "INT64",
    "DT_HALF": "FP16",
    "DT_BFLOAT16": "FP32",
    "DT_FLOAT": "FP32",
    "DT_DOUBLE": "FP64",
    "DT_STRING": "BYTES",
    "DT_QINT8": "INT8",
    "DT_QUINT8": "UINT8",
    "DT_QINT16": "INT16",
    "DT_QUINT16": "UINT16",
    "DT_QINT32": "INT32",
}


class Tensor:
    """An input or output of a signature, and the tensor of the graph that it is. `shape`: -1 for any length; None: of any rank."""

    __slots__ = ("name", "tensor", "type", "dtype", "shape", "is_optional")

    def __init__(self, name, tensor, tf_type, shape, is_optional=False):
        self.name = name
        self.tensor = tensor
        self.type = tf_type
        self.dtype = protobuf_formats.name_of_dtype(tf_type.as_datatype_enum) or "DT_" + tf_type.name.upper()
        self.shape = shape
        self.is_optional = is_optional

    def json(self):
        return {"name": self.name, "shape": self.shape, "type": self.dtype}

    def check(self, dtype, shape):
        """Raises BadInput when values of this dtype and shape cannot be fed."""
        if dtype != self.dtype:
            raise BadInput("input %s is %s; allowed: %s" % (self.name, dtype, self.dtype))
        if not self.takes(shape):
            raise BadInput("input %s has the shape %s; allowed: %s (-1: any)" % (self.name, list(shape), self.shape))

    def takes(self, shape):
        if self.shape is None:
            return True
        return len(shape) == len(self.shape) and all(want in (-1, have) for want, have in zip(self.shape, shape))

    def fed(self, values):
        """Values in numpy's form of this dtype, as the session takes them."""
        target = np.dtype(self.type.as_numpy_dtype)
        if values.dtype == target:
            return values
        # A quantised type is a record with one whole number.
        return np.ascontiguousarray(values).view(target) if target.names else values.astype(target)

    def fetched(self, values):
        values = np.asarray(values)
        if values.dtype.names:
            return protobuf_formats.Array(self.dtype, values.view(values.dtype[0]))
        return values


class Signature:
    """One way to ask a model: names of inputs and outputs."""

    def __init__(self, name, inputs, outputs):
        self.name = name
        self.inputs = inputs
        self.outputs = outputs

    def json(self):
        return {
            "signature_name": self.name,
            "inputs": [tensor.json() for tensor in self.inputs.values()],
            "outputs": [tensor.json() for tensor in self.outputs.values()],
        }


class TensorflowModel(ReadyModel):
    family = "tensorflow"
    platform = "tensorflow_savedmodel"

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        models.check_options(config, "tensorflow_cpu", ["signature_name", "tags", "inputs", "outputs"])
        kind, path = _find(path)
        self._tf = tf = tensorflow
        self.library = "tensorflow %s" % tf.__version__
        self._v1 = tf.compat.v1
        self._graph = tf.Graph()
        cores = models.CORES
        options = self._v1.ConfigProto(
            intra_op_parallelism_threads=cores,
            # One core gains nothing from handing operations to other threads: they run in that of the request.
            inter_op_parallelism_threads=cores if cores > 1 else -1,
            device_count={} if tf.config.list_physical_devices("GPU") else {"GPU": 0},
        )
        self._session = self._v1.Session(graph=self._graph, config=options)
        self._prepared = {}
        progress("loading %s" % os.path.basename(path))
        if kind == "saved":
            self._is_frozen = False
            self._signatures = self._load_saved(path, config)
        else:
            self._is_frozen = True
            self.platform = "tensorflow_graphdef"
            self._signatures = self._load_frozen(path, config)
        self._default = self._default_signature(config)
        shown = self._default or next(iter(self._signatures.values()))
        self.inputs = _specs(shown.inputs.values())
        self.outputs = _specs(shown.outputs.values())

    def batch_problem(self):
        return self.first_axis_problem()

    def steps(self, body, headers):
        if tensorflow_json.is_json(body, headers):
            return (yield from self._json_steps(body))
        request = protobuf_formats.TensorflowRequest(body)
        signature = self._signature(request.signature_name)
        fed = {}
        for name, array in request.inputs.items():
            tensor = self._input(signature, name, fed)
            tensor.check(array.dtype, array.values.shape)
            fed[tensor.name] = tensor.fed(array.values)
        outputs = self._wanted(signature, request.outputs)
        return protobuf_formats.tensorflow_answer((yield from self._run(signature, fed, outputs)))

    def _json_steps(self, body):
        request = tensorflow_json.Request(body)
        signature = self._signature(request.signature_name)
        fed = {}
        for name, value in request.named(signature.inputs).items():
            tensor = self._input(signature, name, fed)
            values = tensorflow_json.array_of(tensor, value)
            tensor.check(tensor.dtype, values.shape)
            fed[tensor.name] = tensor.fed(values)
        outputs = self._wanted(signature, request.outputs)
        return request.answer((yield from self._run(signature, fed, outputs)))

    def infer_steps(self, inputs, outputs):
        signature = self._default or next(iter(self._signatures.values()))
        fed = {name: signature.inputs[name].fed(values) for name, values in inputs.items()}
        found = yield from self._run(signature, fed, self._wanted(signature, outputs))
        plain = {name: v.values if isinstance(v, protobuf_formats.Array) else v for name, v in found.items()}
        return {name: v.astype(np.float32) if v.dtype.name == "bfloat16" else v for name, v in plain.items()}

    def describe(self):
        """In the form that EAS answers (eas-reference section 3.5), and what else there is."""
        shown = self._default or next(iter(self._signatures.values()))
        others = [s.json() for s in self._signatures.values() if s is not shown]
        return {**shown.json(), "processor": self.family, "library": self.library, **({"others": others} if others else {})}

    def _load_saved(self, folder, config):
        try:
            tags = _tags_of(os.path.join(folder, "saved_model.pb"), config)
            with self._graph.as_default():
                meta = self._v1.saved_model.load(self._session, tags, folder)
        except BadModel:
            raise
        except Exception as error:
            raise BadModel("%s is a SavedModel that TensorFlow %s cannot load: %s" % (_name(folder), self._tf.__version__, _one_line(error)))
        found = {}
        for name in sorted(meta.signature_def):
            definition = meta.signature_def[name]
            infos = [*definition.inputs.values(), *definition.outputs.values()]
            if definition.outputs and not name.startswith("__") and all(info.WhichOneof("encoding") == "name" for info in infos):
                found[name] = Signature(name, self._tensors(definition.inputs), self._tensors(definition.outputs))
        if not found:
            raise BadModel("%s is a SavedModel without a signature of plain tensors; export it with signatures={...}" % _name(folder))
        return found

    def _tensors(self, infos):
        return {
            name: Tensor(name, info.name, self._tf.dtypes.as_dtype(info.dtype), _shape_of(info.tensor_shape))
            for name, info in sorted(infos.items())
        }

    def _load_frozen(self, path, config):
        definition = self._v1.GraphDef()
        try:
            with open(path, "rb") as file:
                definition.ParseFromString(file.read())
            if not definition.node:
                raise ValueError("it has no node")
        except Exception as error:
            raise BadModel("%s is no TensorFlow graph: %s" % (_name(path), _one_line(error)))
        variables = [node.name for node in definition.node if node.op in ("VarHandleOp", "VariableV2", "Variable")]
        if variables:
            raise BadModel("%s is a graph with variables (%s); freeze it, or export a SavedModel" % (_name(path), ", ".join(variables[:3])))
        try:
            self._import(definition)
        except Exception as error:
            raise BadModel("%s is a graph that TensorFlow %s cannot load: %s" % (_name(path), self._tf.__version__, _one_line(error)))
        inputs = self._named(config, "inputs") or self._placeholders()
        outputs = self._named(config, "outputs") or self._ends()
        if not outputs:
            raise BadModel('%s has no outputs that can be told; name them in model_config: {"outputs": ["node"]}' % _name(path))
        return {DEFAULT_SIGNATURE: Signature(DEFAULT_SIGNATURE, inputs, outputs)}

    def _import(self, definition):
        with self._graph.as_default():
            self._v1.import_graph_def(definition, name="")

    def _named(self, config, key):
        """Tensors that `model_config` names: a list of nodes, or name -> node."""
        given = config.get(key)
        if given is None:
            return None
        if isinstance(given, list) and given and all(isinstance(n, str) for n in given):
            given = {name: name for name in given}
        if not isinstance(given, dict) or not given or not all(isinstance(n, str) for n in given.values()):
            raise BadModel('model_config.%s: allowed: a list of nodes of the graph, or an object {"name": "node"}' % key)
        found = {}
        for name, node in given.items():
            tensor = self._graph_tensor(name, node)
            if tensor is None:
                raise BadModel("model_config.%s: the graph has no node %s" % (key, node))
            found[name] = tensor
        return found

    def _graph_tensor(self, name, node):
        try:
            tensor = self._graph.get_tensor_by_name(node if ":" in node else node + ":0")
        except (KeyError, ValueError):
            return None
        is_optional = tensor.op.type == "PlaceholderWithDefault"
        return Tensor(name, tensor.name, tensor.dtype, _shape_of(tensor.shape.as_proto()), is_optional)

    def _placeholders(self):
        ops = [op for op in self._graph.get_operations() if op.type in ("Placeholder", "PlaceholderWithDefault")]
        return {op.name: self._graph_tensor(op.name, op.name) for op in ops}

    def _ends(self):
        """Operations whose answers nothing in the graph takes."""
        silent = {"Const", "NoOp", "Assert", "Placeholder", "PlaceholderWithDefault", "Print", "PrintV2"}
        ends = [
            op
            for op in self._graph.get_operations()
            if op.outputs and op.type not in silent and not any(out.consumers() for out in op.outputs)
        ]
        found = {}
        for op in ends:
            for at, out in enumerate(op.outputs):
                name = op.name if at == 0 else "%s:%d" % (op.name, at)
                found[name] = self._graph_tensor(name, out.name)
        return found

    def _default_signature(self, config):
        name = config.get("signature_name")
        if name is not None and name not in self._signatures:
            raise BadModel("model_config.signature_name: found %.100r; the model has: %s" % (name, ", ".join(self._signatures)))
        if name is None and len(self._signatures) == 1:
            name = next(iter(self._signatures))
        return self._signatures.get(name or DEFAULT_SIGNATURE)

    def _signature(self, name):
        # A frozen graph has no signatures, and the SDKs make their users name one.
        found = self._default if self._is_frozen or not name else self._signatures.get(name)
        if found is None:
            said = "signature_name is %.100r" % name if name else "the request names no signature"
            raise BadInput("%s; the model has: %s" % (said, ", ".join(self._signatures)))
        return found

    @staticmethod
    def _input(signature, name, fed):
        """The input of a name, which may be that of its tensor; raises BadInput where `fed` has it already."""
        bare = name[:-2] if name.endswith(":0") else name
        found = signature.inputs.get(name) or signature.inputs.get(bare)
        if found is None:
            raise BadInput("input %.100s is unknown; allowed: %s" % (name, ", ".join(signature.inputs) or "no inputs"))
        if found.name in fed:
            raise BadInput("the request has the input %.100s twice (%.100s:0 is another name of it); allowed: each once" % (found.name, found.name))
        return found

    def _wanted(self, signature, names):
        if not names:
            return list(signature.outputs.values())
        wanted = {}
        for name in names:
            found = signature.outputs.get(name)
            if found is None and self._is_frozen:
                found = self._graph_tensor(name, name)  # any node can be asked for, as there are no signatures
            if found is None:
                raise BadInput("output %.100s is unknown; allowed: %s" % (name, ", ".join(signature.outputs)))
            wanted[name] = found
        return list(wanted.values())

    def _run(self, signature, fed, wanted):
        missing = [t.name for t in signature.inputs.values() if t.name not in fed and not t.is_optional]
        if missing:
            raise BadInput("input %s is missing; allowed: %s" % (missing[0], ", ".join(signature.inputs)))
        # In the order of the signature, so that the order of a request does not tell it from others.
        given = [tensor for name, tensor in signature.inputs.items() if name in fed]
        fetches, feeds = tuple(t.tensor for t in wanted), tuple(t.tensor for t in given)
        can_join = all(t.shape and t.shape[0] == -1 for t in (*given, *wanted))
        call = Call(self._call(fetches, feeds), (fetches, feeds), [fed[t.name] for t in given], can_join)
        found = yield call
        return {tensor.name: tensor.fetched(values) for tensor, values in zip(wanted, found)}

    def _call(self, fetches, feeds):
        key = (fetches, feeds)
        call = self._prepared.get(key)
        if call is None:
            prepared = self._session.make_callable(list(fetches), list(feeds))
            call = lambda arrays: self._called(prepared, arrays)  # noqa: E731
            if len(self._prepared) < _PREPARED_MAX:
                self._prepared[key] = call
        return call

    def _called(self, prepared, arrays):
        errors = self._tf.errors
        try:
            return prepared(*arrays)
        except errors.ResourceExhaustedError as error:
            raise MemoryError(str(error)) from error
        except errors.OpError as error:
            raise BadInput("TensorFlow refuses these inputs: %s" % _one_line(error.message))


def _specs(tensors):
    """Those that the Open Inference Protocol has a word for."""
    known = [t for t in tensors if t.dtype in _DATATYPES]
    return [TensorSpec(t.name, _DATATYPES[t.dtype], t.shape, t.is_optional) for t in known]


def _shape_of(proto):
    return None if proto.unknown_rank else [dim.size for dim in proto.dim]


def _find(path):
    """`("saved", folder)` or `("frozen", file)`; raises BadModel."""
    if os.path.isfile(path):
        if os.path.basename(path) == "saved_model.pb":
            return "saved", os.path.dirname(path)
        _check_file(path)
        return "frozen", path
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        return "saved", path
    names = sorted(os.listdir(path))
    # TensorFlow Serving's layout: a folder for each version.
    versions = [n for n in names if n.isdigit() and os.path.isfile(os.path.join(path, n, "saved_model.pb"))]
    if versions:
        return "saved", os.path.join(path, max(versions, key=int))
    graphs = [n for n in names if n.endswith(".pb")]
    if len(graphs) == 1:
        return "frozen", os.path.join(path, graphs[0])
    found = ", ".join(names[:5]) or "nothing"
    raise BadModel("%s has %s; allowed: a SavedModel (saved_model.pb and variables), or a frozen graph (one .pb file)" % (_name(path), found))


def _check_file(path):
    """Any protobuf may be a graph, so only what is surely something else is refused."""
    with open(path, "rb") as file:
        head = file.read(8)
    if head[4:8] == b"TFL3":
        raise BadModel("%s is a TensorFlow Lite model; a SavedModel or a frozen graph is served" % _name(path))
    if model_files.kind_of(path) not in ("unknown", "onnx", "caffemodel"):
        model_files.find(path, ("tensorflow-graph",), "tensorflow_cpu")


def _tags_of(path, config):
    """The tags of the part of a SavedModel that is for serving."""
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    try:
        with open(path, "rb") as file:
            found.ParseFromString(file.read())
    except Exception as error:
        raise BadModel("%s is no SavedModel: %s" % (path, _one_line(error)))
    sets = [sorted(graph.meta_info_def.tags) for graph in found.meta_graphs]
    wanted = config.get("tags", ["serve"])
    if sorted(wanted) in sets:
        return sorted(wanted)
    if "tags" not in config:
        for tags in sets:
            if "serve" in tags:
                return tags
    shown = " or ".join("[%s]" % ", ".join(tags) for tags in sets) or "none"
    raise BadModel("%s has no part with the tags %s; there is: %s" % (_name(os.path.dirname(path)), wanted, shown))


def _name(path):
    return os.path.basename(path.rstrip("/")) or path


def _one_line(error):
    """The first line of what TensorFlow says, without the trace of nodes that follows."""
    text = str(error).strip() or type(error).__name__
    first = text.split("\n")[0].split("\t [[")[0]
    return re.sub(r"\s+", " ", first)[:300].rstrip(". ")
