"""Trains the model of this example, and asks XGBoost itself for the answers that the service must give.

Run it with the packages of requirements.txt: `python train.py`. Each run gives the same answers.
"""
import json
import pathlib

import numpy
import xgboost
from sklearn.datasets import load_breast_cancer

HERE = pathlib.Path(__file__).parent
HELD_OUT = 5

data = load_breast_cancer()
# Numbers as they are in JSON and as the model computes: 32 bits, four digits behind the point are plenty here.
features = numpy.round(data.data, 4)
names = [str(name) for name in data.feature_names]
order = numpy.random.default_rng(7).permutation(len(features))
held, train = order[:HELD_OUT], order[HELD_OUT:]

settings = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.3, "seed": 7, "nthread": 1}
matrix = xgboost.DMatrix(features[train], label=data.target[train], feature_names=names)
booster = xgboost.train(settings, matrix, num_boost_round=20)
booster.save_model(HERE / "model" / "model.json")

rows = [row.tolist() for row in features[held]]
# One value of the second row is missing, and the last row is written by names.
rows[1][3] = None
missing = numpy.array(rows, dtype=numpy.float32)
rows[-1] = dict(zip(names, rows[-1]))
answers = booster.predict(xgboost.DMatrix(missing, feature_names=names))

(HERE / "request.json").write_text(json.dumps(rows) + "\n")
(HERE / "expected.json").write_text(json.dumps(answers.tolist()) + "\n")
