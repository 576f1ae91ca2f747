"""Trains the model of this example, writes it as ONNX, and asks ONNX Runtime itself for the answers that the service must give.

Run it with the packages of requirements.txt: `python train.py`. What it writes is the same each time.
"""
import json
import pathlib

import numpy
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
HELD_OUT = 4

data = load_wine()
features = data.data.astype(numpy.float32)
order = numpy.random.default_rng(7).permutation(len(features))
held, train = order[:HELD_OUT], order[HELD_OUT:]
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
model.fit(features[train], data.target[train])

# The converter's own form of probabilities: a sequence of maps, class to probability.
onnx = to_onnx(model, features[:1], target_opset=17)
onnx.graph.name = "wine"
(HERE / "model" / "model.onnx").write_bytes(onnx.SerializeToString())

rows = [[round(float(value), 4) for value in row] for row in features[held]]
session = onnxruntime.InferenceSession(HERE / "model" / "model.onnx", providers=["CPUExecutionProvider"])
table = numpy.array(rows, dtype=numpy.float32)
labels, probabilities = session.run(None, {"X": table})
assert (labels == model.predict(table)).all()
expected = [
    {"output_label": int(label), "output_probability": {str(key): value for key, value in row.items()}}
    for label, row in zip(labels, probabilities)
]
(HERE / "request.json").write_text(json.dumps(rows) + "\n")
(HERE / "expected.json").write_text(json.dumps(expected) + "\n")
