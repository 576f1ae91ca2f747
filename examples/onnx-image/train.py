"""Makes the convolutional network of this example, and asks ONNX Runtime itself for the answers that the service must give.

The filters are the means of clusters of patches of the images (k-means), the last layer is a logistic regression on what they give: small, and
the same each time. Run it with the packages of requirements.txt: `python train.py`.
"""
import json
import pathlib

import numpy
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
FILTERS = 24
HELD_OUT = 300

data = load_digits()
images = (data.images / 16).astype(numpy.float32).reshape(-1, 1, 8, 8)
order = numpy.random.default_rng(7).permutation(len(images))
held, train = order[:HELD_OUT], order[HELD_OUT:]

patches = numpy.lib.stride_tricks.sliding_window_view(images[train, 0], (3, 3), axis=(1, 2)).reshape(-1, 9)
patches = patches[numpy.random.default_rng(7).choice(len(patches), 5000, replace=False)]
patches = patches - patches.mean(axis=1, keepdims=True)
filters = KMeans(FILTERS, n_init=1, random_state=7).fit(patches).cluster_centers_.astype(numpy.float32)
filters -= filters.mean(axis=1, keepdims=True)


def network(weights, bias, outputs):
    """Convolution, ReLU, pooling; and, where there are weights, one layer and softmax."""
    nodes = [
        helper.make_node("Conv", ["image", "filters"], ["convolved"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["convolved"], ["positive"]),
        helper.make_node("MaxPool", ["positive"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
    ]
    constants = [numpy_helper.from_array(filters.reshape(FILTERS, 1, 3, 3), "filters")]
    if weights is not None:
        nodes += [
            helper.make_node("Gemm", ["features", "weights", "bias"], ["scores"]),
            helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
            helper.make_node("ArgMax", ["probabilities"], ["digit"], axis=1, keepdims=0),
        ]
        constants += [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    graph = helper.make_graph(nodes, "digits", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="sluice example")
    checker.check_model(model)
    return model.SerializeToString()


def run(model, inputs):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, {"image": inputs})


features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", FILTERS * 16])
before = run(network(None, None, [features]), images)[0]
last = LogisticRegression(C=1.0, max_iter=2000).fit(before[train], data.target[train])
outputs = [
    helper.make_tensor_value_info("digit", TensorProto.INT64, ["batch"]),
    helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10]),
]
model = network(last.coef_.T.astype(numpy.float32), last.intercept_.astype(numpy.float32), outputs)
digits = run(model, images[held])[0]
print("right on %d of %d images that it has not seen" % ((digits == data.target[held]).sum(), HELD_OUT))
(HERE / "model" / "model.onnx").write_bytes(model)

asked = images[held[:3]]
digits, probabilities = run(model, asked)
(HERE / "request.json").write_text(json.dumps({"inputs": {"image": asked.tolist()}}) + "\n")
expected = {"outputs": {"digit": digits.tolist(), "probabilities": probabilities.tolist()}}
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
