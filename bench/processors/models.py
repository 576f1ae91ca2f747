"""Trains the models that all sides serve, from data sets that scikit-learn ships: python models.py <folder>

Beside each model stand a request of the Open Inference Protocol, `request.json`, and what the framework itself answers to it, `expected.json`.
"""
import json
import os
import sys

import joblib
import lightgbm
import numpy
import xgboost
from sklearn.datasets import load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def save(folder, name, file, write, row, datatype, expected):
    path = os.path.join(folder, name)
    os.makedirs(path, exist_ok=True)
    write(os.path.join(path, file))
    request = {"inputs": [{"name": "input-0", "shape": [1, len(row)], "datatype": datatype, "data": row.tolist()}]}
    with open(os.path.join(path, "request.json"), "w") as out:
        json.dump(request, out)
    with open(os.path.join(path, "expected.json"), "w") as out:
        json.dump(numpy.asarray(expected).ravel().tolist(), out)


def main(folder):
    x, y = load_wine(return_X_y=True)
    row = x[7]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(random_state=1)).fit(x, y)
    dump = lambda model: lambda path: joblib.dump(model, path)  # noqa: E731
    save(folder, "sklearn", "model.joblib", dump(pipeline), row, "FP64", pipeline.predict(row[None]))
    forest = RandomForestClassifier(100, random_state=1, n_jobs=1).fit(x, y)
    save(folder, "forest", "model.joblib", dump(forest), row, "FP64", forest.predict(row[None]))

    x, y = load_diabetes(return_X_y=True)
    row = x[7].astype(numpy.float32)
    # Not by XGBRegressor: that of 2.1 does not save beside scikit-learn 1.6 and later.
    boosted = xgboost.train({"max_depth": 4, "seed": 1, "nthread": 1}, xgboost.DMatrix(x, y), num_boost_round=100)
    save(folder, "xgboost", "model.json", boosted.save_model, row, "FP32", boosted.inplace_predict(row[None]))
    light = lightgbm.LGBMRegressor(n_estimators=100, num_leaves=15, random_state=1, n_jobs=1, verbose=-1).fit(x, y)
    row = x[7]
    save(folder, "lightgbm", "model.txt", light.booster_.save_model, row, "FP64", light.booster_.predict(row[None]))


main(sys.argv[1])
