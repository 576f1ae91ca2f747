"""Makes the SavedModel of this example, its requests, and the answer of TensorFlow itself to them.

    python3 train.py

Needs tensorflow, numpy and scikit-learn, whose wine data set it learns: scikit-learn finds the weights of a small net, which become
a TensorFlow module. The same seed gives the same model.
"""
import json
import shutil

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_wine
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

data = load_wine()
scaler = StandardScaler().fit(data.data)
net = MLPClassifier((12,), activation="tanh", max_iter=600, random_state=7).fit(scaler.transform(data.data), data.target)
print("right: %.3f of the wines" % net.score(scaler.transform(data.data), data.target))


class Wine(tf.Module):
    def __init__(self):
        super().__init__()
        self.mean = tf.constant(scaler.mean_, tf.float32)
        self.scale = tf.constant(scaler.scale_, tf.float32)
        self.weights = [tf.Variable(w, dtype=tf.float32) for w in net.coefs_]
        self.biases = [tf.Variable(b, dtype=tf.float32) for b in net.intercepts_]
        self.names = tf.constant([str(name) for name in data.target_names])

    def probabilities(self, x):
        hidden = tf.tanh(tf.matmul((x - self.mean) / self.scale, self.weights[0]) + self.biases[0])
        return tf.nn.softmax(tf.matmul(hidden, self.weights[1]) + self.biases[1])

    @tf.function(input_signature=[tf.TensorSpec([None, 13], tf.float32, name="wines")])
    def scores(self, wines):
        return {"probabilities": self.probabilities(wines)}

    @tf.function(input_signature=[tf.TensorSpec([None, 13], tf.float64, name="wines")])
    def names_of(self, wines):
        """What people read: a name, and how sure the net is."""
        found = self.probabilities(tf.cast(wines, tf.float32))
        return {"name": tf.gather(self.names, tf.argmax(found, 1)), "sure": tf.reduce_max(found, 1)}


model = Wine()
shutil.rmtree("model", ignore_errors=True)
tf.saved_model.save(model, "model", signatures={"serving_default": model.scores, "names": model.names_of})

rows = data.data[[0, 70, 140]].tolist()
with open("request.json", "w") as file:
    json.dump({"instances": rows}, file, indent=1)
loaded = tf.saved_model.load("model").signatures
scores = loaded["serving_default"](wines=tf.constant(rows, tf.float32))["probabilities"].numpy()
with open("expected.json", "w") as file:
    json.dump({"predictions": scores.tolist()}, file, indent=1)

with open("request-names.json", "w") as file:
    json.dump({"signature_name": "names", "inputs": rows}, file, indent=1)
named = loaded["names"](wines=tf.constant(rows, tf.float64))
answer = {"name": [n.decode() for n in named["name"].numpy()], "sure": named["sure"].numpy().tolist()}
with open("expected-names.json", "w") as file:
    json.dump({"outputs": answer}, file, indent=1)
