"""What every ready-made processor gives: the tensors of its model, and a way to run it."""
import importlib
import os
import re

from .batches import alone

#: Family of a processor -> (module here, class in it).
FAMILIES = {
    "caffe": ("caffe_model", "CaffeModel"),
    "lightgbm": ("lightgbm_model", "LightgbmModel"),
    "onnx": ("onnx_model", "OnnxModel"),
    "pytorch": ("pytorch_model", "PytorchModel"),
    "tensorflow": ("tensorflow_model", "TensorflowModel"),
    "sklearn": ("sklearn_model", "SklearnModel"),
    "xgboost": ("xgboost_model", "XgboostModel"),
}

#: Threads that a library may use for one request: `metadata.cpu`, divided by the worker processes of the instance, rounded up. Set by `load`.
CORES = 1

#: GPUs that the service asks for; 0: everything runs on the CPU, whatever the machine has. Set by `load`.
GPUS = 0


class TensorSpec:
    """One input or output of a model.

    `datatype` is one of the Open Inference Protocol v2 (BOOL, UINT8 … INT64, FP16, FP32, FP64, BYTES), `shape` a list of whole numbers in which -1
    stands for any length; None: of any rank, which is shown as [-1]. `is_optional`: a request may leave this input out. `also`: further datatypes that
    a request may have, made into `datatype`. `takes_any_name`: of a model's only input, which clients of other servers name as they like.
    """

    __slots__ = ("name", "datatype", "shape", "is_optional", "also", "takes_any_name")

    def __init__(self, name, datatype, shape, is_optional=False, also=(), takes_any_name=False):
        self.name = name
        self.datatype = datatype
        self.shape = None if shape is None else list(shape)
        self.is_optional = is_optional
        self.also = also
        self.takes_any_name = takes_any_name

    def json(self):
        return {"name": self.name, "datatype": self.datatype, "shape": [-1] if self.shape is None else self.shape}


#: Letters of a refusal that a client gets: a name in it may be as long as a body.
TEXT_MAX = 2000


class BadInput(ValueError):
    """Something is wrong with a request: 400, and the text goes to the client as it is."""


class BadModel(Exception):
    """The model cannot be served; the text says what is wrong with the file and what is allowed."""

    #: The text is a whole sentence for people: it is shown without the name of this class.
    is_sentence = True


def check_options(config, processor, known):
    """Raises BadModel for an option of `model_config` that is none of `known`: it is likelier misspelt than meant for nobody."""
    for name in config:
        if name not in known:
            told = "knows %s" % ", ".join(known) if known else "has no options"
            raise BadModel('model_config has the unknown "%s"; processor "%s" %s' % (name, processor, told))


class ReadyModel:
    """A loaded model. A family derives from it; `process` and `infer` may be called by several threads at once. A family whose requests can go together
    in batches gives `steps` and `infer_steps` in their place (batches.py).

    `path` is the model as the service names it (`model_entry`, else `model_path`), a file or a folder; `config` is `model_config` as a dict,
    {} when there is none. The constructor loads, calls `progress(text)` at long steps, and raises BadModel for what cannot be served.
    """

    #: Name of the family, as in core/spec/processors.ts.
    family = ""
    #: Library and version that runs it, as `desc` shows it, e.g. "xgboost 2.1.4". Set by the constructor.
    library = ""
    #: What people should know of the model though it serves, such as that a pickle runs code; shown beside the instance. Set by the constructor.
    note = ""
    #: `platform` of the Open Inference Protocol, e.g. "onnx_onnxv1".
    platform = ""

    def __init__(self, path, config, progress):
        #: Lists of TensorSpec, for metadata and for checking requests. No outputs: the model tells them with an answer only, by names and datatypes of its own.
        self.inputs = []
        self.outputs = []

    def batch_problem(self):
        """Why requests cannot go together, as a clause; "": they can, if rows of the model's first axis have nothing to do with each other, which
        who sets `metadata.rpc.batching` knows."""
        return "this processor takes no batches"

    def first_axis_problem(self):
        """For `batch_problem`: a first dimension of an input or output that is no number of rows."""
        for word, specs in (("input", self.inputs), ("output", self.outputs)):
            for spec in specs:
                if not spec.shape:
                    return 'the model does not say the shape of its %s "%s"' % (word, spec.name)
                if spec.shape[0] != -1:
                    return 'the first dimension of its %s "%s" is always %d' % (word, spec.name, spec.shape[0])
        return ""

    def process(self, body, headers):
        """One request in the family's own format (eas-reference section 5). `body` is bytes-like and not empty. Returns what a processor may return
        (processors/python/README.md); raises BadInput."""
        return alone(self.steps(body, headers))

    def steps(self, body, headers):
        """`process` as a generator of calls."""
        return self.process(body, headers)
        yield

    def infer(self, inputs, outputs):
        """One request of the Open Inference Protocol. `inputs`: name -> numpy array (BYTES: dtype object, of bytes), all of those of the model that must be there,
        types and shapes already checked against `self.inputs`; `outputs`: names wanted, or None: all, or those that cost nothing more. Returns name -> numpy array; raises BadInput."""
        return alone(self.infer_steps(inputs, outputs))

    def infer_steps(self, inputs, outputs):
        """`infer` as a generator of calls."""
        return self.infer(inputs, outputs)
        yield

    def describe(self):
        """Answer to a GET or an empty body."""
        return {
            "processor": self.family,
            "library": self.library,
            "inputs": [spec.json() for spec in self.inputs],
            "outputs": [spec.json() for spec in self.outputs],
        }


def load(family, path, config, progress, cores=1, imported=lambda: None, gpus=None):
    """The model of a service. `family` is that of the engine's INIT frame; `cores` is its part of `metadata.cpu`, rounded up; `imported` is called when the
    library is here, before the model is read. `gpus`: what `metadata.gpu` asks for where the code of the processor names GPUs, else None."""
    global CORES, GPUS
    CORES = cores
    GPUS = gpus or 0
    if GPUS == 0:
        # Libraries then do not look for any, which some do for seconds.
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif gpus_there() < GPUS:
        raise BadModel("metadata.gpu is %d, and this machine has %d; without it the processor runs on the CPU" % (GPUS, gpus_there()))
    module, name = FAMILIES[family]
    model_class = getattr(importlib.import_module("." + module, __package__), name)
    imported()
    loaded = model_class(path, config, progress)
    if gpus == 0:
        loaded.note = "; ".join(filter(None, [CPU_NOTE, loaded.note]))
    return loaded


#: Told of a processor whose code names GPUs, of a service that asks for none.
CPU_NOTE = "it runs on the CPU: the processor's code is one for GPUs, and metadata.gpu does not ask for one"


def gpus_there(folder="/dev"):
    """GPUs with a driver, as the control process counts them (src/adapters/process/node-capacity.ts)."""
    try:
        return sum(1 for name in os.listdir(folder) if re.fullmatch(r"nvidia\d+", name))
    except OSError:
        return 0
