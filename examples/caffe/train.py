"""Makes the weights of deploy.prototxt, a request, and the answer of OpenCV's DNN module to it, which numpy has to agree with.

    python3 train.py

Needs numpy, scikit-learn, whose data set of handwritten digits it learns, and OpenCV 4 (opencv-python-headless). Filters of the convolution are by chance
(seeded); scikit-learn finds the weights of the last layer. Caffe itself is not needed: its file is some fields of protobuf.
"""
import json
import struct

import cv2
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

data = load_digits()
images = (data.images / 16).astype(np.float32)[:, None]
chance = np.random.default_rng(7)
filters = chance.normal(0, 0.5, (8, 1, 3, 3)).astype(np.float32)
shifts = chance.normal(0, 0.1, 8).astype(np.float32)


def features(images):
    """Convolution, ReLU and pooling by numpy, as the prototxt says."""
    windows = np.lib.stride_tricks.sliding_window_view(images[:, 0], (3, 3), axis=(1, 2))
    found = np.maximum(0, np.einsum("nyxij,fij->nfyx", windows, filters[:, 0]) + shifts[:, None, None])
    return found.reshape(len(images), 8, 3, 2, 3, 2).max(axis=(3, 5)).reshape(len(images), -1)


classifier = LogisticRegression(max_iter=2000).fit(features(images), data.target)
print("right: %.3f of the digits" % classifier.score(features(images), data.target))
weights = classifier.coef_.astype(np.float32)
biases = classifier.intercept_.astype(np.float32)


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, payload):
    """A field with a length: text, message or packed numbers."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def layer(name, kind, *blobs):
    """LayerParameter of caffe.proto: name 1, type 2, blobs 7; BlobProto: data 5, shape 7; BlobShape: dim 1."""
    parts = field(1, name.encode()) + field(2, kind.encode())
    for blob in blobs:
        shape = field(1, b"".join(varint(n) for n in blob.shape))
        parts += field(7, field(7, shape) + field(5, struct.pack("<%df" % blob.size, *blob.ravel())))
    return field(100, parts)


with open("model/digits.caffemodel", "wb") as file:
    file.write(field(1, b"digits") + layer("conv", "Convolution", filters, shifts) + layer("digit", "InnerProduct", weights, biases))

picked = images[[0, 11, 25, 1796]]
net = cv2.dnn.readNetFromCaffe("model/deploy.prototxt", "model/digits.caffemodel")
net.setInput(picked, "data")
answer = net.forward("prob")
scores = features(picked) @ weights.T + biases
scores = np.exp(scores - scores.max(1, keepdims=True))
assert np.allclose(answer, scores / scores.sum(1, keepdims=True), atol=1e-6), "OpenCV and numpy differ"

tensor = {"name": "data", "shape": list(picked.shape), "datatype": "FP32", "data": picked.ravel().astype(float).tolist()}
with open("request.json", "w") as file:
    json.dump({"inputs": [tensor]}, file, indent=1)
with open("expected.json", "w") as file:
    json.dump({"prob": {"shape": list(answer.shape), "values": answer.ravel().astype(float).tolist()}}, file, indent=1)
