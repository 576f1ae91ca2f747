"""PyTorch: TorchScript files, asked in protobuf (eas-reference section 5.3) or by the Open Inference Protocol.

TorchScript does not say which dtypes and shapes a model takes, so requests in protobuf are given to it as they are. For the Open Inference Protocol
`model_config` may name them; else a tensor of 32-bit floats of any shape stands for each argument:

- `inputs`: a list of `{"name": "x", "datatype": "FP32", "shape": [-1, 4]}`, one for each argument of `forward`, in order.
- `outputs`: a list of the same, one for each output, in order. Without it the outputs of an answer are OUTPUT__0, OUTPUT__1 …, or the keys of the dict
  that the model answers with, with the datatypes that they have.

Where all of both have -1 as first dimension, requests can go together in batches: TorchScript itself does not tell a model that takes any number of rows
from one that does not.
"""
import os
import re
import zipfile

import numpy
import torch

from . import model_files, protobuf_formats, tensors
from . import model as models
from .batches import Call
from .model import BadInput, BadModel, ReadyModel, TensorSpec

EXPORT = "export it in Python: torch.jit.script(model).save(file), or torch.jit.trace(model, example).save(file)"
_DATATYPES = {
    "BOOL": numpy.bool_,
    "UINT8": numpy.uint8,
    "INT8": numpy.int8,
    "INT16": numpy.int16,
    "INT32": numpy.int32,
    "INT64": numpy.int64,
    "FP16": numpy.float16,
    "FP32": numpy.float32,
    "FP64": numpy.float64,
}
#: How an exception inside of TorchScript ends what is told of it.
_TOLD = re.compile(r"^[\w.]*(?:Error|Exception): (.+)")
#: Depth of tuples, lists and dicts in an answer.
_DEPTH_MAX = 16


class PytorchModel(ReadyModel):
    family = "pytorch"
    platform = "pytorch_libtorch"

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        models.check_options(config, "pytorch_cpu", ["inputs", "outputs"])
        file = _find(path)
        self.library = "torch %s" % torch.__version__
        torch.set_num_threads(models.CORES)
        progress("loading %s" % os.path.basename(file))
        try:
            model = torch.jit.load(file, map_location="cuda" if torch.cuda.is_available() else "cpu")
        except Exception as error:
            raise BadModel("%s is TorchScript that torch %s cannot load: %s" % (_name(file), torch.__version__, _one_line(error)))
        model.eval()
        self._model = model
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._arguments, self._needed = _arguments_of(model)
        self.inputs = _specs(config, "inputs") or [TensorSpec(name, "FP32", None) for name in self._arguments[: self._needed]]
        self.outputs = _specs(config, "outputs")
        self._has_inputs = "inputs" in config
        if len(self.inputs) > len(self._arguments):
            raise BadModel("model_config.inputs has %d; forward has %d: %s" % (len(self.inputs), len(self._arguments), ", ".join(self._arguments)))

    def batch_problem(self):
        if self.outputs and self._has_inputs:
            return self.first_axis_problem()
        return "TorchScript does not say which dimension counts rows; name inputs and outputs in model_config, with -1 as first dimension"

    def steps(self, body, headers):
        if bytes(body[:1]) in (b"{", b"["):
            raise BadInput("the body is JSON; allowed: a PredictRequest in protobuf, or JSON by the Open Inference Protocol at /v2/models/NAME/infer")
        request = protobuf_formats.PytorchRequest(body)
        given = [*request.inputs, *request.named.values()]
        for array in given:
            _check_dtype(array)
        dtypes = tuple(array.dtype for array in given)

        def run(arrays):
            tensors = [self._tensor(values, dtype) for values, dtype in zip(arrays, dtypes)]
            count = len(request.inputs)
            return self._results(self._run(tensors[:count], dict(zip(request.named, tensors[count:]))))

        options = (dtypes, len(request.inputs), tuple(request.named))
        outputs, by_name = _apart((yield Call(run, options, [array.values for array in given])))
        if request.outputs:
            outputs, by_name = self._filtered(outputs, by_name, request.outputs), {}
        return protobuf_formats.pytorch_answer(outputs, by_name)

    def infer_steps(self, inputs, outputs):
        names = tuple(spec.name for spec in self.inputs if spec.name in inputs)

        def run(arrays):
            # They may be views of the request, which cannot be written to; the model may write to its inputs.
            given = [self._on_device(torch.from_numpy(numpy.array(array))) for array in arrays]
            return self._results(self._run(given, {}))

        found, arrays = _apart((yield Call(run, names, [inputs[name] for name in names])))
        if self.outputs:
            arrays = self._as_configured(found, arrays)
        else:
            arrays.update(("OUTPUT__%d" % at, array) for at, array in enumerate(found))
        if outputs is None:
            return arrays
        unknown = [name for name in outputs if name not in arrays]
        if unknown:
            raise BadInput("output %.100s is unknown; allowed: %s" % (unknown[0], ", ".join(arrays)))
        return {name: arrays[name] for name in outputs}

    def describe(self):
        return {
            "processor": self.family,
            "library": self.library,
            "inputs": [spec.json() for spec in self.inputs],
            "outputs": [spec.json() for spec in self.outputs],
            "arguments": self._arguments,
        }

    def _as_configured(self, found, by_name):
        """name -> array of the outputs that `model_config` names; a cast to another datatype would lose something in silence (decision 0037)."""
        if found and len(found) < len(self.outputs):
            raise BadInput("the model gives %d outputs, and model_config.outputs names %d" % (len(found), len(self.outputs)))
        arrays = {spec.name: array for spec, array in zip(self.outputs, found)} if found else by_name
        for spec in self.outputs:
            if spec.name not in arrays:
                raise BadInput("the model gives no output %.100s of model_config.outputs; it gives: %s" % (spec.name, ", ".join(arrays) or "none"))
            dtype = arrays[spec.name].dtype
            if dtype != _DATATYPES[spec.datatype]:
                found = dtype.name if dtype.kind == "c" else tensors.datatype_of(dtype)
                raise BadInput("output %.100s is %s, and %s in model_config.outputs" % (spec.name, found, spec.datatype))
        return arrays

    def _results(self, found):
        """Arrays of what the model gave, those by names last, and the names."""
        outputs, by_name = _flat(found)
        return [*map(self._array, outputs), *map(self._array, by_name.values()), tuple(by_name)]

    def _tensor(self, values, dtype):
        if values.dtype == numpy.uint16:
            # PyTorch computes nothing with 16 bits without a sign.
            values = values.astype(numpy.int32)
        tensor = torch.from_numpy(values if values.flags.writeable else values.copy())
        if dtype == "DT_BFLOAT16":
            tensor = tensor.to(torch.bfloat16)
        return self._on_device(tensor)

    def _on_device(self, tensor):
        return tensor if self._device == "cpu" else tensor.to(self._device)

    def _array(self, tensor):
        tensor = tensor.detach()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        if tensor.is_sparse:
            tensor = tensor.to_dense()
        if tensor.dtype == torch.bfloat16:
            tensor = tensor.to(torch.float32)
        try:
            return tensor.cpu().numpy()
        except TypeError:
            raise BadInput("the model answers with a tensor of %s, which no format here has" % str(tensor.dtype).replace("torch.", ""))

    def _run(self, given, named):
        unknown = [name for name in named if name not in self._arguments]
        if unknown:
            given, named = self._as_dict(given, named, unknown[0])
        count = len(given) + len(named)
        if not self._needed <= count <= len(self._arguments):
            allowed = "%d" % self._needed if self._needed == len(self._arguments) else "%d to %d" % (self._needed, len(self._arguments))
            raise BadInput("the request has %d inputs; allowed: %s (%s)" % (count, allowed, ", ".join(self._arguments) or "none"))
        try:
            with torch.inference_mode():
                return self._model(*given, **named)
        except (RuntimeError, torch.jit.Error) as error:
            if "out of memory" in str(error) or "can't allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            raise BadInput("the model refuses these inputs: %s" % _one_line(error))
        except (IndexError, TypeError, ValueError) as error:
            raise BadInput("the model refuses these inputs: %s" % _one_line(error))

    def _as_dict(self, given, named, unknown):
        """Models for recommendation take one dict of tensors."""
        if not given and self._takes_dict():
            return [named], {}
        raise BadInput("input %.100s is unknown; allowed: %s" % (unknown, ", ".join(self._arguments) or "none"))

    def _takes_dict(self):
        arguments = self._model.forward.schema.arguments[1:]
        return len(arguments) == 1 and arguments[0].type.kind() == "DictType"

    def _filtered(self, outputs, by_name, wanted):
        if by_name and not outputs:
            raise BadInput("output_filter has %d; allowed: none, as the model answers by names: %s" % (wanted[0], ", ".join(by_name)))
        for at in wanted:
            if not 0 <= at < len(outputs):
                raise BadInput("output_filter has %d; allowed: 0 to %d" % (at, len(outputs) - 1))
        return [outputs[at] for at in wanted]


def _find(path):
    """The TorchScript file; raises BadModel for what is none."""
    file, _ = model_files.find(path, ("torch",), "pytorch_cpu") if not _is_old_pickle(path) else (path, None)
    if not zipfile.is_zipfile(file):
        raise BadModel("%s is a Python pickle, not TorchScript; %s" % (_name(file), EXPORT))
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
    if not any(name.endswith("/constants.pkl") for name in names) or not any("/code/" in name for name in names):
        raise BadModel("%s is a state dict or a pickled model, not TorchScript; %s" % (_name(file), EXPORT))
    return file


def _is_old_pickle(path):
    """Before 1.6 torch.save wrote a pickle that begins with a number of its own (torch/serialization.py, MAGIC_NUMBER)."""
    if path is None or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(2)[:1] == b"\x80"


def _arguments_of(model):
    """`(names, how many must be there)` of the arguments of `forward`."""
    try:
        arguments = [a for a in model.forward.schema.arguments if a.name != "self"]
    except (AttributeError, RuntimeError):
        raise BadModel("the TorchScript module has no method forward")
    return [a.name for a in arguments], sum(not a.has_default_value() for a in arguments)


def _specs(config, key):
    given = config.get(key)
    if given is None:
        return []
    allowed = 'a list of {"name": "x", "datatype": "FP32", "shape": [-1, 4]}'
    if not isinstance(given, list) or not given:
        raise BadModel("model_config.%s is %s; allowed: %s" % (key, type(given).__name__, allowed))
    specs = []
    for at, one in enumerate(given):
        shape = one.get("shape") if isinstance(one, dict) else None
        is_shape = isinstance(shape, list) and all(type(n) is int and n >= -1 for n in shape)
        if not is_shape or not isinstance(one.get("name"), str) or one.get("datatype") not in _DATATYPES:
            raise BadModel("model_config.%s[%d]; allowed: %s; datatypes: %s" % (key, at, allowed, ", ".join(_DATATYPES)))
        specs.append(TensorSpec(one["name"], one["datatype"], shape))
    return specs


def _check_dtype(array):
    if array.values.dtype == object:
        raise BadInput("an input is DT_STRING; allowed: numbers, as PyTorch has no tensors of texts")
    if array.dtype.startswith("DT_Q"):
        raise BadInput("an input is %s; allowed: no quantised numbers" % array.dtype)


def _apart(results):
    """`(list of arrays, name -> array)` of results."""
    names = results[-1]
    count = len(results) - 1 - len(names)
    return list(results[:count]), dict(zip(names, results[count:-1]))


def _flat(value):
    """`(list of tensors, name -> tensor)` of what a model gave: a dict at the top by its names, all else in order, however nested."""
    if isinstance(value, dict):
        named = {}
        for key, inner in value.items():
            parts = _leaves(inner, 1)
            for at, tensor in enumerate(parts):
                named["%s" % key if len(parts) == 1 else "%s.%d" % (key, at)] = tensor
        return [], named
    return _leaves(value, 0), {}


def _leaves(value, depth):
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (bool, int, float)):
        return [torch.tensor(value)]
    if value is None:
        return []
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and depth < _DEPTH_MAX:
        return [tensor for inner in value for tensor in _leaves(inner, depth + 1)]
    if isinstance(value, (list, tuple)):
        raise BadInput("the model answers with lists nested deeper than %d" % _DEPTH_MAX)
    found = "a text" if isinstance(value, str) else type(value).__name__
    raise BadInput("the model answers with %s; allowed: tensors, numbers, and tuples, lists and dicts of them" % found)


def _name(path):
    return os.path.basename(path)


def _one_line(error):
    """What went wrong, without the trace through TorchScript that stands before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [found.group(1) for found in map(_TOLD.match, lines) if found]
    text = told[-1] if told else (lines[0] if lines else type(error).__name__)
    return text[:300].rstrip(". ")
