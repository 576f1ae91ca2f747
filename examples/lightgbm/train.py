"""Trains the model of this example, and asks LightGBM itself for the answers that the service must give.

Run it with the packages of requirements.txt: `python train.py`. Each run gives the same answers.
"""
import json
import pathlib

import lightgbm
import numpy
from sklearn.datasets import load_wine

HERE = pathlib.Path(__file__).parent
HELD_OUT = 4

data = load_wine()
names = [name.replace("/", "_per_") for name in data.feature_names]
order = numpy.random.default_rng(7).permutation(len(data.data))
held, train = order[:HELD_OUT], order[HELD_OUT:]

settings = {"objective": "multiclass", "num_class": 3, "num_leaves": 7, "seed": 7, "deterministic": True, "num_threads": 1, "verbose": -1}
table = lightgbm.Dataset(data.data[train], label=data.target[train], feature_name=names)
booster = lightgbm.train(settings, table, num_boost_round=15)
booster.save_model(HERE / "model" / "model.txt")

rows = [row.tolist() for row in data.data[held]]
# One value of the second row is missing, and the last row is written by names.
rows[1][6] = None
answers = booster.predict(numpy.array(rows, dtype=float), num_threads=1)
rows[-1] = dict(zip(names, rows[-1]))

(HERE / "request.json").write_text(json.dumps(rows) + "\n")
(HERE / "expected.json").write_text(json.dumps(answers.tolist()) + "\n")
