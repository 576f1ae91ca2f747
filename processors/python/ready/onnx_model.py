"""ONNX models, run by ONNX Runtime on the CPU, or on a GPU where its package and the machine have one.

Requests in the family's own format:

- JSON by inputs: `{"inputs": {name: nested lists}, "outputs": [names]}`, answered by `{"outputs": {name: nested lists}}`. Without `outputs`: all.
- JSON by rows: an array of rows. A row is what one index of the only input holds, or an object `{input: what one index of it holds}`; an input
  of one column may be a plain value. The answer is an array with one item a row: the value of the only output, or an object by outputs.
  `{"instances": [...]}` is answered by `{"predictions": [...]}`.
- protobuf: DataProto of the official SDK's OnnxRequest, answered by one.

null is a missing number: NaN. In answers NaN is null. Outputs that are sequences of maps, as converters of scikit-learn give them for probabilities (ZipMap), are objects
in JSON, and FP32 [rows, classes] in the order of the classes elsewhere.

`model_config`, a JSON object: `graph_optimization`: "all" (the default), "extended", "basic" or "none".
"""
import os
import re

import numpy
import onnxruntime

from . import model as models
from . import model_files, onnx_formats, tensors
from .inference_protocol import fits
from .model import BadInput, BadModel, ReadyModel, TensorSpec

_DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}
_MAPS = re.compile(r"^seq\(map\(\w+,tensor\((float|double)\)\)\)$")
_OPTIMIZATION = {
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
}
_CPU = "CPUExecutionProvider"
_GPU = "CUDAExecutionProvider"
#: Nothing but what ends the process: warnings are about how a model was made, and errors are raised, too, of each bad request.
_LOG_SEVERITY = 4


class OnnxModel(ReadyModel):
    family = "onnx"
    platform = "onnx_onnxv1"

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        self.library = "onnxruntime %s" % onnxruntime.__version__
        file, _ = model_files.find(path, ("onnx",), "onnx")
        progress("loading %s" % os.path.basename(file))
        self._session = session = _load(file, config)
        self.inputs = [_input_spec(file, arg) for arg in session.get_inputs()]
        self._specs = {spec.name: spec for spec in self.inputs}
        self._maps = {arg.name for arg in session.get_outputs() if _MAPS.match(arg.type)}
        self._all = [arg.name for arg in session.get_outputs()]
        #: Those that are tensors, or can be made into one.
        self.outputs = [spec for spec in map(_output_spec, session.get_outputs()) if spec is not None]
        self._datatypes = {spec.name: spec.datatype for spec in self.outputs}
        if not self.outputs:
            raise BadModel("%s has no output that is a tensor; found: %s" % (os.path.basename(file), session.get_outputs()[0].type))

    def describe(self):
        facts = self._session.get_modelmeta()
        known = super().describe()
        known["provider"] = self._session.get_providers()[0]
        known["producer"] = facts.producer_name
        return known

    def process(self, body, headers):
        # A DataProto begins with its field 1. So may JSON, by a line feed; but that is no whole message then.
        if body[0] == 0x0A or headers.get("content-type", "").startswith("application/x-protobuf"):
            found = onnx_formats.read_data(body)
            if found is not None:
                return self._answer_data(found)
        return self._answer_json(onnx_formats.read_json(body))

    def infer(self, inputs, outputs):
        names = list(self._datatypes) if outputs is None else outputs
        results = self._run({name: _for_runtime(name, array) for name, array in inputs.items()}, names)
        return {name: _as_array(name, value) for name, value in zip(names, results)}

    def _run(self, feeds, names):
        try:
            return self._session.run(names, feeds)
        except MemoryError:
            raise
        except Exception as error:  # the classes of ONNX Runtime have no base of their own
            raise BadInput("the model cannot take this input: %s" % _reason(error))

    def _answer_data(self, found):
        inputs = {}
        for name, datatype, shape, data in found:
            # The SDK's example leaves the name out where there is one input.
            if name == "" and len(self.inputs) == 1:
                name = self.inputs[0].name
            spec = self._spec(name)
            where = 'input "%s"' % name
            if name in inputs:
                raise BadInput("%s comes twice" % where)
            if datatype != spec.datatype:
                raise BadInput("%s has datatype %s; allowed: %s" % (where, datatype, spec.datatype))
            _check_shape(where, spec, shape)
            inputs[name] = tensors.array_of_bytes(where, datatype, shape, data)
        self._check_all(inputs)
        results = self.infer(inputs, None)
        return onnx_formats.data_answer([(name, self._datatypes[name], array) for name, array in results.items()])

    def _answer_json(self, value):
        if type(value) is dict and "inputs" in value:
            return self._answer_inputs(value)
        wrapped = type(value) is dict and list(value) == ["instances"]
        rows = value["instances"] if wrapped else value
        if type(rows) is not list:
            allowed = 'an array of rows, {"instances": an array of rows} or {"inputs": an object by inputs}'
            raise BadInput("the body is %s; allowed: %s" % (tensors.kind_of(rows), allowed))
        # Numbers alone are one row of a table.
        if rows and len(self.inputs) == 1 and len(self.inputs[0].shape or []) == 2 and self.inputs[0].shape[1] != 1:
            if set(map(type, rows)) <= {int, float, type(None)}:
                rows = [rows]
        answers = self._answer_rows(rows) if rows else []
        return {"predictions": answers} if wrapped else answers

    def _answer_inputs(self, value):
        for name in value:
            if name not in ("inputs", "outputs"):
                raise BadInput('the body has "%.100s"; allowed: "inputs" and "outputs"' % name)
        given, wanted = value["inputs"], value.get("outputs")
        if type(given) is not dict:
            raise BadInput("inputs is %s; allowed: an object by inputs" % tensors.kind_of(given))
        if wanted is None or wanted == []:
            wanted = self._all
        if type(wanted) is not list or any(type(name) is not str or name not in self._all for name in wanted):
            raise BadInput("outputs is %.200s; allowed: an array of %s" % (wanted, _listed(self._all)))
        feeds = {}
        for name, data in given.items():
            feeds[name] = onnx_formats.array_of('input "%s"' % name, self._spec(name), data)
        self._check_all(feeds)
        results = self._run({name: _for_runtime(name, array) for name, array in feeds.items()}, wanted)
        return {"outputs": {name: _json_of(result) for name, result in zip(wanted, results)}}

    def _answer_rows(self, rows):
        columns = self._columns(rows)
        feeds = {}
        for name, values in columns.items():
            spec = self._specs[name]
            if not spec.shape:
                raise BadInput('input "%s" has no rows, as its model does not say of what shape it is; allowed: {"inputs": {…}}' % name)
            if list(spec.shape[1:]) == [1] and type(values[0]) is not list:
                values = [[value] for value in values]
            where = "rows" if len(self.inputs) == 1 else 'rows, input "%s"' % name
            _check_lengths(where, spec, values)
            feeds[name] = onnx_formats.array_of(where, spec, values)
        results = self._run({name: _for_runtime(name, array) for name, array in feeds.items()}, self._all)
        answers = [_json_of(result) for result in results]
        for name, answer in zip(self._all, answers):
            if type(answer) is not list or len(answer) != len(rows):
                raise BadInput('output "%s" has not one item for each row; allowed for this model: {"inputs": {…}}' % name)
        if len(answers) == 1:
            return answers[0]
        return [dict(zip(self._all, items)) for items in zip(*answers)]

    def _columns(self, rows):
        """Name of input -> its value in each row."""
        if type(rows[0]) is not dict:
            if len(self.inputs) > 1:
                raise BadInput("row 1 is %s; allowed: an object with %s" % (tensors.kind_of(rows[0]), _listed(self._specs)))
            return {self.inputs[0].name: rows}
        columns = {name: [] for name in self._specs}
        for number, row in enumerate(rows, 1):
            if type(row) is not dict:
                raise BadInput("row %d is %s; allowed: an object, as row 1" % (number, tensors.kind_of(row)))
            for name in row:
                if name not in columns:
                    raise BadInput('row %d has the unknown input "%.100s"; allowed: %s' % (number, name, _listed(self._specs)))
            for name, values in columns.items():
                if name not in row:
                    raise BadInput('row %d: input "%s" is missing' % (number, name))
                values.append(row[name])
        return columns

    def _spec(self, name):
        if name not in self._specs:
            raise BadInput('unknown input "%.100s"; allowed: %s' % (name, _listed(self._specs)))
        return self._specs[name]

    def _check_all(self, given):
        for name in self._specs:
            if name not in given:
                raise BadInput('input "%s" is missing' % name)


def _load(file, config):
    models.check_options(config, "onnx", ["graph_optimization"])
    level = config.get("graph_optimization", "all")
    if level not in _OPTIMIZATION:
        raise BadModel("model_config: graph_optimization is %.100r; allowed: %s" % (level, _listed(_OPTIMIZATION)))
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = _OPTIMIZATION[level]
    options.intra_op_num_threads = models.CORES
    options.inter_op_num_threads = 1
    # A waiting thread that spins takes the core from the one beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _LOG_SEVERITY
    try:
        session = onnxruntime.InferenceSession(file, options, providers=_providers())
    except MemoryError:
        raise
    except Exception as error:
        raise _bad_model(file, str(error))
    # The runtime falls back by itself where its libraries of the GPU do not load, and only its log would say so.
    if models.GPUS > 0 and session.get_providers()[0] != _GPU:
        raise BadModel("onnxruntime %s cannot use the GPU of this machine; without metadata.gpu it runs on the CPU" % onnxruntime.__version__)
    return session


def _providers():
    if models.GPUS == 0:
        return [_CPU]
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # those of CUDA that came as packages
    return [_GPU, _CPU] if _GPU in onnxruntime.get_available_providers() else [_CPU]


def _bad_model(file, text):
    """What ONNX Runtime says, in a sentence of ours where it is known."""
    name = os.path.basename(file)
    version = re.search(r"Unsupported model IR version: (\d+), max supported IR version: (\d+)", text)
    if version:
        return BadModel("%s has ONNX IR version %s; this onnxruntime %s reads up to %s" % (name, version[1], onnxruntime.__version__, version[2]))
    opset = re.search(r"Opset (\d+) is under development.*?official support for domain (\S*) is till opset (\d+)", text, re.S)
    if opset:
        return BadModel("%s needs opset %s of ONNX; this onnxruntime %s has them up to %s" % (name, opset[1], onnxruntime.__version__, opset[3]))
    if "INVALID_PROTOBUF" in text or "No graph was found" in text:
        return BadModel("%s is no whole ONNX model: it cannot be parsed, as if it were cut off or of another kind" % name)
    unknown = re.search(r"No Op registered for (\S+)|error: (\S+?)\(-?\d+\) is not a registered", text)
    if unknown:
        found = unknown[1] or unknown[2]
        return BadModel("%s uses the operator %s, which this onnxruntime %s does not have" % (name, found, onnxruntime.__version__))
    return BadModel("%s cannot be loaded: %s" % (name, _clean(text)))


def _clean(text):
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : \w+ : ", "", text)
    text = re.sub(r"/\S*onnxruntime\S*/\S+:\d+ .*?\) (?=[A-Z])", "", text, flags=re.S)
    return " ".join(text.split())[:500]


def _reason(error):
    """What ONNX Runtime says of an input, without the name of its source file."""
    text = _clean(str(error))
    return re.sub(r" Please fix either the inputs/outputs or the model\.?$", "", text)


def _shape(arg):
    return [length if isinstance(length, int) and length >= 0 else -1 for length in arg.shape]


def _input_spec(file, arg):
    datatype = _DATATYPES.get(arg.type)
    if datatype is None:
        raise BadModel('%s: input "%s" is %s; allowed: tensors of %s' % (os.path.basename(file), arg.name, arg.type, ", ".join(_DATATYPES.values())))
    # The runtime says the same of a number alone as of a tensor of any rank, and checks it itself.
    return TensorSpec(arg.name, datatype, _shape(arg) or None)


def _output_spec(arg):
    """None for what cannot be made a tensor."""
    if arg.type in _DATATYPES:
        return TensorSpec(arg.name, _DATATYPES[arg.type], _shape(arg))
    found = _MAPS.match(arg.type)
    return TensorSpec(arg.name, "FP32" if found[1] == "float" else "FP64", [-1, -1]) if found else None


def _check_shape(where, spec, shape):
    if not fits(shape, spec.shape):
        raise BadInput("%s has shape %s; allowed: %s" % (where, tensors.shape_text(shape), tensors.shape_text(spec.shape)))


def _check_lengths(where, spec, values):
    """The first row that is of another length than the model's, by its number."""
    if len(spec.shape) < 2:
        return
    want = spec.shape[1] if spec.shape[1] >= 0 else (len(values[0]) if type(values[0]) is list else -1)
    for number, value in enumerate(values, 1):
        if type(value) is not list:
            raise BadInput("%s: row %d is %s; allowed: an array of %s" % (where, number, tensors.kind_of(value), want if want >= 0 else "values"))
        if len(value) != want:
            raise BadInput("%s: row %d has %d values; allowed: %d" % (where, number, len(value), want))


def _for_runtime(name, array):
    """ONNX Runtime takes texts, where the protocol has bytes."""
    if array.dtype != object:
        return array
    texts = numpy.empty(array.size, dtype=object)
    try:
        texts[:] = [element.decode("utf-8") for element in array.reshape(-1).tolist()]
    except UnicodeDecodeError:
        raise BadInput('input "%s" has bytes that are no UTF-8; allowed: texts' % name)
    return texts.reshape(array.shape)


def _as_array(name, value):
    """A result as a tensor: the maps of a sequence are rows, in the order of their keys."""
    if not isinstance(value, list):
        return value
    if any(not isinstance(item, dict) for item in value):
        raise BadInput('output "%s" is a sequence, which is no tensor; allowed: the other outputs' % name)
    keys = sorted(value[0]) if value else []
    return numpy.array([[item[key] for key in keys] for item in value]).reshape(len(value), len(keys))


def _json_of(value):
    if isinstance(value, numpy.ndarray):
        return onnx_formats.plain(value)
    if isinstance(value, list):
        return [_json_of(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _json_of(item) for key, item in value.items()}
    return onnx_formats.plain(numpy.asarray(value))


def _listed(names):
    shown = ['"%s"' % name for name in list(names)[:20]]
    return ", ".join(shown) + (" and %d more" % (len(names) - 20) if len(names) > 20 else "")
