"""Caffe: a prototxt and a caffemodel, run by the DNN module of OpenCV, asked in protobuf (eas-reference section 5.3) or by the Open Inference Protocol.

All values are 32-bit floats. Inputs have the shape that the prototxt gives them, with any number of rows.
"""
import os
import tempfile
import threading

import cv2
import numpy

from . import model as models
from . import model_files, protobuf_formats
from .model import BadInput, BadModel, ReadyModel, TensorSpec
from .prototxt import PrototxtError, net_of


class CaffeModel(ReadyModel):
    family = "caffe"
    platform = "caffe_opencv"

    def __init__(self, path, config, progress):
        super().__init__(path, config, progress)
        self.library = "opencv %s" % cv2.__version__
        models.check_options(config, "caffe_cpu", [])
        if models.GPUS > 0:
            raise BadModel("this build of OpenCV has nothing for GPUs; without metadata.gpu the net runs on the CPU")
        cv2.setNumThreads(models.CORES)
        prototxt, weights = _find(path)
        progress("loading %s" % os.path.basename(weights))
        try:
            with open(prototxt, "rb") as file:
                text = file.read().decode("utf-8")
            net = net_of(text)
        except (PrototxtError, UnicodeDecodeError) as error:
            raise BadModel("%s is no prototxt of a net: %s" % (os.path.basename(prototxt), error))
        if not net.inputs:
            raise BadModel('%s has no input; allowed: a net for deployment, with layers of type "Input" or input and input_shape' % os.path.basename(prototxt))
        try:
            self._net = _read(prototxt, text + net.more if net.more else "", weights)
            if self._net.empty():
                raise ValueError("it has no layers")
        except Exception as error:
            raise BadModel("OpenCV %s cannot load %s with %s: %s" % (cv2.__version__, os.path.basename(weights), os.path.basename(prototxt), _one_line(error)))
        #: A net holds the data that flows through it, so it does one thing at a time.
        self._lock = threading.Lock()
        self.inputs = [TensorSpec(name, "FP32", [-1] + shape[1:]) for name, shape in net.inputs.items()]
        self._tops = net.tops
        self._ends = [name for name in net.ends if name not in net.inputs]
        self._shapes = self._first_run(net, weights)
        self.outputs = [TensorSpec(name, "FP32", self._shapes[name]) for name in self._ends]

    def _first_run(self, net, weights):
        """Shapes of the outputs, by running the net once on zeros: weights that do not fit are found before the first request."""
        ones = {name: numpy.zeros([1] + shape[1:], numpy.float32) for name, shape in net.inputs.items()}
        try:
            found = self._forward(ones, self._ends)
        except cv2.error as error:
            raise BadModel("%s does not fit its prototxt, or has a layer that OpenCV %s does not run: %s" % (os.path.basename(weights), cv2.__version__, _one_line(error)))
        return {name: [-1] + list(values.shape[1:]) if values.ndim else [] for name, values in found.items()}

    def process(self, body, headers):
        if bytes(body[:1]) in (b"{", b"["):
            raise BadInput("the body is JSON; allowed: a PredictRequest in protobuf, or JSON by the Open Inference Protocol at /v2/models/NAME/infer")
        request = protobuf_formats.CaffeRequest(body)
        known = {spec.name: spec for spec in self.inputs}
        for name, values in request.inputs.items():
            if name not in known:
                raise BadInput("input %.100s is unknown; allowed: %s" % (name, ", ".join(known)))
            shape = known[name].shape
            if values.ndim != len(shape) or list(values.shape[1:]) != shape[1:]:
                raise BadInput("input %s has the shape %s; allowed: %s (-1: any)" % (name, list(values.shape), shape))
        for name in request.outputs:
            if name not in self._tops:
                raise BadInput("output %.100s is unknown; allowed: %s" % (name, ", ".join(self._ends)))
        missing = [name for name in known if name not in request.inputs]
        if missing:
            raise BadInput("input %s is missing; allowed: %s" % (missing[0], ", ".join(known)))
        return protobuf_formats.caffe_answer(self._run(request.inputs, request.outputs or self._ends))

    def infer(self, inputs, outputs):
        return self._run(inputs, self._ends if outputs is None else outputs)

    def _run(self, inputs, outputs):
        rows = {name: len(values) for name, values in inputs.items()}
        empty = [name for name, count in rows.items() if count == 0]
        if empty and any(rows.values()):
            other = next(name for name in rows if rows[name] > 0)
            raise BadInput("input %s has 0 rows and input %s %d; allowed: all without rows, or none" % (empty[0], other, rows[other]))
        if empty:
            return {name: numpy.empty([0] + self._shapes.get(name, [-1])[1:], numpy.float32) for name in outputs}
        try:
            return self._forward(inputs, list(dict.fromkeys(outputs)))
        except cv2.error as error:
            raise BadInput("the net refuses these inputs: %s" % _one_line(error))

    def _forward(self, inputs, outputs):
        with self._lock:
            for name, values in inputs.items():
                self._net.setInput(numpy.ascontiguousarray(values, dtype=numpy.float32), name)
            # The arrays are the net's own memory, which the next request writes over.
            found = self._net.forward([self._tops[name] for name in outputs])
            return {name: numpy.array(values) for name, values in zip(outputs, found)}


def _read(prototxt, text, weights):
    """The net of two files; `text`, if any, stands for that of the prototxt."""
    if not text:
        return cv2.dnn.readNetFromCaffe(prototxt, weights)
    # By a file, since OpenCV takes the weights as it takes the text, and they would be in memory twice.
    with tempfile.NamedTemporaryFile("w", suffix=".prototxt", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        return cv2.dnn.readNetFromCaffe(file.name, weights)


def _find(path):
    """`(prototxt, caffemodel)`; either may be named, the other stands beside it."""
    if os.path.isdir(path):
        folder, named = path, None
    else:
        folder, named = os.path.dirname(path), path
    names = sorted(os.listdir(folder))
    texts = [name for name in names if name.endswith((".prototxt", ".prototxt.txt", ".pbtxt"))]
    weights = [name for name in names if name.endswith(".caffemodel")]
    if named is not None and os.path.basename(named) in texts:
        texts = [os.path.basename(named)]
    elif named is not None and os.path.basename(named) in weights:
        weights = [os.path.basename(named)]
    elif named is not None:
        model_files.find(named, ("caffemodel", "prototxt"), "caffe_cpu")
        raise BadModel("%s has neither ending; allowed: .prototxt or .caffemodel" % os.path.basename(named))
    if len(texts) > 1:
        # Nets come with the definition that they were trained by beside the one to deploy.
        texts = [name for name in texts if "deploy" in name] or texts
    for what, found in ((".prototxt", texts), (".caffemodel", weights)):
        if len(found) != 1:
            shown = ", ".join(found or names[:5]) or "nothing"
            raise BadModel("%s has %d %s files (%s); allowed: one, or name one as model_entry" % (os.path.basename(folder), len(found), what, shown))
    return os.path.join(folder, texts[0]), os.path.join(folder, weights[0])


def _one_line(error):
    """`error: (-215:Assertion failed) …` without OpenCV's version and place in its sources."""
    text = " ".join(str(error).split())
    return text.partition("error: ")[2][:300] or text[:300]
